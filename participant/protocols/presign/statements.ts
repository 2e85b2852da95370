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
import type { Party } from '../../party/party.ts'
import { memberOf, type PartyId, type Roster } from '../../party/roster.ts'
import type { Statement as AffG } from '../../zk/aff-g.ts'
import type { Statement as AffGStar } from '../../zk/aff-g-star.ts'
import type { Statement as Dec } from '../../zk/dec.ts'
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

/** Throws UsageError unless the parties of the session are these signers: nobody more and nobody less. */
export function requireSession({ self, peers }: Pick<Party, 'self' | 'peers'>, signers: readonly PartyId[]): void {
  const present = [self, ...peers]
  if (signers.length !== present.length || present.some((id) => !signers.includes(id))) {
    throw new UsageError('signers: expected the parties of this session')
  }
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

/** Which sum of the output of Fig. 8 is wrong: δ·G = Σ Δ_j, or δ·X = Σ S_j. */
export type Sum = 'delta' | 'chi'

/** D and F of a multiplication; for χ the ones with hats. */
export interface Product {
  readonly D: bigint
  readonly F: bigint
}

export function productOf(sum: Sum, m: Pick<TwoProducts, 'D' | 'F' | 'DHat' | 'FHat'>): Product {
  return sum === 'delta' ? { D: m.D, F: m.F } : { D: m.DHat, F: m.FHat }
}

/** γ_from·G, or w_from·G: what `from` multiplied with. */
function factorPoint(ctx: Context, sum: Sum, from: PartyId, { Gamma }: Pick<Two, 'Gamma'>): Point {
  return sum === 'delta' ? Gamma : of(ctx.W, from)
}

/** As psi or psi-hat, without anybody's parameters. Fig. 9, section 4.3.1. */
export function psiStar(
  ctx: Context,
  sum: Sum,
  from: PartyId,
  to: PartyId,
  Kto: bigint,
  two: Pick<Two, 'Gamma'>,
  { D, F }: Product,
): AffGStar {
  const { paillier: N0 } = of(ctx.aux, to)
  return { N0, N1: of(ctx.aux, from).paillier, C: Kto, D, Y: F, X: factorPoint(ctx, sum, from, two) }
}

/**
 * δ_from, or χ_from in S_from = χ_from·Γ, is what x ⊙ K ⊕ Σ (D ⊖ F) decrypts to. Fig. 9, section 4.3.1.
 * `terms` has, for each other signer j, the D that j made for `from` and the F that `from` made with its D for j. All
 * of them are ciphertexts under N_from: the caller has checked it, since ⊖ has no value for others.
 */
export function psiDec(
  ctx: Context,
  sum: Sum,
  from: PartyId,
  { K }: Pick<One, 'K'>,
  two: Pick<Two, 'Gamma'>,
  { delta, S }: Pick<Three, 'delta' | 'S'>,
  Gamma: Point,
  terms: readonly Product[],
): Dec {
  const { paillier: N0 } = of(ctx.aux, from)
  const D = terms.reduce((C, t) => N0.add(C, N0.add(t.D, N0.pow(t.F, -1n))), 1n)
  const common = { N0, K, D, X: factorPoint(ctx, sum, from, two) }
  return sum === 'delta' ? { ...common, S: mulPublic(G, delta), h: G } : { ...common, S, h: Gamma }
}
