/**
 * Attacks with ring-Pedersen bases: s and t that hide nothing from their holder, or that let it open a commitment in two
 * ways. Π^prm stands between: each comes with the best proof that whoever knows λ and φ(N̂) can give.
 */
import assert from 'node:assert/strict'
import { describe } from 'node:test'
import { INSECURE_TEST as level } from '../../participant/base/level.ts'
import { systemRandom } from '../../participant/base/random.ts'
import { joiner } from '../../participant/math/crt.ts'
import { modulus } from '../../participant/math/modulus.ts'
import { uniformBelow, unit } from '../../participant/math/sampling.ts'
import { type RingPedersenSecret, ringPedersenSecret } from '../../participant/paillier/ring-pedersen.ts'
import { testPrimes } from '../../participant/paillier/testing.ts'
import { type Cheat, fixture } from '../../participant/protocols/testing.ts'
import { type Commitment, prm, type Response, type Statement } from '../../participant/zk/prm.ts'
import type { Binding, Proof } from '../../participant/zk/sigma.ts'
import { nonResidue } from '../../participant/zk/testing-forgeries.ts'
import { proving } from './harness.ts'
import { type Bringing, bringing, type Own, withPedersen } from './own-moduli.ts'

const two = fixture(2, 2)

type PrmProof = Proof<Commitment, Response>
const { repetitions } = level

const DEGENERATE: readonly (readonly [what: string, base: (p: RingPedersenSecret) => bigint])[] = [
  ['0', () => 0n],
  ['1', () => 1n],
  ['N̂ − 1', (p) => p.NHat - 1n],
  ['N̂', (p) => p.NHat],
  ['above N̂', (p) => p.t + p.NHat],
  ['a factor of N̂', (p) => p.p.expose()],
  ['a multiple of a factor of N̂', (p) => 2n * p.q.expose()],
]

describe('auxiliary information, 2 parties: degenerate bases', () => {
  const refused = (what: string, own: Bringing['own']): Bringing => ({
    what: `#6 ${what}`,
    own,
    code: 'AUX_RP_BASE',
    check: /^base s, t$/,
  })
  bringing(two, [
    ...DEGENERATE.flatMap(([what, base]) => [
      refused(
        `s is ${what}`,
        withPedersen((p) => ({ s: base(p) })),
      ),
      refused(
        `t is ${what}`,
        withPedersen((p) => ({ t: base(p) })),
      ),
    ]),
    refused(
      's = t',
      withPedersen((p) => ({ s: p.t })),
    ),
  ])
})

/** A prime ≡ 3 (mod 4) and ≡ 1 (mod 3), so that a modulus with it has elements of order 3. */
const WITH_ORDER_3 = (1n << 912n) - 9333n

/** Parameters over a modulus that is no product of safe primes, and an element of order 3 in it. */
function withOrder3(): { readonly pedersen: RingPedersenSecret; readonly zeta: bigint } {
  const [p, q] = [WITH_ORDER_3, testPrimes(5).qHat]
  const zeta = joiner(p, q)(modulus(p).pow(2n, (p - 1n) / 3n), 1n)
  const NHat = p * q
  assert.ok(zeta !== 1n && zeta ** 3n % NHat === 1n, 'no element of order 3')
  const t = unit(systemRandom, NHat) ** 2n % NHat
  return { pedersen: ringPedersenSecret(p, q, uniformBelow(systemRandom, (p - 1n) * (q - 1n)), t), zeta }
}

const composite = withOrder3()

/** s = ζ·t^λ with ζ of the given order: no power of t, but a power of t once it is raised to the order. */
function twisted(order: 2 | 3): (own: Own) => Own {
  return (own) => {
    const pedersen = order === 2 ? own.pedersen : composite.pedersen
    const zeta = order === 2 ? pedersen.NHat - 1n : composite.zeta
    return { ...own, pedersen: { ...pedersen, s: pedersen.mul(pedersen.s, zeta) } }
  }
}

