import assert from 'node:assert/strict'
import { test } from 'node:test'
import { affine, combine, G, IDENTITY, modQ, mul, mulPublic, type Point, Q, randomScalar } from './curve.ts'
import { seededRandom } from './testing.ts'

const random = seededRandom('curve')
const scalars = [
  0n,
  1n,
  2n,
  -1n,
  Q - 1n,
  Q,
  Q + 1n,
  -Q,
  randomScalar(random),
  randomScalar(random),
  randomScalar(random),
]
const points = [G, G.double(), IDENTITY, mul(G, randomScalar(random)), mul(G, 77n).negate(), G.negate()]

/** One term after the other, each by the ladder for secrets. */
function slowSum(terms: readonly (readonly [bigint, Point])[]): Point {
  return terms.reduce((sum, [k, P]) => sum.add(mul(P, k)), IDENTITY)
}

test('mul and mulPublic take any integer and any point', () => {
  for (const k of scalars) {
    for (const P of points) {
      assert.ok(mul(P, k).equals(mulPublic(P, k)), 'they differ')
      assert.ok(mul(P, k).add(mul(P, -k)).is0(), '−k is not the opposite')
    }
  }
  assert.ok(mul(G, 5n).equals(G.double().double().add(G)), '5·G')
})

test('combine is the sum of its terms: none to five, G among them or not, with zeros and opposites', () => {
  assert.ok(combine([]).is0(), 'an empty sum')
  let at = 0
  const next = (): readonly [bigint, Point] => {
    at += 1
    return [scalars[(5 * at) % scalars.length] as bigint, points[(3 * at + (at >> 3)) % points.length] as Point]
  }
  for (let n = 1; n <= 5; n++) {
    for (let i = 0; i < 25; i++) {
      const terms = Array.from({ length: n }, next)
      assert.ok(combine(terms).equals(slowSum(terms)), `${n} terms`)
    }
  }
  const [P, k] = [mul(G, randomScalar(random)), randomScalar(random)]
  const both = combine([
    [k, P],
    [modQ(-k), P],
  ])
  assert.ok(both.is0(), 'opposites')
})

test('the affine form is the same point, the identity included', () => {
  const P = mul(G, randomScalar(random)).add(mul(G, randomScalar(random)))
  assert.notEqual(P.Z, 1n)
  assert.ok(affine(P).equals(P))
  assert.equal(affine(P).Z, 1n)
  assert.ok(affine(IDENTITY).is0())
})
