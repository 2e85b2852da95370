/**
 * Attacks on the first round of presigning: the ciphertexts K and G, the ElGamal commitments to k and γ, and the proofs
 * ψ0 and ψ1 about them.
 */
import { secret } from '../../participant/base/secret.ts'
import { Q } from '../../participant/math/curve.ts'
import type { AuxInfo } from '../../participant/protocols/material.ts'
import type { One, OneProofs } from '../../participant/protocols/presign/rounds.ts'
import { altered, both, type Cheat, fixture, runPresign } from '../../participant/protocols/testing.ts'
import { struct } from '../../participant/wire/codec.ts'
import { encElg } from '../../participant/zk/enc-elg.ts'
import { committing, provingSlot } from './cheats.ts'
import { garbled, type Row, type Runner, row, table } from './harness.ts'

const two = fixture(2, 2)
const three = fixture(3, 3)
const { one, oneProofs } = two.presign
const auxOf = (id: string): AuxInfo => two.shares.get(id)?.aux as AuxInfo
/** The cheater’s modulus, and the parameters of the one that is cheated. */
const { paillier: N1 } = auxOf('p1')
const { pedersen: setup0 } = auxOf('p0')
const bits = two.level.ell + two.level.epsilon
const presigning: Runner = (f, o) => runPresign(f, o)

const change = <K extends keyof One>(field: K, f: (v: One[K]) => One[K]): Cheat =>
  altered(one, (m) => ({ ...m, [field]: f(m[field]) }))
const square = (v: bigint): bigint => v ** 2n % N1.NN
const double = (P: One['Y']): One['Y'] => P.double()

/** Numbers below N², or as long, that are no ciphertexts under N. */
const NO_CIPHERTEXTS: readonly (readonly [name: string, value: bigint])[] = [
  ['0', 0n],
  ['N', N1.N],
  ['a factor of N', N1.p.expose()],
  ['a multiple of the other factor', 3n * N1.q.expose()],
  ['N²', N1.NN],
  ['1 + N²', N1.NN + 1n],
]

const ciphertexts: readonly Row[] = NO_CIPHERTEXTS.flatMap(([name, value]) => [
  row(
    `#20 K = ${name}`,
    change('K', () => value),
    'CIPHER_GROUP',
    /^psi0: group C$/,
  ),
  row(
    `#20 G = ${name}`,
    change('G', () => value),
    'CIPHER_GROUP',
    /^psi1: group C$/,
  ),
])

type Slot = keyof OneProofs
type Part = 'commitment' | 'response'

/** Another value in one field of ψ0 or ψ1. */
function inProof(slot: Slot, part: Part, field: string, value: bigint): Cheat {
  return altered(oneProofs, (m) => ({ ...m, [slot]: { ...m[slot], [part]: { ...m[slot][part], [field]: value } } }))
}

const ELEMENTS: readonly (readonly [part: Part, field: string, factor: bigint])[] = [
  ['commitment', 'S', setup0.p.expose()],
  ['commitment', 'D', N1.p.expose()],
  ['response', 'z2', N1.q.expose()],
]

const elements: readonly Row[] = (['psi0', 'psi1'] as const).flatMap((slot) =>
  ELEMENTS.flatMap(([part, field, factor]) =>
    (
      [
        ['0', 0n],
        ['a multiple of a factor', 2n * factor],
      ] as const
    ).map(([name, value]) =>
      row(
        `#21 ${field} of ${slot} is ${name}`,
        inProof(slot, part, field, value),
        'PROOF_GROUP',
        new RegExp(`^${slot}: group ${field}$`),
      ),
    ),
  ),
)

/** As much more than k or γ as keeps every point what it was: 2^519 times more than a response can hide. */
const MORE = Q << 263n
const inFlight = N1.encrypt(MORE, 1n)

/** A plaintext far too wide, proven as well as it can be: the response is what the figure says. */
function tooWide(field: 'K' | 'G', slot: Slot): Cheat {
  return both(
    change(field, (C) => N1.add(C, inFlight)),
    provingSlot(encElg, slot, ({ b, x, w, random }) => {
      const statement = { ...x, C: N1.add(x.C, inFlight) }
      const witness = { ...w, x: secret(w.x.expose() + MORE) }
      for (;;) {
        const made = encElg.prove(b, statement, witness, random)
        const { z1 } = made.response
        if (z1 > 1n << BigInt(bits) || -z1 > 1n << BigInt(bits)) return made
      }
    }),
  )
}

