/** What it takes to check a message of a session, for a party in it as for somebody who reads the evidence later. */
import type { Provable } from '../zk/sigma.ts'
import type { Failed, Party } from './party.ts'
import { faultOf } from './proof-fault.ts'
import type { PartyId } from './roster.ts'

export type Judge = Pick<Party, 'session' | 'level' | 'binding' | 'work'>

/** Verifies `prover`'s proof for `verifier` ('' for everybody) in a slot; the fault is named after `name`. */
export async function verified<S, W, P, Ch extends string>(
  judge: Judge,
  proof: Provable<S, W, P, Ch>,
  at: { readonly prover: PartyId; readonly verifier: PartyId | ''; readonly name: string; readonly slot?: string },
  statement: S,
  given: P,
): Promise<Failed | undefined> {
  const binding = judge.binding(at.prover, at.verifier, at.slot ?? at.name)
  return faultOf(at.name, proof, await judge.work.verify(proof, binding, statement, given))
}
