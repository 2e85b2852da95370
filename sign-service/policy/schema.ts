/**
 * The policy file: what each account signs for whom. Strict, like every configuration here: an unknown key is an error,
 * and whatever a rule must limit is limited or said to be unlimited, since a limit that was left out by mistake costs money.
 *
 * Limits of value are wei in decimal, as text: YAML's numbers are inexact long before one ether.
 */
import { z } from 'zod'
import { integer, listOf, oneOf, text } from '../../config/fields.ts'
import { addressText } from '../../participant/index.ts'
import { PAYLOAD_KINDS, type PayloadKind } from '../../participant/signer/kind.ts'

export type Kind = PayloadKind

export const TRANSACTION_KINDS: readonly Kind[] = ['legacy', 'legacy_unprotected', 'eip2930', 'eip1559', 'eip7702']
export const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const
export const ANY = 'any'
export const UNLIMITED = 'unlimited'
/** Among selectors: a call without data, a plain transfer. */
export const NO_DATA = 'none'

const ADDRESS = 'expected an address, 0x and 40 hex digits in lower case or EIP-55 form'
const NAME = /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}$/

const any = () => z.literal(ANY, { error: `expected a list, or ${ANY}` })
/** The items of one error: those of a list, or that it is neither list nor `any`. */
const listOrAny = <T extends z.ZodType>(item: T, what: string) =>
  z.union([any(), listOf(item, what).min(1, { error: `expected at least one, or ${ANY}` })], {
    error: (issue) => (Array.isArray(issue.input) ? undefined : `expected a list of ${what}, or ${ANY}`),
  })

const name = () => {
  const error = 'expected a name of 1 to 64 letters, digits, spaces, dots, dashes and underscores'
  return z.string({ error }).regex(NAME, { error })
}

const address = () => z.string({ error: ADDRESS }).refine(isAddress, { error: ADDRESS })

function isAddress(value: string): boolean {
  if (/^0x[0-9a-f]{40}$/.test(value)) return true
  return /^0x[0-9a-fA-F]{40}$/.test(value) && addressText(Buffer.from(value.slice(2), 'hex')) === value
}

const wei = () => {
  const error = `expected wei in decimal, as text in quotes, or ${UNLIMITED}`
  return z.string({ error }).refine((v) => v === UNLIMITED || /^(0|[1-9][0-9]{0,77})$/.test(v), { error })
}

const selector = () => {
  const error = `expected a selector, 0x and 8 hex digits in lower case, or ${NO_DATA}`
  return z.string({ error }).regex(/^(0x[0-9a-f]{8}|none)$/, { error })
}

const chain = () => integer(1, Number.MAX_SAFE_INTEGER)

const time = () => {
  const error = 'expected a time of day, from "00:00" to "24:00", in quotes'
  return z.string({ error }).regex(/^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$/, { error })
}

const window = () =>
  z
    .strictObject({
      days: listOf(oneOf(DAYS), 'days').min(1, { error: 'expected at least one day' }),
      from: time(),
      to: time(),
    })
    .refine((w) => w.from < w.to, { path: ['to'], error: 'expected a time after from; two windows go past midnight' })

const destination = () =>
  z.strictObject({
    address: address(),
    selectors: listOrAny(selector(), 'selectors').default([NO_DATA]),
    primary_types: listOrAny(text('the name of a type', 128), 'names of types').optional(),
  })

const rule = () =>
  z.strictObject({
    name: name(),
    accounts: listOrAny(text('an account id', 256), 'account ids'),
    callers: listOrAny(text('the name of a caller', 512), 'names of callers'),
    kinds: listOf(oneOf(PAYLOAD_KINDS), 'kinds').min(1, { error: 'expected at least one kind' }),
    chains: listOrAny(chain(), 'chain ids').optional(),
    destinations: z
      .strictObject({
        allow: listOrAny(destination(), 'destinations').optional(),
        deny: listOf(address(), 'addresses').default([]),
        creation: z.boolean({ error: 'expected true or false' }).default(false),
      })
      .optional(),
    max_value: wei().optional(),
    max_value_per_day: wei().optional(),
    max_fee: wei().optional(),
    times: listOf(window(), 'windows of time').min(1, { error: 'expected at least one window' }).optional(),
    permit: z.boolean({ error: 'expected true or false' }).default(false),
    approvals: z.strictObject({ required: integer(1, 32), of: listOf(name(), 'names of approvers') }).optional(),
  })

