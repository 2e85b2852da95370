/** What it takes to check a message of a session, for a party in it as for somebody who reads the evidence later. */
import type { Random } from '../base/random.ts'
import type { Claim, PairProvable } from '../zk/pair.ts'
import type { Provable } from '../zk/sigma.ts'
import type { Failed, Party } from './party.ts'
import { faultOf } from './proof-fault.ts'
import type { PartyId } from './roster.ts'

export type Judge = Pick<Party, 'session' | 'level' | 'binding' | 'work'> & {
  /** For weights, where two proofs are checked together. Without it each is checked alone, and everybody finds the same. */
  readonly random?: Random
}

/** Whose proof for whom ('' for everybody); the fault is named after `name`, which is also the slot. */
interface At {
  readonly prover: PartyId
  readonly verifier: PartyId | ''
  readonly name: string
}

/** Verifies `prover`'s proof for `verifier` ('' for everybody) in a slot; the fault is named after `name`. */
export async function verified<S, W, P, Ch extends string>(
  judge: Judge,
  proof: Provable<S, W, P, Ch>,
  at: At & { readonly slot?: string },
  statement: S,
  given: P,
): Promise<Failed | undefined> {
  const binding = judge.binding(at.prover, at.verifier, at.slot ?? at.name)
  return faultOf(at.name, proof, await judge.work.verify(proof, binding, statement, given))
}

/** Two proofs of one prover: the first failure, as `verified` of one after the other would find it. */
export async function verifiedTwo<S, W, P, Ch extends string>(
  judge: Judge,
  proof: PairProvable<S, W, P, Ch>,
  one: At & { readonly statement: S; readonly given: P },
  two: At & { readonly statement: S; readonly given: P },
): Promise<Failed | undefined> {
  if (judge.random === undefined) {
    return (
      (await verified(judge, proof, one, one.statement, one.given)) ??
      (await verified(judge, proof, two, two.statement, two.given))
    )
  }
  const claim = ({ prover, verifier, name, statement, given }: typeof one): Claim<S, P> => ({
    b: judge.binding(prover, verifier, name),
    x: statement,
    given,
  })
  const failed = await judge.work.verifyTwo(proof, claim(one), claim(two), judge.random)
  if (failed === undefined) return undefined
  const [which, check] = failed
  return faultOf((which === 0 ? one : two).name, proof, check)
}
