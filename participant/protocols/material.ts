/**
 * What the protocols make and use: the core share that key generation gives, the auxiliary information, and the
 * presignature. Secrets are wrapped; everything else is known to all members of the roster.
 */
import type { Secret } from '../base/secret.ts'
import type { Point } from '../math/curve.ts'
import type { PaillierKey, PaillierSecretKey } from '../paillier/paillier-key.ts'
import type { RingPedersen, RingPedersenSecret } from '../paillier/ring-pedersen.ts'
import type { PartyId } from '../party/roster.ts'

/** One party's share of the key: x = f(index), with F = f·G coefficient by coefficient. */
export interface CoreShare {
  readonly threshold: number
  /** x_i, in [1, q). */
  readonly x: Secret<bigint>
  /** F: the Feldman points, threshold of them; the first is the public key. */
  readonly feldman: readonly Point[]
  readonly publicKey: Point
  /** X_j = F(index of j) for every member. */
  readonly publicShares: ReadonlyMap<PartyId, Point>
  /** 32 bytes that all parties made together; for hierarchical derivation. */
  readonly chainCode: Uint8Array
}

/** A peer's moduli, proven to be well formed. */
export interface PeerAux {
  readonly paillier: PaillierKey
  readonly pedersen: RingPedersen
}

/** One party's auxiliary information: its own secret moduli and everybody else's public ones. */
export interface AuxInfo {
  readonly paillier: PaillierSecretKey
  readonly pedersen: RingPedersenSecret
  readonly peers: ReadonlyMap<PartyId, PeerAux>
}

/**
 * One nonce, shared by the signers; good for one signature. Γ is the nonce point. Everything is divided by δ already:
 * σ_i = k̃_i·m + r·χ̃_i, and σ_j·Γ = m·Δ̃_j + r·S̃_j for everybody's public Δ̃, S̃.
 */
export interface Presignature {
  readonly publicKey: Point
  readonly signers: readonly PartyId[]
  readonly Gamma: Point
  readonly kTilde: Secret<bigint>
  readonly chiTilde: Secret<bigint>
  readonly DeltaTilde: ReadonlyMap<PartyId, Point>
  readonly STilde: ReadonlyMap<PartyId, Point>
}

export interface Signature {
  readonly r: bigint
  /** At most q/2. */
  readonly s: bigint
  /** 0 … 3: parity of the nonce point's y after s was made low, plus 2 when its x was at least q. */
  readonly recovery: number
}
