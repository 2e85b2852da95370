/**
 * Distributed key generation, t of n. CGGMP24, Fig. 6, with Feldman sharing (App. F.1): 3 rounds, and one in which everybody
 * says that nothing was wrong, so that all parties end alike.
 *
 * Differs from the figure: each party commits to a polynomial's Feldman points in place of one X_i, and proves
 * knowledge of its final share; a contribution to the chain code is committed and opened with it. PAPER.md,
 * "key generation".
 */
import { InternalError, UsageError } from '../../base/errors.ts'
import { secret } from '../../base/secret.ts'
import { G, modQ, mul, type Point } from '../../math/curve.ts'
import { evaluate, evaluateInExponent, feldman, randomPolynomial } from '../../math/polynomial.ts'
import type { Party } from '../../party/party.ts'
import { checkRoster, memberOf } from '../../party/roster.ts'
import { sch } from '../../zk/sch.ts'
import type { CoreShare } from '../material.ts'
import {
  checkKnowledge,
  checkOpening,
  checkSubShare,
  combine,
  commitTo,
  four,
  type Opening,
  one,
  slotOf,
  three,
  two,
  twoShares,
} from './rounds.ts'

export interface KeygenInput {
  /** How many parties it takes to sign: 2 … n. */
  readonly threshold: number
}

/** Throws ProtocolAbort with the culprits, TransportError at the deadline, UsageError for an impossible threshold. */
export async function keygen({ threshold }: KeygenInput, party: Party): Promise<CoreShare> {
  const { self, peers, roster, session, random, level } = party
  const n = checkRoster(roster).members.length
  if (!Number.isInteger(threshold) || threshold < 2 || threshold > n)
    throw new UsageError(`threshold: expected 2 to ${n}`)
  if (peers.length !== n - 1) throw new UsageError('key generation: expected every member of the roster to take part')
  const index = memberOf(roster, self).index

  // Fig. 6, round 1: sample and commit
  const f = randomPolynomial(random, threshold)
  const first = sch.sigma.commit(level, { X: G }, { x: secret(0n) }, random)
  const mine: Opening = {
    rid: random.bytes(32),
    F: feldman(f),
    A: first.commitment.A,
    c: random.bytes(32),
    u: random.bytes(32),
  }
  await party.broadcast(one, { V: commitTo(session, self, mine) })
  const commits = await party.collect(one)

  // Fig. 6, round 2: open; sub-shares go out only now that everybody is committed to the same
  await party.broadcast(two, mine)
  for (const j of peers) await party.send(twoShares, j, { sigma: evaluate(f, BigInt(memberOf(roster, j).index)) })
  const openings = await party.collect(two)
  await party.checkEach(two, openings, (j, m) => checkOpening(session, threshold, j, commits.get(j).message.V, m), [
    commits,
  ])
  const subShares = await party.collect(twoShares)
  await party.checkEach(twoShares, subShares, (j, m) => checkSubShare(index, openings.get(j).message.F, m), [openings])

  const all = [mine, ...openings.values().map((o) => o.message)]
  const x = subShares.values().reduce((a, s) => modQ(a + s.message.sigma), evaluate(f, BigInt(index)))
  const combined = combine(all)
  const { F } = combined
  const publicKey = F[0] as Point
  const publicShares = new Map(roster.members.map((m) => [m.id, evaluateInExponent(F, BigInt(m.index))]))
  const X = publicShares.get(self) as Point
  // With commitments nobody can arrange this; it is the last line against a sum that cancels (attacks.md, row 27).
  if (publicKey.is0() || [...publicShares.values()].some((P) => P.is0())) {
    party.abort(two, { code: 'PK_IDENTITY', check: 'public key or share is the identity' }, [])
  }
  if (!mul(G, x).equals(X)) throw new InternalError('key generation: x·G is not the public share')

  // Fig. 6, round 3: Π^sch for the final share, under the A that was committed to in round 1
  const proof = sch.finish(party.binding(self, '', slotOf(combined.rid)), { X }, { x: secret(x) }, first)
  await party.broadcast(three, { z: proof.response.z })
  const proofs = await party.collect(three)
  await party.checkEach(
    three,
    proofs,
    (j, m) => checkKnowledge(party, j, memberOf(roster, j).index, combined, openings.get(j).message, m),
    [openings],
  )

  // one party may have been sent another z than the others: nobody has a share unless all have checked
  await party.broadcast(four, {})
  await party.collect(four)
  return { threshold, x: secret(x), feldman: F, publicKey, publicShares, chainCode: combined.chainCode }
}
