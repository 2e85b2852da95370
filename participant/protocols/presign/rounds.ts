/**
 * Presigning: messages. CGGMP24, Fig. 8, and those of the alarm, Fig. 9 and section 4.3.1 (identify.ts).
 *
 * Legend:  k_i  share of the inverse of the nonce, times δ · γ_i  share of the nonce · K, G  their encryptions under
 * N_i · (Y, A, B)  ElGamal key and commitments to k and γ · Γ_i = γ_i·G · D, F  multiplication of γ_i with k_j, masked
 * by β · hats: the same with the key share w_i · α  what the owner of k_j decrypts · δ_i, χ_i  shares of k·γ and k·x ·
 * Δ_i = k_i·Γ · S_i = χ_i·Γ.
 */
import type { SecurityLevel } from '../../base/level.ts'
import type { Point } from '../../math/curve.ts'
import type { ProtocolRounds } from '../../party/party.ts'
import { MAX_PARTIES } from '../../party/roster.ts'
import {
  type BroadcastRound,
  boundBroadcastRound,
  broadcastRound,
  type DirectRound,
  directRound,
} from '../../party/rounds.ts'
import { bytes, list, nat, point, scalar, struct } from '../../wire/codec.ts'
import { BODY_LIMIT } from '../../wire/envelope.ts'
import { affG } from '../../zk/aff-g.ts'
import { affGStar } from '../../zk/aff-g-star.ts'
import { dec } from '../../zk/dec.ts'
import { elog } from '../../zk/elog.ts'
import { encElg } from '../../zk/enc-elg.ts'

/** Largest encoded envelope of `2 products`: below 11 KB at full size, and 31 of them are one message. */
const SHOWN_LIMIT = BODY_LIMIT / MAX_PARTIES

/** Why the rounds of the alarm have no echo; identify.ts has the argument. */
const EACH_VIEW = 'whatever each party is told, what it was told convicts somebody who cheated and nobody else'

type EncElgProof = ReturnType<typeof encElg.prove>
type AffGProof = ReturnType<typeof affG.prove>
type ElogProof = ReturnType<typeof elog.prove>

export interface One {
  readonly K: bigint
  readonly G: bigint
  readonly Y: Point
  readonly A1: Point
  readonly A2: Point
  readonly B1: Point
  readonly B2: Point
}

export interface OneProofs {
  readonly psi0: EncElgProof
  readonly psi1: EncElgProof
}

export interface Two {
  readonly Gamma: Point
  readonly psiPrime: ElogProof
}

export interface TwoProducts {
  readonly D: bigint
  readonly F: bigint
  readonly DHat: bigint
  readonly FHat: bigint
  readonly psi: AffGProof
  readonly psiHat: AffGProof
}

export interface Three {
  readonly delta: bigint
  readonly S: Point
  readonly Delta: Point
  readonly psiPrimePrime: ElogProof
}

/** The envelopes of `2 products` that the sender got, encoded, in the order of the other signers. */
export interface Alarm {
  readonly products: readonly Uint8Array[]
}

/** That the sender's δ, or the χ in its S, is what its products add up to. */
export interface AlarmSum {
  readonly proof: ReturnType<typeof dec.prove>
}

/** That D, F, or D̂, F̂, which the sender made for one other signer, are honest. */
export interface AlarmProduct {
  readonly proof: ReturnType<typeof affGStar.prove>
}

export interface PresignRounds extends ProtocolRounds {
  readonly one: BroadcastRound<One>
  readonly oneProofs: DirectRound<OneProofs>
  readonly two: BroadcastRound<Two>
  readonly twoProducts: DirectRound<TwoProducts>
  readonly three: BroadcastRound<Three>
  readonly alarm: BroadcastRound<Alarm>
  readonly alarmSum: BroadcastRound<AlarmSum>
  /** The k-th is about the product for the sender's k-th other signer: one proof fills most of a message. */
  readonly alarmProducts: readonly BroadcastRound<AlarmProduct>[]
}

/** `signers`: how many take part. Rounds that aren't declared aren't buffered, so a smaller number bounds memory. */
export function presignRounds(level: SecurityLevel, signers: number = MAX_PARTIES): PresignRounds {
  const ciphertext = nat(2 * level.modulusBits)
  const one = broadcastRound(
    '1',
    struct<One>({ K: ciphertext, G: ciphertext, Y: point, A1: point, A2: point, B1: point, B2: point }),
  )
  const oneProofs = directRound('1 proofs', struct<OneProofs>({ psi0: encElg.codec(level), psi1: encElg.codec(level) }))
  const two = broadcastRound('2', struct<Two>({ Gamma: point, psiPrime: elog.codec(level) }))
  const twoProducts = directRound(
    '2 products',
    struct<TwoProducts>({
      D: ciphertext,
      F: ciphertext,
      DHat: ciphertext,
      FHat: ciphertext,
      psi: affG.codec(level),
      psiHat: affG.codec(level),
    }),
  )
  const three = broadcastRound(
    '3',
    struct<Three>({ delta: scalar, S: point, Delta: point, psiPrimePrime: elog.codec(level) }),
  )
  const alarm = boundBroadcastRound(
    'alarm',
    struct<Alarm>({ products: list(bytes(SHOWN_LIMIT), 0, MAX_PARTIES - 1) }),
    EACH_VIEW,
  )
  const alarmSum = boundBroadcastRound('alarm sum', struct<AlarmSum>({ proof: dec.codec(level) }), EACH_VIEW)
  const alarmProducts = Array.from({ length: signers - 1 }, (_, k) =>
    boundBroadcastRound(`alarm product ${k + 1}`, struct<AlarmProduct>({ proof: affGStar.codec(level) }), EACH_VIEW),
  )
  // two signers need no alarm: the other one is the culprit
  const alarms = signers > 2 ? [alarm, alarmSum, ...alarmProducts] : []
  return {
    protocol: 'presign',
    rounds: [one, oneProofs, two, twoProducts, three, ...alarms],
    one,
    oneProofs,
    two,
    twoProducts,
    three,
    alarm,
    alarmSum,
    alarmProducts,
  }
}
