/**
 * Where proofs are computed and primes are found. Protocols prove and verify through a `Work`, so that a host can move
 * the heavy arithmetic elsewhere: `inProcess` gives other tasks of the event loop a turn before each proof;
 * work-pool.ts has worker threads.
 *
 * A proof's randomness is 32 bytes of the caller's, drawn when it is asked for and expanded where it is made. So it is
 * the same proof, byte for byte, wherever that is.
 */
import { expandSeed, type Random, SEED_BYTES } from '../base/random.ts'
import { yieldToEventLoop } from '../base/turns.ts'
import { blumPrime, type PrimeMaker, safePrime } from '../math/primes.ts'
import { type Claim, drawWeight, type FailedOne, type PairProvable } from './pair.ts'
import type { Binding, Provable } from './sigma.ts'

export interface Work {
  /** Rejects with what the proof throws. */
  prove<S, W, P>(proof: Provable<S, W, P, string>, b: Binding, x: S, w: W, random: Random): Promise<P>
  /** The name of the first check that fails, or undefined when the proof holds. */
  verify<S, W, P, Ch extends string>(proof: Provable<S, W, P, Ch>, b: Binding, x: S, given: P): Promise<Ch | undefined>
  /**
   * The same for two proofs of one prover, which cost less together; the first failure of the two. Draws the weight when it is
   * called: both proofs are there by then.
   */
  verifyTwo<S, W, P, Ch extends string>(
    proof: PairProvable<S, W, P, Ch>,
    one: Claim<S, P>,
    two: Claim<S, P>,
    random: Random,
  ): Promise<FailedOne<Ch> | undefined>
  readonly primes: PrimeMaker
  /** The same, for what nobody waits for: a request waits for no more than one proof of it. */
  readonly background: Work
}

/** The proof that this seed makes, in the next turn of the event loop. Overwrites the seed. */
export async function proveFromSeed<S, W, P>(
  proof: Provable<S, W, P, string>,
  b: Binding,
  x: S,
  w: W,
  seed: Uint8Array,
): Promise<P> {
  await yieldToEventLoop()
  const random = expandSeed(seed)
  seed.fill(0)
  return proof.prove(b, x, w, random)
}

export const inProcess: Work = {
  async prove(proof, b, x, w, random) {
    return proveFromSeed(proof, b, x, w, random.bytes(SEED_BYTES))
  },
  async verify(proof, b, x, given) {
    await yieldToEventLoop()
    return proof.verify(b, x, given)
  },
  async verifyTwo(proof, one, two, random) {
    const weight = drawWeight(random)
    await yieldToEventLoop()
    return proof.verifyTwo(one, two, weight)
  },
  primes: { make: (safe, options) => (safe ? safePrime(options) : blumPrime(options)) },
  get background() {
    return inProcess
  },
}
