/**
 * A policy from a file: the rules (rules.ts), what was shown with the request (permits, approvals), and what was signed
 * before (journal.ts). Whatever a decision costs is on disk before it says yes: between looking at a limit and counting
 * against it nothing else runs, so that requests which come together can't overspend it.
 *
 * It is asked when the payload is known, for signatures from the start and for those from presignatures alike.
 * Presignatures themselves say nothing about a payload: they need a rule for the account and the caller.
 */
import { createHash } from 'node:crypto'
import { MpcError, type PresignRequest, type Refusal, type Secret, type SignRequest } from '../../participant/index.ts'
import { type Approval, isApproval, isPermit } from '../../participant/signer/authority.ts'
import type { Journal } from './journal.ts'
import type { Entry } from './journal-line.ts'
import { type Asked, judgeRules, limitOf, type Reason, rulesFor } from './rules.ts'
import { type PolicyFile, type RuleFile, UNLIMITED } from './schema.ts'
import { type Subject, subjectOf } from './subject.ts'

export interface FilePolicyOptions {
  readonly file: PolicyFile
  readonly journal: Journal
  /** There whenever a rule asks for permits. */
  readonly permitKey: Secret<Uint8Array> | undefined
  /** Name of the HTTP caller of the request that is being judged; undefined when it came through a room. */
  readonly httpCaller?: () => string | undefined
  /** Unix time in ms. */
  readonly now?: () => number
}

export interface FilePolicy {
  decide(request: SignRequest): Promise<Refusal | undefined>
  decidePresign(request: PresignRequest): Refusal | undefined
}

/** A permit, or an approval, that is good for longer than this is not taken: used ones have to be remembered until then. */
export const LONGEST_SECONDS = 86_400

export function filePolicy(o: FilePolicyOptions): FilePolicy {
  const { file, journal, now = Date.now } = o
  const approvers = new Map(Object.entries(file.approvers).map(([name, key]) => [key, name]))
  const callerOf = (from: string): string => o.httpCaller?.() ?? from

  function shownBy(request: SignRequest, { kind, digest }: Subject, nowMs: number): Asked['shown'] {
    const { account, authority } = request
    const about = { id: authority?.requestId ?? '', account, digest }
    const isInTime = (expires: number): boolean => 1000 * expires > nowMs
    const isFar = (expires: number): boolean => 1000 * expires > nowMs + 1000 * LONGEST_SECONDS
    const nameOf = (a: Approval): string | undefined => {
      if (!isInTime(a.expires) || isFar(a.expires) || !isApproval(about, kind, a)) return undefined
      return approvers.get(Buffer.from(a.approver).toString('hex'))
    }
    return {
      permit() {
        const permit = authority?.permit
        if (permit === undefined) return 'PERMIT_REQUIRED'
        if (o.permitKey === undefined || !isPermit(o.permitKey, about, permit)) return 'PERMIT_INVALID'
        if (!isInTime(permit.expires)) return 'PERMIT_EXPIRED'
        if (isFar(permit.expires)) return 'PERMIT_INVALID'
        // the answer from a presignature was lost: the same request, once more, from the start
        const again = request.attempt?.isPresigned === false ? attemptOf(request, digest) : undefined
        return journal.isUsed(permitId(about), again) ? 'PERMIT_USED' : undefined
      },
      approvedBy: () => new Set((authority?.approvals ?? []).flatMap((a) => nameOf(a) ?? [])),
    }
  }

  /** Who asks for what, until when: a request that comes again is told from another one by all of these. */
  function attemptOf({ from, attempt }: SignRequest, digest: Uint8Array): string {
    const all = [from, o.httpCaller?.(), Buffer.from(digest).toString('hex'), String(attempt?.deadline)]
    return createHash('sha256').update(JSON.stringify(all)).digest('hex').slice(0, 32)
  }

  /** The first rule with enough left of its day, and what to write down for it. */
  function choose(request: SignRequest, subject: Subject, rules: readonly RuleFile[], nowMs: number): Entry | Reason {
    const { account, authority } = request
    const digest = Buffer.from(subject.digest).toString('hex')
    const value = subject.transaction?.value
    const again = request.attempt?.isPresigned === true ? { attempt: attemptOf(request, subject.digest) } : {}
    for (const rule of rules) {
      if (value !== undefined) {
        const spent = journal.spent(rule.name, account, digest, nowMs)
        if (spent + value > limitOf(rule.max_value_per_day)) continue
      }
      const counts = value !== undefined && value > 0n && rule.max_value_per_day !== UNLIMITED
      const permit = rule.permit ? authority?.permit : undefined
      return {
        at: nowMs,
        ...(counts ? { spent: { rule: rule.name, account, digest, wei: value.toString() } } : {}),
        ...(permit === undefined
          ? {}
          : {
              permit: { id: permitId({ id: authority?.requestId ?? '', account }), expires: permit.expires, ...again },
            }),
      }
    }
    return 'DAILY_VALUE_EXCEEDED'
  }

  async function decide(request: SignRequest): Promise<Refusal | undefined> {
    try {
      await journal.ready()
      const nowMs = now()
      const subject = subjectOf(request.payload)
      if (Buffer.compare(subject.digest, request.digest) !== 0) return refusal('POLICY_STATE')
      const { account, from } = request
      const asked = { account, caller: callerOf(from), subject, shown: shownBy(request, subject, nowMs) }
      const judged = judgeRules(file.rules, asked, nowMs)
      if ('reason' in judged) return refusal(judged.reason)
      const chosen = choose(request, subject, judged.rules, nowMs)
      if (typeof chosen === 'string') return refusal(chosen)
      // nothing ran since the limits were looked at: it counts from here on, for everybody
      if (chosen.spent !== undefined || chosen.permit !== undefined) await journal.record(chosen)
      return undefined
    } catch (e) {
      if (e instanceof MpcError && e.code === 'STATE') return refusal('POLICY_STATE')
      throw e
    }
  }

  return {
    decide,
    decidePresign({ account, from }) {
      const about = rulesFor(file.rules, { account, caller: callerOf(from) })
      return 'reason' in about ? refusal(about.reason) : undefined
    },
  }
}

