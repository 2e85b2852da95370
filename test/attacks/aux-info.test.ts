/**
 * Attacks on the auxiliary information with honest moduli: openings, and the proofs about the moduli. What a party can do
 * with other moduli is in moduli.test.ts, sizes.test.ts and bases.test.ts.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { concatBytes, utf8ToBytes } from '../../participant/base/bytes.ts'
import { systemRandom } from '../../participant/base/random.ts'
import { unit } from '../../participant/math/sampling.ts'
import type { Party } from '../../participant/party/party.ts'
import type { Round } from '../../participant/party/rounds.ts'
import { memoryRoom } from '../../participant/party/simulation.ts'
import type { Opening } from '../../participant/protocols/aux-info/rounds.ts'
import { altered, both, type Cheat, fixture, forged, rebound, runAux } from '../../participant/protocols/testing.ts'
import { encode } from '../../participant/wire/codec.ts'
import { Transcript } from '../../participant/wire/transcript.ts'
import * as prm from '../../participant/zk/prm.ts'
import { expectNamed, flip, garbled, OTHER_SESSION, parrot, type Row, type Runner, row, table } from './harness.ts'

const two = fixture(2, 2)
const run: Runner = (f, o) => runAux(f, o)
const own = two.shares.get('p1')?.aux ?? assert.fail('no moduli')

const OPEN = ['COMMIT_OPEN', /^eq V$/] as const

/** Opens something else than it committed to. */
const opens = (what: string, change: (m: Opening) => Partial<Opening>): Row =>
  row(
    what,
    altered(two.aux.two, (m) => ({ ...m, ...change(m) })),
    ...OPEN,
  )

/** Commits to the right bytes with the border between two hashed fields elsewhere, and opens honestly. */
function hashing(fields: (t: Transcript, party: Party, opening: Uint8Array) => Transcript): Cheat {
  return (party) => {
    const { random } = party
    const { NHat, s, t } = own.pedersen
    const b = party.binding(party.self, '', 'psi-hat')
    const psiHat = prm.prm.prove(b, { NHat, s, t }, { setup: own.pedersen }, random)
    const opening = { N: own.paillier.N, NHat, s, t, psiHat, rho: random.bytes(32), u: random.bytes(32) }
    const V = fields(new Transcript('aux-info commitment'), party, encode(two.aux.two.codec, opening)).digest()
    return both(
      altered(two.aux.one, () => ({ V })),
      altered(two.aux.two, () => opening),
    )(party)
  }
}

table('auxiliary information, openings', two, run, [
  row(
    'another commitment',
    altered(two.aux.one, (m) => ({ V: flip(m.V) })),
    ...OPEN,
  ),
  ...(['N', 'NHat', 's', 't'] as const).map((field) =>
    opens(`another ${field} than committed to`, (m) => ({ [field]: m[field] ^ 2n })),
  ),
  ...(['rho', 'u'] as const).map((field) =>
    opens(`another ${field} than committed to`, (m) => ({ [field]: flip(m[field]) })),
  ),
  opens('another Π^prm than committed to', ({ psiHat }) => ({
    psiHat: { ...psiHat, response: { z: psiHat.response.z.map((z) => z ^ 1n) } },
  })),
  row(
    '#10 a byte of the session hashed with the party',
    hashing((t, { session, self }, opening) =>
      t
        .bytes('session', session.slice(0, 31))
        .bytes('party', concatBytes(session.slice(31), utf8ToBytes(self)))
        .bytes('opening', opening),
    ),
    ...OPEN,
  ),
  row(
    '#10 a byte of the party hashed with the opening',
    hashing((t, { session, self }, opening) =>
      t
        .bytes('session', session)
        .text('party', self.slice(0, -1))
        .bytes('opening', concatBytes(utf8ToBytes(self.slice(-1)), opening)),
    ),
    ...OPEN,
  ),
  ...[two.aux.one, two.aux.two, two.aux.three, two.aux.threeFac, two.aux.four].map((r) => garbled(r as Round<never>)),
])

const prmRow = (what: string, change: (p: Opening['psiHat']) => Opening['psiHat'], code: Row['code'], check: RegExp) =>
  row(what, forged<prm.Commitment, prm.Response>('prm', change), code, check)
/** Π^prm with another z or A in its last place. */
const lastZ = (z: bigint) => (p: Opening['psiHat']) => ({ ...p, response: { z: [...p.response.z.slice(0, -1), z] } })
const lastA = (A: bigint) => (p: Opening['psiHat']) => ({
  ...p,
  commitment: { A: [...p.commitment.A.slice(0, -1), A] },
})

table('auxiliary information, Π^prm', two, run, [
  prmRow('a wrong response', (p) => ({ ...p, response: { z: p.response.z.map((z) => z ^ 1n) } }), 'AUX_PRM', /: eq s$/),
  prmRow('#8 one response', (p) => ({ ...p, response: { z: p.response.z.slice(0, 1) } }), 'PROOF_LEN', /: length z$/),
  prmRow('#9 no responses', (p) => ({ ...p, response: { z: [] } }), 'PROOF_LEN', /: length z$/),
  prmRow('#9 no first messages', (p) => ({ ...p, commitment: { A: [] } }), 'PROOF_LEN', /: length A$/),
  prmRow('#19 a response of N̂', lastZ(own.pedersen.NHat), 'AUX_PRM', /: range z$/),
  prmRow('#21 A = 0', lastA(0n), 'AUX_PRM', /: group A$/),
  prmRow('#21 an A with a factor of N̂', lastA(own.pedersen.p.expose()), 'AUX_PRM', /: group A$/),
  prmRow('#21 A = N̂', lastA(own.pedersen.NHat), 'AUX_PRM', /: group A$/),
  row('#12 for another session', rebound('psi-hat', OTHER_SESSION), 'AUX_PRM', /^psi-hat: eq s$/),
  row('#13 in another party’s name', rebound('psi-hat', { prover: 'p0' }), 'AUX_PRM', /^psi-hat: eq s$/),
  row('#10 of p and 1 in place of p1', rebound('psi-hat', { prover: 'p', verifier: '1' }), 'AUX_PRM', /: eq s$/),
])

test('#13 auxiliary information: the peer’s commitment and opening as its own: COMMIT_OPEN', async () => {
  const room = memoryRoom()
  const results = await runAux(two, { channelOf: () => room, cheats: { p1: parrot(room, 'p0', ['1', '2']) } })
  expectNamed(two, results, 'p1', ...OPEN)
})

test('#52 decryption is signed: −1 comes out as −1 and not as N − 1', () => {
  const { paillier } = own
  const { N } = paillier
  const half = (N - 1n) / 2n
  const rho = unit(systemRandom, N)
  for (const m of [-1n, 1n, 0n, half, -half]) assert.equal(paillier.decrypt(paillier.encrypt(m, rho)).expose(), m)
  assert.equal(paillier.decrypt(paillier.encrypt(N - 1n, rho)).expose(), -1n)
  assert.equal(paillier.decrypt(paillier.encrypt(half + 1n, rho)).expose(), -half)
  // α of presigning: γ·k − β, below zero as often as not
  const [gamma, k, beta] = [5n, 7n, 1n << 1280n]
  const D = paillier.add(paillier.pow(paillier.encrypt(k, rho), gamma), paillier.encrypt(-beta, rho))
  assert.equal(paillier.decrypt(D).expose(), gamma * k - beta)
})
