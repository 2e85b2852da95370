/**
 * Dealing: one place that knows everything makes all shares. The dealer of key-gen and the tests use it; the
 * distributed protocols never do.
 *
 * Claim: f of degree t − 1 is uniform, x_i = f(i), F = f·G coefficient by coefficient, X_i = F(i) = x_i·G, and the
 * public key is F(0). Whoever ran this could sign alone: it must be forgotten afterwards.
 *
 * Differs from Shamir's scheme in one way: polynomials with a coefficient or a share that is zero modulo q are drawn
 * again, since the identity has no encoding. One in 2^250 draws is such.
 */
import { UsageError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import { secret } from '../base/secret.ts'
import { evaluate, evaluateInExponent, feldman, randomPolynomial } from '../math/polynomial.ts'
import { type PaillierSecretKey, paillierKey } from '../paillier/paillier-key.ts'
import { type RingPedersenSecret, ringPedersen } from '../paillier/ring-pedersen.ts'
import { checkRoster, type PartyId, type Roster } from '../party/roster.ts'
import type { AuxInfo, CoreShare, PeerAux } from '../protocols/material.ts'

/** A party's own secret moduli. */
export interface AuxSecrets {
  readonly paillier: PaillierSecretKey
  readonly pedersen: RingPedersenSecret
}

/** Shares of a fresh key for every member. Throws UsageError unless 2 ≤ threshold ≤ n. */
export function dealCore(roster: Roster, threshold: number, random: Random): ReadonlyMap<PartyId, CoreShare> {
  const { members } = checkRoster(roster)
  if (!Number.isInteger(threshold) || threshold < 2 || threshold > members.length) {
    throw new UsageError(`threshold: expected a whole number from 2 to ${members.length}`)
  }
  for (;;) {
    const f = randomPolynomial(random, threshold)
    const F = feldman(f)
    const publicShares = new Map(members.map((m) => [m.id, evaluateInExponent(F, BigInt(m.index))]))
    const [publicKey] = F
    if (publicKey === undefined || [...F, ...publicShares.values()].some((P) => P.is0())) continue
    const chainCode = random.bytes(32)
    return new Map(
      members.map((m) => [
        m.id,
        {
          threshold,
          x: secret(evaluate(f, BigInt(m.index))),
          feldman: F,
          publicKey,
          publicShares,
          chainCode: chainCode.slice(),
        },
      ]),
    )
  }
}

/** Everybody's auxiliary information. Throws UsageError when a member has no secrets. */
export function dealAux(roster: Roster, secrets: ReadonlyMap<PartyId, AuxSecrets>): ReadonlyMap<PartyId, AuxInfo> {
  const own = roster.members.map(({ id }) => {
    const s = secrets.get(id)
    if (s === undefined) throw new UsageError(`moduli of ${id}: expected one pair for each member`)
    return { id, ...s }
  })
  const known: readonly (readonly [PartyId, PeerAux])[] = own.map(({ id, paillier, pedersen }) => [
    id,
    { paillier: paillierKey(paillier.N), pedersen: ringPedersen(pedersen.NHat, pedersen.s, pedersen.t) },
  ])
  return new Map(
    own.map(({ id, paillier, pedersen }) => [
      id,
      { paillier, pedersen, peers: new Map(known.filter(([peer]) => peer !== id)) },
    ]),
  )
}
