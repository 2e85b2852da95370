/** Attacks on signing with a presignature: wrong partial signatures, a second use, and values of special form. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bigintToBytes, bytesToBigint } from '../../participant/base/bytes.ts'
import { culprits, InternalError, MpcError, StateError, UsageError } from '../../participant/base/errors.ts'
import { secret } from '../../participant/base/secret.ts'
import { G, modQ, mul, Point, Q } from '../../participant/math/curve.ts'
import type { PartyId } from '../../participant/party/roster.ts'
import type { BroadcastRound } from '../../participant/party/rounds.ts'
import { type MemoryRoom, memoryRoom } from '../../participant/party/simulation.ts'
import { allValues } from '../../participant/party/testing.ts'
import type { Presignature } from '../../participant/protocols/material.ts'
import { one } from '../../participant/protocols/sign/protocol.ts'
import {
  altered,
  type Cheat,
  dealPresignatures,
  fixture,
  type Results,
  runSign,
} from '../../participant/protocols/testing.ts'
import { digestOf } from '../../participant/signer/payload.ts'
import { decodePacket } from '../../participant/wire/envelope.ts'
import { expectSignature } from '../protocols-signature.ts'
import { expectNamed, garbled, heard, type Runner, row, said, table } from './harness.ts'

const two = fixture(2, 2)
const three = fixture(3, 3)
const X = 11n
const DIGEST = new Uint8Array(32).fill(7)
const PARTIAL = ['PARTIAL_SIG', /^eq sigma Gamma$/] as const

const signing: Runner = (f, o) => runSign(f, dealPresignatures(f.parties, X), DIGEST, o)

/** σ_i = k̃_i·m + r·χ̃_i, with r = x(Γ); uses nothing up. */
function sigmaOf({ Gamma, kTilde, chiTilde }: Presignature, digest: Uint8Array): bigint {
  return modQ(kTilde.expose() * bytesToBigint(digest) + Gamma.toAffine().x * chiTilde.expose())
}

/** Everybody ends without a signature, and nobody is named. */
function expectRefused(results: Results<unknown>, expected: abstract new (...args: never[]) => MpcError): void {
  for (const [id, r] of results) {
    assert.ok(r.status === 'rejected' && r.reason instanceof MpcError, `${id} has a signature`)
    assert.deepEqual(culprits(r.reason), [], id)
  }
  const reasons = [...results.values()].map((r) => (r as PromiseRejectedResult).reason)
  assert.ok(
    reasons.some((e) => e instanceof expected),
    reasons.join(', '),
  )
}

for (const f of [two, three]) {
  table('signing', f, signing, [
    row(
      '#41 a random σ',
      altered(one, ({ sigma }) => ({ sigma: modQ(sigma + 1n) })),
      ...PARTIAL,
    ),
    row(
      '#41 #49 −σ, as if s were to be high',
      altered(one, ({ sigma }) => ({ sigma: Q - sigma })),
      ...PARTIAL,
    ),
    row(
      '#41 #50 σ = 0',
      altered(one, () => ({ sigma: 0n })),
      ...PARTIAL,
    ),
    garbled(one as never),
  ])

  test(`#41 #47 signing, ${f.parties.length} parties: σ for another message: PARTIAL_SIG`, async () => {
    const presignatures = dealPresignatures(f.parties, X)
    const cheater = f.parties.at(-1) as PartyId
    const other = sigmaOf(presignatures.get(cheater) as Presignature, new Uint8Array(32).fill(8))
    const cheats = { [cheater]: altered(one, () => ({ sigma: other })) }
    expectNamed(f, await runSign(f, presignatures, DIGEST, { cheats }), cheater, ...PARTIAL)
  })

  test(`#41 signing, ${f.parties.length} parties: the σ of somebody else: PARTIAL_SIG`, async () => {
    const room = memoryRoom()
    const cheater = f.parties.at(-1) as PartyId
    const cheats = { [cheater]: saysAfter(room, (theirs) => theirs) }
    const results = await runSign(f, dealPresignatures(f.parties, X), DIGEST, { cheats, channelOf: () => room })
    expectNamed(f, results, cheater, ...PARTIAL)
  })
}

/** Hears the σ of p0 before it says its own. */
function saysAfter(room: MemoryRoom, sigma: (theirs: bigint) => bigint): Cheat {
  return (party) => ({
    ...party,
    async broadcast<M>(round: BroadcastRound<M>, m: M) {
      if ((round as unknown) !== one) return party.broadcast(round, m)
      const theirs = said(one.codec, await heard(room, 'p0', one.name)).sigma
      await party.broadcast(one, { sigma: sigma(theirs) })
    },
  })
}

