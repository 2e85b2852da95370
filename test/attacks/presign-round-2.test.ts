/**
 * Attacks on the second round of presigning: Γ with its proof ψ′, the products D, F, D̂, F̂, and the proofs ψ and ψ̂
 * about them.
 */
import { secret } from '../../participant/base/secret.ts'
import { modQ, Q } from '../../participant/math/curve.ts'
import type { PartyId } from '../../participant/party/roster.ts'
import type { AuxInfo } from '../../participant/protocols/material.ts'
import type { TwoProducts } from '../../participant/protocols/presign/rounds.ts'
import { altered, both, type Cheat, fixture, runPresign } from '../../participant/protocols/testing.ts'
import { affG } from '../../participant/zk/aff-g.ts'
import { committing, provingSlot } from './cheats.ts'
import { garbled, type Row, type Runner, row, table } from './harness.ts'

const two = fixture(2, 2)
const three = fixture(3, 3)
const { two: second, twoProducts } = two.presign
const auxOf = (id: string): AuxInfo => two.shares.get(id)?.aux as AuxInfo
/** D and D̂ are under the modulus of the one that is cheated, F and F̂ under the cheater’s. */
const { paillier: N0, pedersen: setup0 } = auxOf('p0')
const { paillier: N1 } = auxOf('p1')
const presigning: Runner = (f, o) => runPresign(f, o)

type Slot = 'psi' | 'psiHat'
const nameOf = (slot: Slot): string => (slot === 'psi' ? 'psi' : 'psi-hat')

const PRODUCTS = [
  ['D', 'psi', 'D', N0],
  ['F', 'psi', 'Y', N1],
  ['DHat', 'psiHat', 'D', N0],
  ['FHat', 'psiHat', 'Y', N1],
] as const

const product = (field: keyof TwoProducts, change: (v: bigint) => bigint): Cheat =>
  altered(twoProducts, (m) => ({ ...m, [field]: change(m[field] as bigint) }))

const products: readonly Row[] = PRODUCTS.flatMap(([field, slot, letter, { N, NN, p, q }]) => [
  ...(
    [
      ['0', 0n],
      ['a factor of N', p.expose()],
      ['a multiple of the other factor', 3n * q.expose()],
      ['N', N],
      ['1 + N²', NN + 1n],
    ] as const
  ).map(([name, value]) =>
    row(
      `#20 ${field} = ${name}`,
      product(field, () => value),
      'CIPHER_GROUP',
      new RegExp(`^${nameOf(slot)}: group ${letter}$`),
    ),
  ),
  row(
    `another ${field}`,
    product(field, (v) => v + 1n),
    'PROOF_EQ',
    new RegExp(`^${nameOf(slot)}: eq`),
  ),
])

type Part = 'commitment' | 'response'

/** Another value in one field of ψ or ψ̂. */
function inProof(slot: Slot, part: Part, field: string, value: bigint): Cheat {
  return altered(twoProducts, (m) => ({ ...m, [slot]: { ...m[slot], [part]: { ...m[slot][part], [field]: value } } }))
}

const ELEMENTS: readonly (readonly [part: Part, field: string, factor: bigint])[] = [
  ['commitment', 'By', N1.q.expose()],
  ['commitment', 'S', setup0.q.expose()],
  ['commitment', 'T', setup0.q.expose()],
  ['response', 'w', N0.q.expose()],
  ['response', 'wY', N1.p.expose()],
]

const elements: readonly Row[] = ELEMENTS.flatMap(([part, field, factor], i) =>
  (
    [
      ['0', 0n],
      ['a multiple of a factor', 2n * factor],
    ] as const
  ).map(([name, value], j) => {
    // the two proofs are of one kind: each field is 0 in one of them, and no unit in the other
    const slot: Slot = (i + j) % 2 === 0 ? 'psi' : 'psiHat'
    const check = new RegExp(`^${nameOf(slot)}: group ${field}$`)
    return row(`#21 ${field} of ${nameOf(slot)} is ${name}`, inProof(slot, part, field, value), 'PROOF_GROUP', check)
  }),
)

/** Of β and γ, as much more as changes nothing modulo q, and as a response can hold. */
const WIDE_BETA = Q << 1288n
const WIDE_GAMMA = Q << 263n
const bitsOf = { z1: two.level.ell + two.level.epsilon, z2: two.level.ellPrime + two.level.epsilon }

