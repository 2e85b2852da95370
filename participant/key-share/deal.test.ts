/** The dealer: its shares fit together, and draws that can't be encoded are drawn again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bigintToBytes } from '../base/bytes.ts'
import { INSECURE_TEST } from '../base/level.ts'
import { type Random, systemRandom } from '../base/random.ts'
import { combine, G, mul, type Point, Q } from '../math/curve.ts'
import { lagrange } from '../math/polynomial.ts'
import { createIdentity, makeRoster } from '../party/roster.ts'
import { dealAux, dealCore } from './deal.ts'
import { testAuxSecrets } from './testing.ts'

const roster = makeRoster(['a', 'b', 'c', 'd', 'e'].map((id) => createIdentity(id, systemRandom)))

test('any t of n shares interpolate to the public key, t − 1 do not', () => {
  for (const threshold of [2, 3, 5]) {
    const shares = [...dealCore(roster, threshold, systemRandom).values()]
    const xs = roster.members.map((m) => BigInt(m.index))
    const key = (from: number, to: number): Point => {
      const some = xs.slice(from, to)
      return combine(some.map((_, i) => [lagrange(some, i), mul(G, shares[from + i]?.x.expose() ?? 0n)]))
    }
    const publicKey = shares[0]?.publicKey as Point
    assert.ok(key(0, threshold).equals(publicKey))
    assert.ok(key(5 - threshold, 5).equals(publicKey))
    assert.ok(!key(0, threshold - 1).equals(publicKey))
    for (const s of shares) {
      assert.equal(s.feldman.length, threshold)
      assert.equal(s.chainCode.length, 32)
      assert.deepEqual(s.chainCode, shares[0]?.chainCode)
    }
  }
})

test('a polynomial that gives somebody the share zero is drawn again', () => {
  // f(x) = 3 − x has f(3) = 0
  const draws = [3n, Q - 1n, 5n, 7n].map((v) => bigintToBytes(v, 64))
  const random: Random = { bytes: (n) => (n === 64 ? (draws.shift() as Uint8Array) : new Uint8Array(n)) }
  const shares = dealCore(roster, 2, random)
  assert.equal(shares.get('c')?.x.expose(), 5n + 7n * 3n)
})

test('thresholds that make no sense are refused', () => {
  for (const threshold of [0, 1, 6, 2.5, Number.NaN]) {
    assert.throws(() => dealCore(roster, threshold, systemRandom), {
      name: 'UsageError',
      message: 'threshold: expected a whole number from 2 to 5',
    })
  }
})

test('everybody gets the public moduli of all others and none of their own', () => {
  const secrets = new Map(roster.members.map((m, i) => [m.id, testAuxSecrets(i, INSECURE_TEST, systemRandom)]))
  const aux = dealAux(roster, secrets)
  for (const { id } of roster.members) {
    const mine = aux.get(id)
    assert.equal(mine?.paillier, secrets.get(id)?.paillier)
    assert.deepEqual(
      [...(mine?.peers.keys() ?? [])],
      roster.members.map((m) => m.id).filter((x) => x !== id),
    )
    for (const [peer, known] of mine?.peers ?? []) {
      assert.equal(known.paillier.N, secrets.get(peer)?.paillier.N)
      assert.equal(known.pedersen.s, secrets.get(peer)?.pedersen.s)
      assert.ok(!('p' in known.paillier) && !('lambda' in known.pedersen))
    }
  }
  secrets.delete('c')
  assert.throws(() => dealAux(roster, secrets), {
    name: 'UsageError',
    message: 'moduli of c: expected one pair for each member',
  })
})