describe('#43 a presignature signs once', () => {
  /** What a party has said in the protocol, in this room. */
  const saidBy = (room: MemoryRoom, id: PartyId): number =>
    room.log.map(decodePacket).filter((p) => p.kind === 'clear' && p.envelope.from === id).length

  test('#43 for a second message, or the same again: STATE, and nothing leaves', async () => {
    const presignatures = dealPresignatures(two.parties, X)
    const room = memoryRoom()
    expectSignature(
      allValues(await runSign(two, presignatures, DIGEST, { channelOf: () => room })).get('p0') ?? assert.fail(),
      DIGEST,
      mul(G, X),
    )
    assert.deepEqual(
      two.parties.map((id) => saidBy(room, id)),
      [1, 1],
    )
    for (const digest of [new Uint8Array(32).fill(8), DIGEST]) {
      const again = memoryRoom()
      expectRefused(await runSign(two, presignatures, digest, { channelOf: () => again }), StateError)
      assert.deepEqual(
        two.parties.map((id) => saidBy(again, id)),
        [0, 0],
      )
    }
  })

  test('#43 after a signing that failed: STATE, and nothing leaves', async () => {
    const presignatures = dealPresignatures(two.parties, X)
    const cheats = { p1: altered(one, () => ({ sigma: 1n })) }
    expectNamed(two, await runSign(two, presignatures, DIGEST, { cheats }), 'p1', ...PARTIAL)
    const room = memoryRoom()
    expectRefused(await runSign(two, presignatures, DIGEST, { channelOf: () => room }), StateError)
    assert.equal(saidBy(room, 'p0'), 0)
  })

  test('#43 with another subset of the signers: USAGE, and nothing leaves', async () => {
    const f = fixture(3, 2)
    const presignatures = dealPresignatures(['p0', 'p1'], X)
    const p0 = presignatures.get('p0') as Presignature
    for (const signers of [
      ['p0', 'p2'],
      ['p0', 'p1', 'p2'],
    ]) {
      const room = memoryRoom()
      const given = new Map(signers.map((id) => [id, presignatures.get(id) ?? p0]))
      expectRefused(await runSign(f, given, DIGEST, { channelOf: () => room }), UsageError)
      assert.equal(saidBy(room, 'p0'), 0)
    }
    // it was not used up by that
    assert.equal(allValues(await runSign(f, presignatures, DIGEST)).size, 2)
  })
})

describe('what a signature looks like', () => {
  const sumOf = (presignatures: ReadonlyMap<PartyId, Presignature>, digest: Uint8Array): bigint =>
    [...presignatures.values()].reduce((sum, p) => modQ(sum + sigmaOf(p, digest)), 0n)

  for (const high of [true, false]) {
    test(`#49 s is low when the sum of the partial signatures is ${high ? 'high' : 'low'}`, async () => {
      for (;;) {
        const presignatures = dealPresignatures(two.parties, X)
        if (sumOf(presignatures, DIGEST) > Q / 2n !== high) continue
        const signatures = allValues(await runSign(two, presignatures, DIGEST))
        for (const s of signatures.values()) expectSignature(s, DIGEST, mul(G, X))
        return
      }
    })
  }

  test('#50 a σ that makes s zero: PARTIAL_SIG', async () => {
    const room = memoryRoom()
    const cheats = { p1: saysAfter(room, (theirs) => modQ(-theirs)) }
    const results = await runSign(two, dealPresignatures(two.parties, X), DIGEST, { cheats, channelOf: () => room })
    expectNamed(two, results, 'p1', ...PARTIAL)
  })

  test('#50 s = 0 from honest parties, for a digest that only the key can find: nothing is given out', async () => {
    const presignatures = dealPresignatures(two.parties, X)
    const { x: r } = (presignatures.get('p0') as Presignature).Gamma.toAffine()
    const digest = bigintToBytes(modQ(-r * X), 32)
    assert.equal(sumOf(presignatures, digest), 0n)
    expectRefused(await runSign(two, presignatures, digest), InternalError)
  })

  test('#50 r = 0, from the point whose x is the order: nothing is given out', async () => {
    const Gamma = Point.fromBytes(Uint8Array.of(2, ...bigintToBytes(Q, 32)))
    const points = new Map(two.parties.map((id) => [id, Gamma]))
    const dealt = {
      publicKey: mul(G, X),
      signers: two.parties,
      Gamma,
      chiTilde: secret(1n),
      DeltaTilde: points,
      STilde: points,
    }
    const presignatures = new Map(two.parties.map((id) => [id, { ...dealt, kTilde: secret(1n) }]))
    expectRefused(await runSign(two, presignatures, DIGEST), InternalError)
  })

  for (const zeros of [1, 2, 16, 31, 32]) {
    test(`#51 a digest with ${zeros} leading zero bytes is signed as it stands`, async () => {
      const digest = new Uint8Array(32).fill(0xab, zeros)
      const signatures = allValues(await runSign(two, dealPresignatures(two.parties, X), digest))
      for (const s of signatures.values()) expectSignature(s, digest, mul(G, X))
    })
  }

  test('#51 a message with leading zero bytes is another message, and is signed', async () => {
    const digests = [[0, 0, 1], [0, 1], [1]].map((bytes) =>
      digestOf({ kind: 'sha256', message: Uint8Array.from(bytes) }),
    )
    assert.equal(new Set(digests.map(String)).size, digests.length)
    for (const digest of digests) {
      const signatures = allValues(await runSign(two, dealPresignatures(two.parties, X), digest))
      for (const s of signatures.values()) expectSignature(s, digest, mul(G, X))
    }
  })
})