/** A product with a mask or a factor far too wide, proven as well as it can be. */
function tooWide(slot: Slot, which: 'z1' | 'z2'): Cheat {
  const made = new Map<PartyId, { readonly D: bigint; readonly Y: bigint }>()
  return both(
    provingSlot(affG, nameOf(slot), ({ b, x, w, random }) => {
      const isMask = which === 'z2'
      const statement = isMask
        ? { ...x, D: x.N0.add(x.D, x.N0.encrypt(WIDE_BETA, 1n)), Y: x.N1.add(x.Y, x.N1.encrypt(WIDE_BETA, 1n)) }
        : { ...x, D: x.N0.add(x.D, x.N0.pow(x.C, WIDE_GAMMA)) }
      const witness = isMask
        ? { ...w, y: secret(w.y.expose() + WIDE_BETA) }
        : { ...w, x: secret(w.x.expose() + WIDE_GAMMA) }
      made.set(b.verifier, statement)
      for (;;) {
        const proof = affG.prove(b, statement, witness, random)
        const z = proof.response[which]
        if ((z < 0n ? -z : z) > 1n << BigInt(bitsOf[which])) return proof
      }
    }),
    altered(twoProducts, (m, to) => {
      const { D, Y } = made.get(to) ?? { D: 0n, Y: 0n }
      return slot === 'psi' ? { ...m, D, F: Y } : { ...m, DHat: D, FHat: Y }
    }),
  )
}

const ranges: readonly Row[] = (['psi', 'psiHat'] as const).flatMap((slot) => [
  row(
    `#18 a β of 2^1544 in ${nameOf(slot)}`,
    tooWide(slot, 'z2'),
    'PROOF_RANGE',
    new RegExp(`^${nameOf(slot)}: range z2$`),
  ),
  row(
    `#17 a factor of 2^519 in ${nameOf(slot)}`,
    tooWide(slot, 'z1'),
    'PROOF_RANGE',
    new RegExp(`^${nameOf(slot)}: range z1$`),
  ),
  row(
    `#18 ${nameOf(slot)} out of range`,
    inProof(slot, 'response', 'z2', -(1n << BigInt(bitsOf.z2)) - 1n),
    'PROOF_RANGE',
    new RegExp(`^${nameOf(slot)}: range z2$`),
  ),
])

/** By of a proof is that of `more` more than it should be. */
const offBy = (slot: Slot, more: bigint): Cheat =>
  committing(affG, nameOf(slot), ({ By }) => ({ By: N1.add(By, N1.encrypt(more, 1n)) }))

const equations: readonly Row[] = [
  row('another By in ψ', offBy('psi', 1n), 'PROOF_EQ', /^psi: eq Y$/),
  row('another By in ψ̂', offBy('psiHat', 1n), 'PROOF_EQ', /^psi-hat: eq Y$/),
  row('errors in ψ and ψ̂ that cancel', both(offBy('psi', 1n), offBy('psiHat', -1n)), 'PROOF_EQ', /^psi: eq Y$/),
]

const nonces: readonly Row[] = [
  row(
    'another Γ',
    altered(second, (m) => ({ ...m, Gamma: m.Gamma.double() })),
    'PROOF_EQ',
    /^psi-prime: eq/,
  ),
  row(
    'a wrong response of ψ′',
    altered(second, (m) => ({
      ...m,
      psiPrime: { ...m.psiPrime, response: { ...m.psiPrime.response, z: modQ(m.psiPrime.response.z + 1n) } },
    })),
    'PROOF_EQ',
    /^psi-prime: eq challenge$/,
  ),
]

table('presigning, round 2', two, presigning, [
  ...nonces,
  ...products,
  ...equations,
  ...elements,
  ...ranges,
  garbled(second as never),
  garbled(twoProducts as never),
])

const { two: secondOfThree, twoProducts: productsOfThree } = three.presign

table('presigning, round 2', three, presigning, [
  row(
    'another Γ',
    altered(secondOfThree, (m) => ({ ...m, Gamma: m.Gamma.double() })),
    'PROOF_EQ',
    /^psi-prime: eq/,
  ),
  row(
    '#20 D = 0 for one',
    altered(productsOfThree, (m, to) => (to === 'p0' ? { ...m, D: 0n } : m)),
    'CIPHER_GROUP',
    /^psi: group D$/,
  ),
  row(
    '#18 ψ̂ out of range for one',
    altered(productsOfThree, (m, to) => {
      const z2 = (1n << BigInt(bitsOf.z2)) + 1n
      return to === 'p1' ? { ...m, psiHat: { ...m.psiHat, response: { ...m.psiHat.response, z2 } } } : m
    }),
    'PROOF_RANGE',
    /^psi-hat: range z2$/,
  ),
])
