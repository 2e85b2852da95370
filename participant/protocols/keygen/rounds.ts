/**
 * Key generation: messages, and the pure checks of each round. CGGMP24, Fig. 6, with Feldman sharing (App. F.1).
 *
 * Legend:  F_i  Feldman points of party i's polynomial f_i, threshold of them · A_i  first message of Π^sch ·
 * rid_i, u_i  randomness · c_i  contribution to the chain code · σ  sub-share f_i(j) · V_i  commitment.
 */
import { bytesToHex, equalBytes } from '../../base/bytes.ts'
import { G, mul, type Point, sum } from '../../math/curve.ts'
import { evaluateInExponent } from '../../math/polynomial.ts'
import { type Judge, verified } from '../../party/judge.ts'
import type { Failed, ProtocolRounds } from '../../party/party.ts'
import { MAX_PARTIES, type PartyId } from '../../party/roster.ts'
import { boundBroadcastRound, broadcastRound, directRound } from '../../party/rounds.ts'
import { type Codec, encode, fixed, list, point, scalar, struct } from '../../wire/codec.ts'
import { Transcript } from '../../wire/transcript.ts'
import { sch } from '../../zk/sch.ts'

export interface Commit {
  readonly V: Uint8Array
}

export interface Opening {
  readonly rid: Uint8Array
  readonly F: readonly Point[]
  readonly A: Point
  readonly c: Uint8Array
  readonly u: Uint8Array
}

export interface SubShare {
  readonly sigma: bigint
}

export interface Knowledge {
  /** Response of Π^sch for the final share; its first message is A. */
  readonly z: bigint
}

// More points than the threshold decode, so that the check can name what is wrong with them.
const openingCodec: Codec<Opening> = struct<Opening>({
  rid: fixed(32),
  F: list(point, 0, MAX_PARTIES + 1),
  A: point,
  c: fixed(32),
  u: fixed(32),
})

export const one = broadcastRound('1', struct<Commit>({ V: fixed(32) }))
export const two = boundBroadcastRound('2', openingCodec, 'opens the commitment of round 1, which was echoed')
export const twoShares = directRound('2 shares', struct<SubShare>({ sigma: scalar }))
export const three = boundBroadcastRound(
  '3',
  struct<Knowledge>({ z: scalar }),
  'A and X are fixed, and only one z fits them',
)

export const four = boundBroadcastRound(
  '4',
  struct<object>({}),
  'says nothing but that its sender has checked everything',
)

export const keygenRounds: ProtocolRounds = { protocol: 'keygen', rounds: [one, two, twoShares, three, four] }

/** V_i = H(sid, i, rid_i, F_i, A_i, c_i, u_i). Fig. 6, round 1. */
export function commitTo(session: Uint8Array, id: PartyId, opening: Opening): Uint8Array {
  return new Transcript('keygen commitment')
    .bytes('session', session)
    .text('party', id)
    .bytes('opening', encode(openingCodec, opening))
    .digest()
}

/** Fig. 6, round 3, first check: the commitment opens, to exactly `threshold` points. */
export function checkOpening(
  session: Uint8Array,
  threshold: number,
  from: PartyId,
  V: Uint8Array,
  m: Opening,
): Failed | undefined {
  if (!equalBytes(V, commitTo(session, from, m))) return { code: 'COMMIT_OPEN', check: 'eq V' }
  if (m.F.length !== threshold) return { code: 'VSS_LEN', check: 'length F' }
  return undefined
}

/** σ·G = F_j(i): the sub-share is on the sender's polynomial. `index` is the receiver's evaluation point. */
export function checkSubShare(index: number, F: readonly Point[], { sigma }: SubShare): Failed | undefined {
  // a part of our share: in constant time
  const ok = mul(G, sigma).equals(evaluateInExponent(F, BigInt(index)))
  return ok ? undefined : { code: 'VSS_SHARE', check: 'eq sigma G' }
}

/** What all openings together give, whoever adds them up. */
export interface Combined {
  /** rid = ⊕ rid_j. */
  readonly rid: Uint8Array
  /** F = Σ F_j: the first is the public key. */
  readonly F: readonly Point[]
  readonly chainCode: Uint8Array
}

/** `openings` of everybody, each with the same number of points. */
export function combine(openings: readonly Opening[]): Combined {
  const [first] = openings
  return {
    rid: xor(openings.map((o) => o.rid)),
    F: (first?.F ?? []).map((_, k) => sum(openings.map((o) => o.F[k] as Point))),
    chainCode: xor(openings.map((o) => o.c)),
  }
}

/** The slot of Π^sch: with rid, so that nobody could prepare a proof. */
export function slotOf(rid: Uint8Array): string {
  return `psi ${bytesToHex(rid)}`
}

/** Fig. 6, output: Π^sch for the final share, under the A that its prover opened in round 2. */
export function checkKnowledge(
  judge: Judge,
  from: PartyId,
  index: number,
  { rid, F }: Combined,
  { A }: Opening,
  { z }: Knowledge,
): Promise<Failed | undefined> {
  const at = { prover: from, verifier: '', name: 'psi', slot: slotOf(rid) }
  const X = evaluateInExponent(F, BigInt(index))
  return verified(judge, sch, at, { X }, { commitment: { A }, response: { z } })
}

function xor(all: readonly Uint8Array[]): Uint8Array {
  return all.reduce((a, b) => a.map((v, i) => v ^ (b[i] as number)), new Uint8Array(32))
}