const verifyKey = () => {
  const error = 'expected the public key of an approver, 64 hex digits in lower case'
  return z.string({ error }).regex(/^[0-9a-f]{64}$/, { error })
}

const shape = z.strictObject({
  version: z.literal(1, { error: 'expected 1' }),
  approvers: z.record(name(), verifyKey(), { error: 'expected names with public keys' }).default({}),
  rules: listOf(rule(), 'rules')
    .min(1, { error: 'expected at least one rule' })
    .max(1000, { error: 'expected at most 1000 rules' }),
})

export type PolicyFile = z.infer<typeof shape>
export type RuleFile = PolicyFile['rules'][number]

export const policySchema = shape.superRefine((file, context) => {
  const add = (path: (string | number)[], message: string): void => context.addIssue({ code: 'custom', path, message })
  const names = file.rules.map((r) => r.name)
  const keys = Object.values(file.approvers)
  if (new Set(keys).size !== keys.length) add(['approvers'], 'expected a key of their own for each approver')
  file.rules.forEach((r, i) => {
    if (names.indexOf(r.name) !== i) add(['rules', i, 'name'], 'expected a name that no other rule has')
    for (const { path, message } of ruleProblems(r, file.approvers)) add(['rules', i, ...path], message)
  })
})

interface Problem {
  readonly path: (string | number)[]
  readonly message: string
}

function ruleProblems(r: RuleFile, approvers: PolicyFile['approvers']): readonly Problem[] {
  const problems: Problem[] = []
  const isTransaction = r.kinds.some((k) => TRANSACTION_KINDS.includes(k))
  const isTyped = r.kinds.includes('typed_data')
  // what each of these says is about transactions, or typed data; elsewhere it would limit nothing
  const about = (key: keyof RuleFile, needed: boolean, possible: boolean, what: string): void => {
    if (needed && r[key] === undefined) problems.push({ path: [key], message: `expected with ${what}, but not given` })
    if (!possible && r[key] !== undefined) problems.push({ path: [key], message: `expected only with ${what}` })
  }
  about('chains', isTransaction || isTyped, isTransaction || isTyped, 'transactions and typed data')
  about('destinations', isTransaction || isTyped, isTransaction || isTyped, 'transactions and typed data')
  about('max_value', isTransaction, isTransaction, 'transactions')
  about('max_value_per_day', isTransaction, isTransaction, 'transactions')
  about('max_fee', isTransaction, isTransaction, 'transactions')
  if (r.kinds.includes('raw_digest') && (isTransaction || isTyped)) {
    problems.push({
      path: ['kinds'],
      message:
        'expected raw_digest in a rule of its own: a digest may stand for anything, beyond every limit of this one',
    })
  }
  if (r.kinds.includes('legacy_unprotected') && r.chains !== ANY) {
    problems.push({ path: ['chains'], message: `expected ${ANY} with legacy_unprotected, which every chain takes` })
  }
  if (r.approvals !== undefined) {
    const { of, required } = r.approvals
    const unknown = of.findIndex((n) => !Object.hasOwn(approvers, n))
    if (unknown >= 0) problems.push({ path: ['approvals', 'of', unknown], message: 'expected the name of an approver' })
    if (new Set(of).size !== of.length) problems.push({ path: ['approvals', 'of'], message: 'expected each name once' })
    if (required > of.length) problems.push({ path: ['approvals', 'required'], message: 'expected no more than names' })
  }
  const { allow } = r.destinations ?? {}
  if (Array.isArray(allow)) {
    const addresses = allow.map((d) => d.address.toLowerCase())
    const twice = addresses.findIndex((a, i) => addresses.indexOf(a) !== i)
    if (twice >= 0) problems.push({ path: ['destinations', 'allow', twice], message: 'expected each address once' })
  }
  return problems
}
