/**
 * Presigning: messages. CGGMP24, Fig. 8.
 *
 * Legend:  k_i  share of the inverse of the nonce, times δ · γ_i  share of the nonce · K, G  their encryptions under
 * N_i · (Y, A, B)  ElGamal key and commitments to k and γ · Γ_i = γ_i·G · D, F  multiplication of γ_i with k_j, masked
 * by β · hats: the same with the key share w_i · α  what the owner of k_j decrypts · δ_i, χ_i  shares of k·γ and k·x ·
 * Δ_i = k_i·Γ · S_i = χ_i·Γ.
 */
import type { SecurityLevel } from '../../base/level.ts'
import type { Point } from '../../math/curve.ts'
import type { ProtocolRounds } from '../../party/party.ts'
import { type BroadcastRound, broadcastRound, type DirectRound, directRound } from '../../party/rounds.ts'
import { nat, point, scalar, struct } from '../../wire/codec.ts'
import { affG } from '../../zk/aff-g.ts'
import { elog } from '../../zk/elog.ts'
import { encElg } from '../../zk/enc-elg.ts'

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

export interface PresignRounds extends ProtocolRounds {
  readonly one: BroadcastRound<One>
  readonly oneProofs: DirectRound<OneProofs>
  readonly two: BroadcastRound<Two>
  readonly twoProducts: DirectRound<TwoProducts>
  readonly three: BroadcastRound<Three>
}

export function presignRounds(level: SecurityLevel): PresignRounds {
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
  return {
    protocol: 'presign',
    rounds: [one, oneProofs, two, twoProducts, three],
    one,
    oneProofs,
    two,
    twoProducts,
    three,
  }
}
