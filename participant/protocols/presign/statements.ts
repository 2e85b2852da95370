/**
 * One builder for each statement that presigning proves. Prover, verifier and whoever checks evidence later call the
 * same one, so they can't disagree about what was claimed.
 *
 * `Context` is what all signers know before round 1, seen by one of them: its own moduli stand in it as secret keys,
 * which compute faster and encode alike.
 */
import { InternalError, UsageError } from '../../base/errors.ts'
import { G, mulPublic, type Point, sum } from '../../math/curve.ts'
import { lagrange } from '../../math/polynomial.ts'
import { memberOf, type PartyId, type Roster } from '../../party/roster.ts'
import type { Statement as AffG } from '../../zk/aff-g.ts'
import type { Statement as Elog } from '../../zk/elog.ts'
import type { Statement as EncElg } from '../../zk/enc-elg.ts'
import type { PeerAux } from '../material.ts'
import type { One, Three, Two, TwoProducts } from './rounds.ts'

export interface Context {
  readonly publicKey: Point
  readonly signers: readonly PartyId[]
  /** λ_j: Lagrange coefficient of each signer at 0. */
  readonly lambda: ReadonlyMap<PartyId, bigint>
  /** W_j = λ_j·X_j; they sum to the public key. */
  readonly W: ReadonlyMap<PartyId, Point>
  readonly aux: ReadonlyMap<PartyId, PeerAux>
}

/** Throws UsageError unless `signers` are exactly `threshold` distinct members in roster order (attacks.md, row 48). */
export function contextOf(
  roster: Roster,
  threshold: number,
  publicKey: Point,
  publicShares: ReadonlyMap<PartyId, Point>,
  signers: readonly PartyId[],
  aux: ReadonlyMap<PartyId, PeerAux>,
): Context {
  const order = roster.members.map((m) => m.id).filter((id) => signers.includes(id))
  if (signers.length !== threshold || order.length !== threshold || order.some((id, i) => id !== signers[i])) {
    throw new UsageError(`signers: expected ${threshold} distinct members in roster order`)
  }
  const points = signers.map((id) => BigInt(memberOf(roster, id).index))
  const lambda = new Map(signers.map((id, i) => [id, lagrange(points, i)]))
  const W = new Map(signers.map((id) => [id, mulPublic(of(publicShares, id), of(lambda, id))]))
  if (!sum([...W.values()]).equals(publicKey)) throw new InternalError('public shares do not sum to the public key')
  return { publicKey, signers, lambda, W, aux }
}

export function of<T>(map: ReadonlyMap<PartyId, T>, id: PartyId): T {
  const value = map.get(id)
  if (value === undefined) throw new InternalError(`no value for ${id}`)
  return value
}

/** K_from encrypts what A_from commits to. */
export function psi0(ctx: Context, from: PartyId, to: PartyId, m: One): EncElg {
  return { N0: of(ctx.aux, from).paillier, C: m.K, A: m.Y, B1: m.A1, B2: m.A2, setup: of(ctx.aux, to).pedersen }
}

/** G_from encrypts what B_from commits to. */
export function psi1(ctx: Context, from: PartyId, to: PartyId, m: One): EncElg {
  return { N0: of(ctx.aux, from).paillier, C: m.G, A: m.Y, B1: m.B1, B2: m.B2, setup: of(ctx.aux, to).pedersen }
}

/** Γ_from is γ·G for the γ in B_from. */
export function psiPrime(m: One, { Gamma }: Pick<Two, 'Gamma'>): Elog {
  return { L: m.B1, M: m.B2, X: m.Y, Y: Gamma, h: G }
}

/** D is γ_from times K_to, masked. */
export function psi(
  ctx: Context,
  from: PartyId,
  to: PartyId,
  Kto: bigint,
  Gamma: Point,
  m: Pick<TwoProducts, 'D' | 'F'>,
): AffG {
  const { paillier: N0, pedersen: setup } = of(ctx.aux, to)
  return { N0, N1: of(ctx.aux, from).paillier, C: Kto, D: m.D, Y: m.F, X: Gamma, setup }
}

/** D̂ is w_from times K_to, masked. */
export function psiHat(
  ctx: Context,
  from: PartyId,
  to: PartyId,
  Kto: bigint,
  m: Pick<TwoProducts, 'DHat' | 'FHat'>,
): AffG {
  const { paillier: N0, pedersen: setup } = of(ctx.aux, to)
  return { N0, N1: of(ctx.aux, from).paillier, C: Kto, D: m.DHat, Y: m.FHat, X: of(ctx.W, from), setup }
}

/** Δ_from is k·Γ for the k in A_from. */
export function psiPrimePrime(m: One, Gamma: Point, { Delta }: Pick<Three, 'Delta'>): Elog {
  return { L: m.A1, M: m.A2, X: m.Y, Y: Delta, h: Gamma }
}