/** Answers as if each challenge were 0 or the order of ζ: then every equation holds, as the proof itself checks. */
function split(order: 2 | 3, holder: RingPedersenSecret): Cheat {
  const [phi, lambda] = [holder.phi.expose(), holder.lambda.expose()]
  return proving<Statement, Commitment, Response>('prm', (b, x): PrmProof => {
    const a = Array.from({ length: repetitions }, () => uniformBelow(systemRandom, phi))
    const A = a.map((ai) => holder.pow(x.t, ai))
    const e = prm.challenge(b, x, { A }).map((bit) => BigInt(order * bit))
    const z = a.map((ai, i) => (ai + (e[i] ?? 0n) * lambda) % phi)
    for (const [i, zi] of z.entries()) {
      const right = holder.mul(A[i] ?? 0n, holder.pow(x.s, e[i] ?? 0n))
      assert.equal(holder.pow(x.t, zi), right, 'does not hold for the challenges of the attack')
    }
    return { commitment: { A }, response: { z } }
  })
}

/** An honest proof, but for so many repetitions. */
function repeating(count: number): Cheat {
  return proving<Statement, Commitment, Response>('prm', (b, x) => repeated(count, b, x))
}

function repeated(count: number, b: Binding, x: Statement): PrmProof {
  const few = { ...b, level: { ...b.level, repetitions: count } }
  const proof = prm.prove(few, x, { setup: holder }, systemRandom)
  assert.equal(prm.verify(few, x, proof), undefined, 'does not hold for so many repetitions')
  return proof
}

/** Guesses that the only challenge is 0, and begins again until it is: a proof of one repetition for any s. */
const guessed: Cheat = proving<Statement, Commitment, Response>('prm', (b, x) => {
  const one = { ...b, level: { ...b.level, repetitions: 1 } }
  for (;;) {
    const a = uniformBelow(systemRandom, x.NHat)
    const proof: PrmProof = { commitment: { A: [holder.pow(x.t, a)] }, response: { z: [a] } }
    if (prm.verify(one, x, proof) === undefined) return proof
  }
})

const holder = two.shares.get('p1')?.aux.pedersen ?? assert.fail('no parameters')

describe('auxiliary information, 2 parties: s is no power of t', () => {
  const unproven = (what: string, own: Bringing['own'], cheat?: Cheat): Bringing => ({
    what,
    own,
    ...(cheat === undefined ? {} : { cheat }),
    code: 'AUX_PRM',
    check: /^psi-hat: eq s$/,
  })
  bringing(two, [
    unproven(
      '#5 −s',
      withPedersen((p) => ({ s: p.NHat - p.s })),
    ),
    unproven(
      '#5 an s that is no square',
      withPedersen((p) => ({ s: nonResidue(p.NHat, p.s) })),
    ),
    unproven('#5 t of order 3, so that s^x·t^y tells x', (own) => ({
      ...own,
      pedersen: { ...composite.pedersen, t: composite.zeta },
    })),
    unproven('#7 challenges of 0 and 2, for −s', twisted(2), split(2, holder)),
    unproven('#7 challenges of 0 and 3, for a base of composite order', twisted(3), split(3, composite.pedersen)),
  ])
})

describe('auxiliary information, 2 parties: repetitions of Π^prm', () => {
  const same = (own: Own): Own => own
  const length = (what: string, cheat: Cheat, own: Bringing['own'] = same): Bringing => ({
    what,
    own,
    cheat,
    code: 'PROOF_LEN',
    check: /^psi-hat: length A$/,
  })
  bringing(two, [
    length('#8 one repetition', repeating(1)),
    length(
      '#8 one repetition, and an s that is no power of t',
      guessed,
      withPedersen((p) => ({ s: p.NHat - p.s })),
    ),
    length('#8 one repetition less', repeating(repetitions - 1)),
    length('#8 one repetition more', repeating(repetitions + 1)),
    length('#5 #9 no repetitions: no proof at all', repeating(0)),
  ])
})
