/**
 * Evidence of a wrong partial signature: it rests on what all said in rounds 2 and 3 of presigning, on the digest and on
 * the key. The messages here are put together from a presignature that was dealt, so that nothing is proven in vain.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Fault } from '../base/errors.ts'
import { systemRandom } from '../base/random.ts'
import { G, modQ } from '../math/curve.ts'
import type { Identity, PartyId } from '../party/roster.ts'
import { FIRST_VIEW, nextView, viewed } from '../party/view.ts'
import { encode } from '../wire/codec.ts'
import { envelopeCodec, signEnvelope } from '../wire/envelope.ts'
import { instances } from '../zk/testing.ts'
import { convicts } from './evidence.ts'
import { presignedContext, recordSessionOf, type SessionContext, sessionOf } from './session-context.ts'
import { partial, one as signOne } from './sign/protocol.ts'
import { dealPresignatures, fixture, testContext } from './testing.ts'

const f = fixture(2, 2)
const { two, three } = f.presign
const digest = systemRandom.bytes(32)

/** Of the right form; nothing here looks at whether it holds. */
const { proof, binding, statement, witness } = instances(f.level.name).elog
const someProof = proof.prove(binding, statement, witness, systemRandom)

interface Change {
  /** Added to p1's partial signature. */
  readonly sigma?: bigint
  /** The shares of δ. */
  readonly deltas?: readonly [bigint, bigint]
}

/** p1's partial signature and all that was said before it, in the session of this context. */
function accusation(context: SessionContext, { sigma = 0n, deltas = [2n, -1n] }: Change = {}): Fault {
  const presignatures = dealPresignatures(f.parties, 7n)
  const at = <T>(map: ReadonlyMap<PartyId, T>, id: PartyId): T => map.get(id) ?? assert.fail(id)
  const { Gamma, DeltaTilde, STilde } = at(presignatures, 'p0')
  const say = (session: Uint8Array, from: PartyId, protocol: string, round: string, body: Uint8Array): Uint8Array =>
    encode(
      envelopeCodec,
      signEnvelope({ session, protocol, round, from, to: '', body }, (f.identities.get(from) as Identity).signingKey),
    )
  const bodies: readonly (readonly [string, (id: PartyId, view: Uint8Array) => Uint8Array])[] = [
    ['1', () => Uint8Array.of(1)],
    [
      two.name,
      (id, view) => {
        const message = { Gamma: id === 'p0' ? Gamma.subtract(G) : G, psiPrime: someProof }
        return encode(viewed(two.codec), { view, message })
      },
    ],
    [
      three.name,
      (id, view) => {
        const delta = modQ(deltas[id === 'p0' ? 0 : 1])
        const message = { delta, Delta: at(DeltaTilde, id), S: at(STilde, id), psiPrimePrime: someProof }
        return encode(viewed(three.codec), { view, message })
      },
    ],
  ]
  let view: Uint8Array = FIRST_VIEW
  const record: Uint8Array[] = []
  for (const [round, bodyOf] of bodies) {
    const said = f.parties.map((id) => [id, bodyOf(id, view)] as const)
    for (const [id, body] of said) record.push(say(recordSessionOf(context), id, 'presign', round, body))
    view = nextView(view, 'presign', round, said)
  }
  const message = { sigma: modQ(partial(at(presignatures, 'p1'), digest) + sigma) }
  const body = encode(viewed(signOne.codec), { view, message })
  const evidence = [say(sessionOf(context), 'p1', 'sign', signOne.name, body)]
  const about = { culprit: 'p1', protocol: 'sign', round: signOne.name }
  return { ...about, code: 'PARTIAL_SIG', check: 'eq sigma Gamma', evidence, record }
}

const cold: SessionContext = { ...testContext(f, 'sign'), digest }
const warm = presignedContext(testContext(f, 'presign'), digest)

test('a wrong partial signature convicts, a right one does not: in one session, and with a presignature of another', async () => {
  for (const context of [cold, warm]) {
    assert.equal(await convicts(accusation(context, { sigma: 1n }), context), true)
    assert.equal(await convicts(accusation(context), context), false)
  }
})

test('under another digest, key or session nothing is proven', async () => {
  const fault = accusation(cold, { sigma: 1n })
  const { feldman: _, ...withoutKey } = cold
  const { aux: __, ...withoutModuli } = cold
  const contexts: readonly (readonly [string, SessionContext])[] = [
    ['another digest', { ...cold, digest: new Uint8Array(32) }],
    ['another account', { ...cold, account: 'b' }],
    ['another epoch', { ...cold, epoch: 1 }],
    ['no key', withoutKey],
    ['no points', { ...cold, feldman: [] }],
    ['no moduli', withoutModuli],
    ['no moduli of p0', { ...cold, aux: new Map([...(cold.aux ?? [])].filter(([id]) => id !== 'p0')) }],
    ['a session that spends a presignature', warm],
  ]
  for (const [what, context] of contexts) assert.equal(await convicts(fault, context), false, what)
  // a broadcast of another session, among those that a presignature of this one rests on
  const spent = accusation(warm, { sigma: 1n })
  assert.equal(await convicts({ ...spent, record: fault.record ?? [] }, warm), false)
})

test('in a session that signs nothing, and where δ is zero, nobody is convicted of a partial signature', async () => {
  const { digest: _, ...presigning } = cold
  assert.equal(await convicts(accusation(presigning, { sigma: 1n }), presigning), false)
  assert.equal(await convicts(accusation(cold, { sigma: 1n, deltas: [1n, -1n] }), cold), false)
})
