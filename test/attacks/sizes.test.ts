/**
 * Attacks with the sizes of moduli, and with moduli of others: what can be seen without verifying a proof. And what our
 * own moduli have to be.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bigintToBytes, bitLength } from '../../participant/base/bytes.ts'
import { ProtocolAbort } from '../../participant/base/errors.ts'
import { CGGMP24_3072, INSECURE_TEST } from '../../participant/base/level.ts'
import type { PartyId } from '../../participant/party/roster.ts'
import { type Cheat, fixture, runAux } from '../../participant/protocols/testing.ts'
import { fieldsOf, withField } from './fields.ts'
import { rewritten } from './harness.ts'
import { expectGoodModuli } from './own-generator.ts'
import { type Bringing, bringing, type Own, withN, withPedersen } from './own-moduli.ts'

const two = fixture(2, 2)
const three = fixture(3, 3)
const full = fixture(2, 2, CGGMP24_3072)

const opening = two.aux.two
/** N or N̂ as this number, however large it is. */
const huge = (path: 'N' | 'NHat', N: bigint): Cheat =>
  rewritten(opening, (encoded, m) => {
    const field = fieldsOf(opening.codec, m).find((f) => f.path === path) ?? assert.fail(`no ${path}`)
    return withField(encoded, field, () => bigintToBytes(N, Math.ceil(bitLength(N) / 8)))
  })

describe('auxiliary information, 2 parties: sizes', () => {
  const same = (own: Own): Own => own
  const size = (what: string, own: Bringing['own'], check: RegExp): Bringing => ({
    what: `#4 ${what}`,
    own,
    code: 'AUX_SIZE',
    check,
  })
  bringing(two, [
    size(
      'N a bit too short',
      withN((o) => o.paillier.N >> 1n),
      /^size N$/,
    ),
    size(
      'N a bit too long',
      withN((o) => (o.paillier.N << 1n) + 1n),
      /^size N$/,
    ),
    size(
      'N = 0',
      withN(() => 0n),
      /^size N$/,
    ),
    size(
      'an even N',
      withN((o) => o.paillier.N - 1n),
      /^odd N$/,
    ),
    size(
      'N̂ a bit too short',
      withPedersen((p) => ({ NHat: p.NHat >> 1n })),
      /^size NHat$/,
    ),
    size(
      'N̂ a bit too long',
      withPedersen((p) => ({ NHat: (p.NHat << 1n) + 1n })),
      /^size NHat$/,
    ),
    size(
      'an even N̂',
      withPedersen((p) => ({ NHat: p.NHat - 1n })),
      /^odd NHat$/,
    ),
    ...(['N', 'NHat'] as const).map((path) => ({
      what: `#4 #53 ${path} of 40 000 bits`,
      own: same,
      cheat: huge(path, (1n << 39_999n) + 1n),
      code: 'DECODE' as const,
      check: /^decode: /,
    })),
  ])
  bringing(full, [
    size(
      '2048 bits where 3072 were agreed',
      withN(() => (1n << 2047n) + 1n),
      /^size N$/,
    ),
  ])
})

describe('auxiliary information, 2 parties: moduli of others', () => {
  const duplicate = (what: string, own: Bringing['own'], check: RegExp): Bringing => ({
    what: `#56 ${what}`,
    own,
    code: 'AUX_DUP',
    check,
  })
  bringing(two, [
    duplicate(
      'N̂ = N',
      withN((o) => o.pedersen.NHat),
      /^N is NHat$/,
    ),
    duplicate(
      'the peer’s N',
      withN((_, peer) => peer.paillier.N),
      /^a modulus of ours$/,
    ),
    duplicate(
      'the peer’s N̂ as N',
      withN((_, peer) => peer.pedersen.NHat),
      /^a modulus of ours$/,
    ),
    duplicate(
      'the peer’s N as N̂',
      (own, peer) => withPedersen(() => ({ NHat: peer.paillier.N }))(own, peer),
      /^a modulus of ours$/,
    ),
    duplicate(
      'the peer’s ring-Pedersen parameters',
      (own, peer) => ({ ...own, pedersen: peer.pedersen }),
      /^a modulus of ours$/,
    ),
  ])
})

test('#56 two peers with one modulus end it; the one that was copied names the other', async () => {
  const of = (id: PartyId): Own => three.shares.get(id)?.aux ?? assert.fail(`${id} has no moduli`)
  const results = await runAux(three, {}, (id) => (id === 'p2' ? { ...of('p2'), paillier: of('p1').paillier } : of(id)))
  const faults = [...results.values()].map((r) => {
    assert.ok(r.status === 'rejected' && r.reason instanceof ProtocolAbort, 'expected an abort')
    return r.reason.faults.map((f) => [f.culprit, f.code])
  })
  assert.deepEqual(faults.slice(0, 2), [[], [['p2', 'AUX_DUP']]])
})

test('#55 own moduli: distinct primes, far apart, those of N̂ safe', () => expectGoodModuli(INSECURE_TEST))
