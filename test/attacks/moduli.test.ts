/**
 * Attacks with moduli: what a party brings into the auxiliary information where an honest one brings N = pq. Each comes
 * with the best proofs that whoever knows its factors can give.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CGGMP24_3072, INSECURE_TEST as level } from '../../participant/base/level.ts'
import { systemRandom } from '../../participant/base/random.ts'
import { secret } from '../../participant/base/secret.ts'
import { mod as reduce } from '../../participant/math/number-theory.ts'
import { paillierSecretKey } from '../../participant/paillier/paillier-key.ts'
import { both, type Cheat, fixture, forged } from '../../participant/protocols/testing.ts'
import * as fac from '../../participant/zk/fac.ts'
import { type Commitment, mod, type Response, type Statement } from '../../participant/zk/mod.ts'
import type { Binding } from '../../participant/zk/sigma.ts'
import { testBinding } from '../../participant/zk/testing.ts'
import {
  bestEffort,
  forgePrime,
  MANY_FACTORS,
  SMALL_FACTOR,
  smallNonResidue,
  THREE_PRIMES,
} from '../../participant/zk/testing-forgeries.ts'
import { proving } from './harness.ts'
import { type Bringing, bringing, type Own } from './own-moduli.ts'

const two = fixture(2, 2)
const _three = fixture(3, 3)
const _full = fixture(2, 2, CGGMP24_3072)

const product = (factors: readonly bigint[]): bigint => factors.reduce((a, b) => a * b, 1n)

/** N = p·q, whatever p and q are. */
const made = (p: bigint, q: bigint): Bringing['own'] => {
  return (own) => ({ ...own, paillier: { ...own.paillier, N: p * q, p: secret(p), q: secret(q) } })
}

type ModProof = ReturnType<typeof mod.prove>

/** Π^mod by `make`, and a Π^fac that can be sent, for the factors 1 and 1. */
const provingMod = (make: (b: Binding) => ModProof): Cheat =>
  both(
    proving<Statement, Commitment, Response>('mod', make),
    proving<fac.Statement, fac.Commitment, fac.Response>('fac', (b, x) =>
      fac.fac.prove(b, x, { p: secret(1n), q: secret(1n) }, systemRandom),
    ),
  )

/** For all factors but the last, w is zero and so is x; for the last, one of ±wy is a fourth power. Every equation holds. */
function sharedFactor(b: Binding): ModProof {
  const w = product(MANY_FACTORS.slice(0, -1))
  const { statement, proof } = bestEffort(MANY_FACTORS, b, w)
  const { N } = statement
  const y = mod.challenge(b, statement, { w })
  for (const [i, { x, a, b: byW }] of proof.response.entries.entries()) {
    const yi = y[i] ?? assert.fail('fewer challenges than entries')
    assert.equal(x ** 4n % N, reduce((a ? -1n : 1n) * (byW ? w : 1n) * yi, N), 'x⁴ is not what it should be')
  }
  return proof
}

/** The first prime above 2^16 and one of 1808 bits, both ≡ 3 (mod 4): a Paillier-Blum modulus that Π^mod lets pass. */
const [SMALL, LARGE] = [65539n, (((1n << 1824n) / 65539n) | 3n) - 124n]

/** z₁, z₂ of Π^fac cut to the largest that the range lets pass, or to one more. */
function cut(more: bigint): Cheat {
  const end = (1n << BigInt(level.ell + level.epsilon + level.modulusBits / 2)) + more
  const within = (z: bigint): bigint => (z > end ? end : z < -end ? -end : z)
  return forged<fac.Commitment, fac.Response>('fac', (p) => ({
    ...p,
    response: { ...p.response, z1: within(p.response.z1), z2: within(p.response.z2) },
  }))
}

const small: Bringing['own'] = (own) => ({ ...own, paillier: paillierSecretKey(SMALL, LARGE) })
const manyFactors = made(product(MANY_FACTORS.slice(0, -1)), MANY_FACTORS.at(-1) ?? 1n)

describe('auxiliary information, 2 parties: what N is made of', () => {
  bringing(two, [
    {
      what: '#1 sixteen factors of 16 bits',
      own: manyFactors,
      cheat: provingMod((b) => bestEffort(MANY_FACTORS, b, smallNonResidue(product(MANY_FACTORS))).proof),
      code: 'AUX_MOD',
      check: /^psi: eq x$/,
    },
    {
      what: '#1 one factor of 16 bits, and every equation of Π^mod holds',
      own: (own) => ({ ...own, paillier: paillierSecretKey(...SMALL_FACTOR) }),
      cheat: (party) => party,
      code: 'AUX_MOD',
      check: /^psi: small factor N$/,
    },
    {
      what: '#1 one factor of 17 bits, for which Π^mod holds, and Π^fac out of range',
      own: small,
      cheat: cut(1n),
      code: 'AUX_FAC',
      check: /^phi: range z2$/,
    },
    {
      what: '#1 one factor of 17 bits, for which Π^mod holds, and Π^fac in its range',
      own: small,
      cheat: cut(0n),
      code: 'AUX_FAC',
      check: /^phi: eq Q$/,
    },
    {
      what: '#2 sixteen factors of 16 bits, and a w that is zero for them: every equation of Π^mod holds',
      own: manyFactors,
      cheat: provingMod(sharedFactor),
      code: 'AUX_MOD_W',
      check: /^psi: w$/,
    },
    ...(
      [
        ['a w that is a square', () => 4n],
        ['w = 0', () => 0n],
      ] as const
    ).map(([what, w]) => ({
      what: `#2 ${what}`,
      own: (own: Own) => own,
      cheat: forged<Commitment, Response>('mod', (p) => ({ ...p, commitment: { w: w() } })),
      code: 'AUX_MOD_W' as const,
      check: /^psi: w$/,
    })),
    {
      what: '#3 a prime N',
      own: made(1n, forgePrime(testBinding(level, '', 'psi')).statement.N),
      cheat: provingMod((b) => forgePrime(b).proof),
      code: 'AUX_MOD_PRIME',
      check: /^psi: prime N$/,
    },
    {
      what: 'three primes of one length',
      own: made(product(THREE_PRIMES.slice(1)), THREE_PRIMES[0] ?? 1n),
      cheat: provingMod((b) => bestEffort(THREE_PRIMES, b, smallNonResidue(product(THREE_PRIMES))).proof),
      code: 'AUX_MOD',
      check: /^psi: eq x$/,
    },
  ])
})

test('#1 sixteen factors of 16 bits: however they are split in two, Π^fac is out of range', () => {
  const N = product(MANY_FACTORS)
  const setup = two.shares.get('p1')?.aux.peers.get('p0')?.pedersen ?? assert.fail('no parameters')
  const b = testBinding(level, 'p0', 'phi')
  for (const size of [1, 8, 16]) {
    const p = product(MANY_FACTORS.slice(0, size))
    const proof = fac.fac.prove(b, { N0: N, setup }, { p: secret(p), q: secret(N / p) }, systemRandom)
    assert.equal(fac.fac.verify(b, { N0: N, setup }, proof), 'range z2', `${size} factors on one side`)
  }
})