/** The same, with z1 taken modulo q: it is in range, and right on the curve. */
function tooWideReduced(field: 'K' | 'G', slot: Slot): Cheat {
  return both(
    change(field, (C) => N1.add(C, inFlight)),
    provingSlot(encElg, slot, ({ b, x, w, random }) => {
      const statement = { ...x, C: N1.add(x.C, inFlight) }
      const made = encElg.prove(b, statement, { ...w, x: secret(w.x.expose() + MORE) }, random)
      return { ...made, response: { ...made.response, z1: made.response.z1 % Q } }
    }),
  )
}

/** Round 1 with ψ1 alone. */
const withoutPsi0: Cheat = (party) => ({
  ...party,
  send: (round, to, m) =>
    (round as unknown) === oneProofs
      ? party.send({ ...oneProofs, codec: struct({ psi1: encElg.codec(two.level) }) }, to, m as unknown as OneProofs)
      : party.send(round, to, m),
})

const ranges: readonly Row[] = [
  row('#17 no ψ0', withoutPsi0, 'DECODE', /^decode: /),
  row('#17 a k of 2^519, proven honestly', tooWide('K', 'psi0'), 'PROOF_RANGE', /^psi0: range z1$/),
  row('#17 a γ of 2^519, proven honestly', tooWide('G', 'psi1'), 'PROOF_RANGE', /^psi1: range z1$/),
  row('#17 a k of 2^519, with z1 modulo q', tooWideReduced('K', 'psi0'), 'PROOF_EQ', /^psi0: eq challenge$/),
  row('#17 a γ of 2^519, with z1 modulo q', tooWideReduced('G', 'psi1'), 'PROOF_EQ', /^psi1: eq challenge$/),
  row(
    '#17 ψ0 out of range',
    inProof('psi0', 'response', 'z1', (1n << BigInt(bits)) + 1n),
    'PROOF_RANGE',
    /^psi0: range z1$/,
  ),
  row(
    '#17 ψ1 out of range',
    inProof('psi1', 'response', 'z1', -(1n << BigInt(bits)) - 1n),
    'PROOF_RANGE',
    /^psi1: range z1$/,
  ),
]

const claims: readonly Row[] = [
  row('another K', change('K', square), 'PROOF_EQ', /^psi0: eq/),
  row('another G', change('G', square), 'PROOF_EQ', /^psi1: eq/),
  row('another Y', change('Y', double), 'PROOF_EQ', /^psi0: eq/),
  row('another A1', change('A1', double), 'PROOF_EQ', /^psi0: eq/),
  row('another A2', change('A2', double), 'PROOF_EQ', /^psi0: eq/),
  row('another B1', change('B1', double), 'PROOF_EQ', /^psi1: eq/),
  row('another B2', change('B2', double), 'PROOF_EQ', /^psi1: eq/),
]

/** D of a proof is that of `more` more than it should be. */
const offBy = (slot: Slot, more: bigint): Cheat =>
  committing(encElg, slot, ({ D }) => ({ D: N1.add(D, N1.encrypt(more, 1n)) }))

const equations: readonly Row[] = [
  row('another D in ψ0', offBy('psi0', 1n), 'PROOF_EQ', /^psi0: eq C$/),
  row('another D in ψ1', offBy('psi1', 1n), 'PROOF_EQ', /^psi1: eq C$/),
  row('errors in ψ0 and ψ1 that cancel', both(offBy('psi0', 1n), offBy('psi1', -1n)), 'PROOF_EQ', /^psi0: eq C$/),
]

table('presigning, round 1', two, presigning, [
  ...ciphertexts,
  ...equations,
  ...elements,
  ...ranges,
  ...claims,
  garbled(one as never),
  garbled(oneProofs as never),
])

/** Only p0 gets it: p1 learns it from p0, and checks it. */
const onlyP0 =
  <M>(alter: (m: M) => M): ((m: M, to: string) => M) =>
  (m, to) =>
    to === 'p0' ? alter(m) : m

table('presigning, round 1', three, presigning, [
  row(
    '#20 K = 0',
    altered(three.presign.one, (m) => ({ ...m, K: 0n })),
    'CIPHER_GROUP',
    /^psi0: group C$/,
  ),
  row(
    '#17 ψ0 out of range for one',
    altered(
      three.presign.oneProofs,
      onlyP0((m) => ({
        ...m,
        psi0: { ...m.psi0, response: { ...m.psi0.response, z1: (1n << BigInt(bits)) + 1n } },
      })),
    ),
    'PROOF_RANGE',
    /^psi0: range z1$/,
  ),
  row(
    '#21 S of ψ1 is 0 for one',
    altered(
      three.presign.oneProofs,
      onlyP0((m) => ({ ...m, psi1: { ...m.psi1, commitment: { ...m.psi1.commitment, S: 0n } } })),
    ),
    'PROOF_GROUP',
    /^psi1: group S$/,
  ),
])
