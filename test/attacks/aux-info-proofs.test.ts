/** Attacks on the auxiliary information with honest moduli: Π^mod and Π^fac. */
import assert from 'node:assert/strict'
import { systemRandom } from '../../participant/base/random.ts'
import type { PartyId } from '../../participant/party/roster.ts'
import type { FacProof, ModProof } from '../../participant/protocols/aux-info/rounds.ts'
import type { AuxInfo } from '../../participant/protocols/material.ts'
import { altered, type Cheat, fixture, forged, rebound, runAux } from '../../participant/protocols/testing.ts'
import { type Entry, mod } from '../../participant/zk/mod.ts'
import { OTHER_SESSION, proving, type Row, type Runner, row, table } from './harness.ts'

const two = fixture(2, 2)
const three = fixture(3, 3)
const run: Runner = (f, o) => runAux(f, o)
const auxOf = (id: PartyId): AuxInfo => two.shares.get(id)?.aux ?? assert.fail(`${id} has no moduli`)
const [peer, own] = [auxOf('p0'), auxOf('p1')]
const { repetitions, modulusBits, ell, epsilon } = two.level

const modRow = (what: string, change: (p: ModProof) => ModProof, code: Row['code'], check: RegExp): Row =>
  row(what, forged<ModProof['commitment'], ModProof['response']>('mod', change), code, check)
const lastEntry =
  (change: Partial<Entry>) =>
  (p: ModProof): ModProof => {
    const { entries } = p.response
    const changed = entries.map((e, i) => (i === entries.length - 1 ? { ...e, ...change } : e))
    return { ...p, response: { ...p.response, entries: changed } }
  }
const withRoots =
  (z: readonly bigint[]) =>
  (p: ModProof): ModProof => ({ ...p, response: { ...p.response, z } })

/** A proof that holds for so many repetitions. */
const repeating = (count: number): Cheat =>
  proving('mod', (b, x: { readonly N: bigint }): ModProof => {
    const few = { ...b, level: { ...b.level, repetitions: count } }
    const proof = mod.prove(few, x, { key: own.paillier }, systemRandom)
    assert.equal(mod.verify(few, x, proof), undefined, 'does not hold for so many repetitions')
    return proof
  })

const LENGTH = ['PROOF_LEN', /^psi: length entries$/] as const
table('auxiliary information, Π^mod', two, run, [
  row('#8 one repetition', repeating(1), ...LENGTH),
  row('#8 one repetition less', repeating(repetitions - 1), ...LENGTH),
  row('#8 one repetition more', repeating(repetitions + 1), ...LENGTH),
  row('#9 no repetitions', repeating(0), ...LENGTH),
  modRow('#9 no N-th root', withRoots([]), 'PROOF_LEN', /^psi: length z$/),
  ...(['x', 'z'] as const).flatMap((field) =>
    (
      [
        [`#21 ${field} = 0`, 0n],
        [`#21 ${field} with a factor of N`, own.paillier.p.expose()],
        [`#19 ${field} above N`, (1n << BigInt(modulusBits)) - 1n],
      ] as const
    ).map(([what, value]) => {
      const change = field === 'x' ? lastEntry({ x: value }) : withRoots([value])
      return modRow(what, change, 'AUX_MOD', new RegExp(`: group ${field}$`))
    }),
  ),
  row('#12 for another session', rebound('psi', OTHER_SESSION), 'AUX_MOD', /^psi: eq x$/),
  row('#12 without the joint ρ', rebound('psi', { slot: 'aux-info psi' }), 'AUX_MOD', /^psi: eq x$/),
  row('#13 in another party’s name', rebound('psi', { prover: 'p0' }), 'AUX_MOD', /^psi: eq x$/),
])

const phi = (change: (p: FacProof) => FacProof): Cheat => altered(two.aux.threeFac, (m) => ({ phi: change(m.phi) }))
const TOO_WIDE = (1n << BigInt(ell + epsilon + modulusBits / 2)) + 1n

table('auxiliary information, Π^fac', two, run, [
  ...(['z1', 'z2'] as const).flatMap((z) =>
    [TOO_WIDE, -TOO_WIDE].map((v) =>
      row(
        `${z} ${v < 0n ? 'below' : 'above'} its range`,
        phi((p) => ({ ...p, response: { ...p.response, [z]: v } })),
        'AUX_FAC',
        new RegExp(`: range ${z}$`),
      ),
    ),
  ),
  ...(['P', 'Q', 'A', 'B', 'T'] as const).flatMap((element) =>
    (
      [
        ['0', 0n],
        ['a factor of N̂', peer.pedersen.p.expose()],
        ['N̂', peer.pedersen.NHat],
      ] as const
    ).map(([what, v]) =>
      row(
        `#21 ${element} is ${what}`,
        phi((p) => ({ ...p, commitment: { ...p.commitment, [element]: v } })),
        'AUX_FAC',
        new RegExp(`: group ${element}$`),
      ),
    ),
  ),
  row('#12 for another session', rebound('phi', OTHER_SESSION), 'AUX_FAC', /^phi: eq/),
  row('#12 without the joint ρ', rebound('phi', { slot: 'aux-info phi' }), 'AUX_FAC', /^phi: eq/),
  row('#15 for another recipient', rebound('phi', { verifier: 'p2' }), 'AUX_FAC', /^phi: eq/),
])

/** Sends p1 the proof that it made for p0. */
const misdirected: Cheat = (party) => {
  let first: FacProof | undefined
  return altered(three.aux.threeFac, (m) => {
    first ??= m.phi
    return { phi: first }
  })(party)
}

table('auxiliary information, Π^fac', three, run, [
  row('#15 one proof for all recipients', misdirected, 'AUX_FAC', /^phi: /),
  row(
    'out of its range for p0 only',
    altered(three.aux.threeFac, (m, to) =>
      to === 'p0' ? { phi: { ...m.phi, response: { ...m.phi.response, z1: TOO_WIDE } } } : m,
    ),
    'AUX_FAC',
    /^phi: range z1$/,
  ),
])