/** One request id of one account is signed for once, whatever its permits say. */
function permitId({ id, account }: { readonly id: string; readonly account: string }): string {
  return JSON.stringify([account, id])
}

const MESSAGES: Readonly<Record<Reason, string>> = {
  ACCOUNT_NOT_ALLOWED: 'no rule of the policy is about that account',
  CALLER_NOT_ALLOWED: 'no rule of the policy lets this caller ask for that account',
  TRANSACTION_AS_BYTES: 'these bytes look like a transaction or typed data; ask for them as that',
  DESTINATION_DENIED: 'the policy denies that destination',
  KIND_NOT_ALLOWED: 'the policy does not allow that kind of thing to be signed',
  CHAIN_NOT_ALLOWED: 'the policy does not allow that chain',
  CREATION_NOT_ALLOWED: 'the policy does not allow contracts to be made',
  DESTINATION_NOT_ALLOWED: 'the policy does not allow that destination',
  SELECTOR_NOT_ALLOWED: 'the policy does not allow that call of that contract',
  TYPE_NOT_ALLOWED: 'the policy does not allow that type of data for that contract',
  VALUE_TOO_HIGH: 'the policy does not allow so much value at once',
  FEE_TOO_HIGH: 'the policy does not allow so high a fee',
  OUTSIDE_TIME_WINDOW: 'the policy does not allow that at this time',
  APPROVAL_REQUIRED: 'not enough approvers have approved this',
  PERMIT_REQUIRED: 'the policy asks for a permit',
  PERMIT_INVALID: 'the permit is not for this request',
  PERMIT_EXPIRED: 'the permit has expired',
  PERMIT_USED: 'a permit for this request id was used already',
  DAILY_VALUE_EXCEEDED: 'the policy does not allow so much value within 24 hours',
  POLICY_STATE: 'what was signed before can not be read or written: nothing is signed',
}

function refusal(code: Reason): Refusal {
  return { code, message: MESSAGES[code] }
}
