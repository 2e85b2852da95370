/** Evidence as a file: what is written comes back, and a file of any other form is refused, naming the field. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError, type Fault } from '../base/errors.ts'
import { fixture, testContext } from '../protocols/testing.ts'
import { type Evidence, formatEvidence, parseEvidence } from './evidence-file.ts'

const f = fixture(2, 2)
const fault: Fault = {
  culprit: 'p1',
  protocol: 'sign',
  round: '1',
  code: 'PARTIAL_SIG',
  check: 'eq sigma Gamma',
  evidence: [Uint8Array.of(1, 2, 3)],
  record: [Uint8Array.of(4), new Uint8Array(0)],
}
const evidence: Evidence = { fault, context: { ...testContext(f, 'sign'), digest: new Uint8Array(32).fill(7) } }
const text = formatEvidence(evidence)

test('what is written comes back, with a key or before there is one', () => {
  const { feldman: _, aux: __, digest: ___, ...before } = evidence.context
  for (const e of [evidence, { fault, context: { ...before, purpose: 'keygen' } }]) {
    const back = parseEvidence(formatEvidence(e))
    assert.equal(formatEvidence(back), formatEvidence(e))
    assert.deepEqual(back.fault, e.fault)
    assert.deepEqual(Object.keys(back.context).sort(), Object.keys(e.context).sort())
  }
})

type Draft = ReturnType<typeof draft>

function draft() {
  return JSON.parse(text) as {
    version: unknown
    fault: Record<string, unknown>
    context: Record<string, unknown> & {
      roster: Record<string, unknown>[]
      nonces: Record<string, unknown>
      feldman: unknown[]
      aux: { p0: Record<string, unknown> }
    }
    evidence: unknown[]
    record: unknown[]
    [field: string]: unknown
  }
}

const member = (file: Draft): Record<string, unknown> => file.context.roster[0] ?? assert.fail('no member')
const set = (target: Record<string, unknown>, name: string, value: unknown): void => {
  target[name] = value
}
const many = <T>(n: number, value: T): readonly T[] => Array.from({ length: n }, () => value)
const X_OFF_CURVE = `02${'0'.repeat(63)}5`

const REFUSED: readonly (readonly [what: string, change: (file: Draft) => void, message: RegExp])[] = [
  ['another version', (e) => set(e, 'version', 2), /^evidence: version: /],
  ['a field more', (e) => set(e, 'more', 1), /^evidence: file: /],
  ['a field more in the fault', (e) => set(e.fault, 'more', 1), /^evidence: fault: /],
  ['a field more in the context', (e) => set(e.context, 'more', 1), /^evidence: context: /],
  ['a field more in a member', (e) => set(member(e), 'more', 1), /^evidence: context\.roster\.0: /],
  ['a field more in moduli', (e) => set(e.context.aux.p0, 'more', 1), /^evidence: context\.aux\.p0: /],
  ['no culprit', (e) => set(e.fault, 'culprit', ''), /^evidence: fault\.culprit: /],
  ['a long name', (e) => set(e.fault, 'round', 'x'.repeat(65)), /^evidence: fault\.round: /],
  ['a long check', (e) => set(e.fault, 'check', 'x'.repeat(201)), /^evidence: fault\.check: /],
  ['an unknown level', (e) => set(e.context, 'level', 'none'), /^evidence: context\.level: expected a known security/],
  ['a threshold of 1', (e) => set(e.context, 'threshold', 1), /^evidence: context\.threshold: /],
  ['a threshold of 33', (e) => set(e.context, 'threshold', 33), /^evidence: context\.threshold: /],
  ['a threshold of 2.5', (e) => set(e.context, 'threshold', 2.5), /^evidence: context\.threshold: /],
  ['a long account', (e) => set(e.context, 'account', 'x'.repeat(129)), /^evidence: context\.account: /],
  ['a negative epoch', (e) => set(e.context, 'epoch', -1), /^evidence: context\.epoch: /],
  ['an epoch of 33 bits', (e) => set(e.context, 'epoch', 2 ** 32), /^evidence: context\.epoch: /],
  ['one member', (e) => set(e.context, 'roster', [member(e)]), /^evidence: context\.roster: /],
  ['33 members', (e) => set(e.context, 'roster', many(33, member(e))), /^evidence: context\.roster: /],
  ['one signer', (e) => set(e.context, 'signers', ['p0']), /^evidence: context\.signers: /],
  ['33 signers', (e) => set(e.context, 'signers', many(33, 'p0')), /^evidence: context\.signers: /],
  [
    'a key that is no hex',
    (e) => set(member(e), 'verify_key', 'z'.repeat(64)),
    /verify_key: expected 32 bytes in hex$/,
  ],
  ['a short key', (e) => set(member(e), 'seal_key', 'ab'), /seal_key: expected 32 bytes in hex$/],
  ['a short nonce', (e) => set(e.context.nonces, 'p0', 'ab'), /nonces\.p0: expected 32 bytes in hex$/],
  [
    'too many nonces',
    (e) => {
      for (let i = 0; i < 31; i++) set(e.context.nonces, `q${i}`, 'ab'.repeat(32))
    },
    /nonces: expected at most 32 names$/,
  ],
  ['a short digest', (e) => set(e.context, 'digest', 'ab'), /digest: expected 32 bytes in hex$/],
  ['a roster that is none', (e) => set(member(e), 'index', 2), /^evidence: roster: expected index 1 for member p0$/],
  ['one Feldman point', (e) => set(e.context, 'feldman', e.context.feldman.slice(1)), /^evidence: context\.feldman: /],
  ['33 points', (e) => set(e.context, 'feldman', many(33, e.context.feldman[0])), /^evidence: context\.feldman: /],
  ['a point that is no hex', (e) => set(e.context, 'feldman', many(2, 'zz')), /expected a compressed point in hex$/],
  [
    'a point off the curve',
    (e) => set(e.context, 'feldman', many(2, X_OFF_CURVE)),
    /: context: expected points on the/,
  ],
  ['a modulus that is no hex', (e) => set(e.context.aux.p0, 'N', 'xyz'), /aux\.p0\.N: expected a number in hex$/],
  ['a modulus with a zero first', (e) => set(e.context.aux.p0, 't', '0a'), /aux\.p0\.t: expected a number in hex$/],
  ['a huge modulus', (e) => set(e.context.aux.p0, 'N', 'f'.repeat(1025)), /aux\.p0\.N: expected a number in hex$/],
  ['a modulus of 1', (e) => set(e.context.aux.p0, 'N_hat', '1'), /: context: .* moduli of at least 2$/],
  ['a message that is no base64', (e) => set(e, 'evidence', ['*']), /^evidence: .*base64/],
  ['a huge message', (e) => set(e, 'evidence', ['A'.repeat(1_000_004)]), /^evidence: evidence\.0: /],
  ['too many messages', (e) => set(e, 'record', many(2049, '')), /^evidence: record: /],
]

for (const [what, change, message] of REFUSED) {
  test(`refused: ${what}`, () => {
    const file = draft()
    change(file)
    assert.throws(
      () => parseEvidence(JSON.stringify(file)),
      (e) => e instanceof DecodeError && message.test(e.message),
    )
  })
}

test('text that is no JSON, and the name __proto__, are refused', () => {
  for (const json of ['', '{', 'null', '[]', '1']) assert.throws(() => parseEvidence(json), DecodeError, json)
  const hidden = text.replace('"nonces": {', `"nonces": {"__proto__": "${'ab'.repeat(32)}",`)
  assert.notEqual(hidden, text)
  assert.throws(() => parseEvidence(hidden), { message: 'evidence: expected no field __proto__' })
})

test('names in a refused file reach the message as one printable line', () => {
  const file = draft()
  set(file.context.nonces, `a\u001b[2J\n${'x'.repeat(300)}`, 'ab')
  assert.throws(
    () => parseEvidence(JSON.stringify(file)),
    (e) => e instanceof DecodeError && /^[\x20-\x7e]{1,210}$/.test(e.message),
  )
})
