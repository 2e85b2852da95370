/**
 * Auxiliary information: messages, and the pure checks of each round. CGGMP24, Fig. 7, without its refresh part.
 *
 * Legend:  N_i  Paillier modulus · N̂_i, s_i, t_i  ring-Pedersen parameters · ρ_i, u_i  randomness · V_i  commitment ·
 * ψ̂ = Π^prm · ψ = Π^mod · φ = Π^fac.
 */
import { bitLength, bytesToHex, equalBytes } from '../../base/bytes.ts'
import type { SecurityLevel } from '../../base/level.ts'
import { baseProblem, type RingPedersen } from '../../paillier/ring-pedersen.ts'
import { type Judge, verified } from '../../party/judge.ts'
import type { Failed, ProtocolRounds } from '../../party/party.ts'
import type { PartyId } from '../../party/roster.ts'
import {
  type BroadcastRound,
  boundBroadcastRound,
  broadcastRound,
  type DirectRound,
  directRound,
} from '../../party/rounds.ts'
import { type Codec, encode, fixed, nat, struct } from '../../wire/codec.ts'
import { Transcript } from '../../wire/transcript.ts'
import { fac } from '../../zk/fac.ts'
import { mod } from '../../zk/mod.ts'
import { prm } from '../../zk/prm.ts'

export type PrmProof = ReturnType<typeof prm.prove>
export type ModProof = ReturnType<typeof mod.prove>
export type FacProof = ReturnType<typeof fac.prove>

export interface Commit {
  readonly V: Uint8Array
}

export interface Opening {
  readonly N: bigint
  readonly NHat: bigint
  readonly s: bigint
  readonly t: bigint
  readonly psiHat: PrmProof
  readonly rho: Uint8Array
  readonly u: Uint8Array
}

export interface ModMessage {
  readonly psi: ModProof
}

export interface FacMessage {
  readonly phi: FacProof
}

export interface AuxRounds extends ProtocolRounds {
  readonly one: BroadcastRound<Commit>
  readonly two: BroadcastRound<Opening>
  readonly three: BroadcastRound<ModMessage>
  readonly threeFac: DirectRound<FacMessage>
  readonly four: BroadcastRound<object>
}

function openingCodec(level: SecurityLevel): Codec<Opening> {
  // A byte more than the level's modulus, so that a wrong size is named by its check; far larger ones don't decode.
  const integer = nat(level.modulusBits + 8)
  return struct<Opening>({
    N: integer,
    NHat: integer,
    s: integer,
    t: integer,
    psiHat: prm.codec(level),
    rho: fixed(32),
    u: fixed(32),
  })
}

export function auxRounds(level: SecurityLevel): AuxRounds {
  const one = broadcastRound('1', struct<Commit>({ V: fixed(32) }))
  const two = boundBroadcastRound('2', openingCodec(level), 'opens the commitment of round 1, which was echoed')
  const three = boundBroadcastRound(
    '3',
    struct<ModMessage>({ psi: mod.codec(level) }),
    'a proof that each peer checks for itself',
  )
  const threeFac = directRound('3 fac', struct<FacMessage>({ phi: fac.codec(level) }))
  const four = boundBroadcastRound('4', struct<object>({}), 'says nothing but that its sender has checked everything')
  return { protocol: 'aux-info', rounds: [one, two, three, threeFac, four], one, two, three, threeFac, four }
}

/** V_i = H(sid, i, N_i, N̂_i, s_i, t_i, ψ̂_i, ρ_i, u_i). Fig. 7, round 1. */
export function commitTo(level: SecurityLevel, session: Uint8Array, id: PartyId, opening: Opening): Uint8Array {
  return new Transcript('aux-info commitment')
    .bytes('session', session)
    .text('party', id)
    .bytes('opening', encode(openingCodec(level), opening))
    .digest()
}

/** Fig. 7, round 3: the opening, then sizes, before any arithmetic with the moduli. */
export function checkOpening(
  level: SecurityLevel,
  session: Uint8Array,
  from: PartyId,
  V: Uint8Array,
  m: Opening,
): Failed | undefined {
  if (!equalBytes(V, commitTo(level, session, from, m))) return { code: 'COMMIT_OPEN', check: 'eq V' }
  for (const name of ['N', 'NHat'] as const) {
    if (bitLength(m[name]) !== level.modulusBits) return { code: 'AUX_SIZE', check: `size ${name}` }
    if ((m[name] & 1n) === 0n) return { code: 'AUX_SIZE', check: `odd ${name}` }
  }
  if (m.N === m.NHat) return { code: 'AUX_DUP', check: 'N is NHat' }
  const problem = baseProblem(m.NHat, m.s, m.t)
  return problem === undefined ? undefined : { code: 'AUX_RP_BASE', check: 'base s, t' }
}

/** ρ = ⊕ ρ_j, of everybody. */
export function jointRho(openings: readonly Pick<Opening, 'rho'>[]): Uint8Array {
  return openings.map((o) => o.rho).reduce((a, b) => a.map((v, i) => v ^ (b[i] as number)), new Uint8Array(32))
}

/** A slot of round 3: with ρ, so that nobody could prepare a proof. */
export function slotOf(name: 'psi' | 'phi', rho: Uint8Array): string {
  return `${name} ${bytesToHex(rho)}`
}

/** Fig. 7, round 3: ψ̂. */
export function checkPrm(judge: Judge, from: PartyId, { NHat, s, t, psiHat }: Opening): Promise<Failed | undefined> {
  return verified(judge, prm, { prover: from, verifier: '', name: 'psi-hat' }, { NHat, s, t }, psiHat)
}

/** Fig. 7, output: ψ. */
export function checkMod(
  judge: Judge,
  from: PartyId,
  rho: Uint8Array,
  { N }: Pick<Opening, 'N'>,
  { psi }: ModMessage,
): Promise<Failed | undefined> {
  const at = { prover: from, verifier: '', name: 'psi', slot: slotOf('psi', rho) }
  return verified(judge, mod, at, { N }, psi)
}

/** Fig. 7, output: φ, made by `from` for `to`, under the parameters of `to`. */
export function checkFac(
  judge: Judge,
  from: PartyId,
  to: PartyId,
  rho: Uint8Array,
  { N }: Pick<Opening, 'N'>,
  setup: RingPedersen,
  { phi }: FacMessage,
): Promise<Failed | undefined> {
  const at = { prover: from, verifier: to, name: 'phi', slot: slotOf('phi', rho) }
  return verified(judge, fac, at, { N0: N, setup }, phi)
}
