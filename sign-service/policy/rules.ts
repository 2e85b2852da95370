/**
 * The rules themselves: a pure function of the rules, the request and the time. What has been spent, and which permits
 * were used, is asked for afterwards by `policy.ts`, which keeps it on disk.
 *
 * A request is allowed when one of the rules for its account and caller allows it; they are tried in the order of the
 * file. An address that any of them denies is denied by all. A refusal names the first thing that the rule which came
 * furthest does not allow: with one rule for small amounts and another, with approvals, for large ones, somebody who asks
 * for a large one hears that approvals are missing.
 */
import { ANY, NO_DATA, type RuleFile, UNLIMITED } from './schema.ts'
import type { Subject } from './subject.ts'
import { isWithin } from './windows.ts'

export interface Asked {
  readonly account: string
  /** The party that invited, by its name in the roster, or the name of an HTTP caller. */
  readonly caller: string
  readonly subject: Subject
  /** What was shown with the request; each asked only by a rule that wants it. */
  readonly shown: {
    /** Why there is no valid permit; undefined when there is one. */
    permit(): Reason | undefined
    /** Names of approvers who approved this. */
    approvedBy(): ReadonlySet<string>
  }
}

/** In the order in which they are looked at. */
export const REASONS = [
  'ACCOUNT_NOT_ALLOWED',
  'CALLER_NOT_ALLOWED',
  'TRANSACTION_AS_BYTES',
  'DESTINATION_DENIED',
  'KIND_NOT_ALLOWED',
  'CHAIN_NOT_ALLOWED',
  'CREATION_NOT_ALLOWED',
  'DESTINATION_NOT_ALLOWED',
  'SELECTOR_NOT_ALLOWED',
  'TYPE_NOT_ALLOWED',
  'VALUE_TOO_HIGH',
  'FEE_TOO_HIGH',
  'OUTSIDE_TIME_WINDOW',
  'APPROVAL_REQUIRED',
  'PERMIT_REQUIRED',
  'PERMIT_INVALID',
  'PERMIT_EXPIRED',
  'PERMIT_USED',
  'DAILY_VALUE_EXCEEDED',
  'POLICY_STATE',
] as const
export type Reason = (typeof REASONS)[number]

/** A rule that allows it, as far as that can be said without what was spent; or why none does. */
export type Judgement = { readonly rules: readonly RuleFile[] } | { readonly reason: Reason }

/** Every rule that allows it, in order; `nowMs` is Unix time. */
export function judgeRules(rules: readonly RuleFile[], asked: Asked, nowMs: number): Judgement {
  const about = rulesFor(rules, asked)
  if ('reason' in about) return about
  if (asked.subject.kind === 'disguised') return { reason: 'TRANSACTION_AS_BYTES' }
  const denied = new Set(about.rules.flatMap((r) => r.destinations?.deny ?? []).map((a) => a.toLowerCase()))
  if (targetsOf(asked.subject).some((a) => denied.has(a))) return { reason: 'DESTINATION_DENIED' }
  const allowed: RuleFile[] = []
  let furthest: Reason = 'KIND_NOT_ALLOWED'
  for (const rule of about.rules) {
    const reason = reasonAgainst(rule, asked, nowMs)
    if (reason === undefined) allowed.push(rule)
    else furthest = laterOf(furthest, reason)
  }
  return allowed.length > 0 ? { rules: allowed } : { reason: furthest }
}

/** The rules that are about this account and this caller; presignatures need no more than that there are any. */
export function rulesFor(
  rules: readonly RuleFile[],
  { account, caller }: Pick<Asked, 'account' | 'caller'>,
): Judgement {
  const ofAccount = rules.filter((r) => isIn(r.accounts, account))
  if (ofAccount.length === 0) return { reason: 'ACCOUNT_NOT_ALLOWED' }
  const both = ofAccount.filter((r) => isIn(r.callers, caller))
  return both.length === 0 ? { reason: 'CALLER_NOT_ALLOWED' } : { rules: both }
}

export function laterOf(a: Reason, b: Reason): Reason {
  return REASONS.indexOf(b) > REASONS.indexOf(a) ? b : a
}

function reasonAgainst(rule: RuleFile, { subject, shown }: Asked, nowMs: number): Reason | undefined {
  const { kind, transaction, typed } = subject
  if (kind === 'disguised' || !rule.kinds.includes(kind)) return 'KIND_NOT_ALLOWED'
  if (transaction !== undefined || typed !== undefined) {
    const reason = chainReason(rule, subject) ?? targetReason(rule, subject)
    if (reason !== undefined) return reason
  }
  if (transaction !== undefined) {
    if (transaction.value > limitOf(rule.max_value)) return 'VALUE_TOO_HIGH'
    if (transaction.fee > limitOf(rule.max_fee)) return 'FEE_TOO_HIGH'
  }
  if (rule.times !== undefined && !isWithin(rule.times, nowMs)) return 'OUTSIDE_TIME_WINDOW'
  if (rule.approvals !== undefined) {
    const { required, of } = rule.approvals
    const approvedBy = shown.approvedBy()
    if (of.filter((name) => approvedBy.has(name)).length < required) return 'APPROVAL_REQUIRED'
  }
  return rule.permit ? shown.permit() : undefined
}

/** What a limit lets through; a limit that is not there lets nothing through. */
export function limitOf(wei: string | undefined): bigint {
  return wei === UNLIMITED ? 2n ** 300n : BigInt(wei ?? 0)
}

function chainReason({ chains }: RuleFile, { chainId, kind }: Subject): Reason | undefined {
  if (chains === ANY) return undefined
  if (kind === 'legacy_unprotected') return 'CHAIN_NOT_ALLOWED'
  const isListed = chains?.some((c) => BigInt(c) === chainId) ?? false
  return isListed ? undefined : 'CHAIN_NOT_ALLOWED'
}

function targetReason({ destinations }: RuleFile, { transaction, typed }: Subject): Reason | undefined {
  const { allow = [], creation = false } = destinations ?? {}
  const entry = (address: string) =>
    allow === ANY ? undefined : allow.find((d) => d.address.toLowerCase() === address)
  if (transaction !== undefined) {
    const { to, selector, delegates } = transaction
    if (allow !== ANY && delegates.some((a) => entry(a) === undefined)) return 'DESTINATION_NOT_ALLOWED'
    if (to === undefined) return creation ? undefined : 'CREATION_NOT_ALLOWED'
    if (allow === ANY) return undefined
    const found = entry(to)
    if (found === undefined) return 'DESTINATION_NOT_ALLOWED'
    return isIn(found.selectors, selector ?? NO_DATA) ? undefined : 'SELECTOR_NOT_ALLOWED'
  }
  if (allow === ANY || typed === undefined) return undefined
  const found = typed.contract === undefined ? undefined : entry(typed.contract)
  if (found === undefined) return 'DESTINATION_NOT_ALLOWED'
  return isIn(found.primary_types ?? [], typed.primaryType) ? undefined : 'TYPE_NOT_ALLOWED'
}

function targetsOf({ transaction, typed }: Subject): readonly string[] {
  const all = [transaction?.to, ...(transaction?.delegates ?? []), typed?.contract]
  return all.filter((a) => a !== undefined)
}

function isIn(list: readonly string[] | typeof ANY, item: string): boolean {
  return list === ANY || list.includes(item)
}
