/**
 * Where proofs are computed. Protocols prove and verify through a `Work`, so that a host can move the heavy
 * arithmetic elsewhere; `inProcess` gives other tasks of the event loop a turn before each proof.
 */
import type { Random } from '../base/random.ts'
import type { Binding, NonInteractive, Proof } from './sigma.ts'

export interface Work {
  prove<S, W, C, K, E, R, Ch extends string>(
    proof: NonInteractive<S, W, C, K, E, R, Ch>,
    b: Binding,
    x: S,
    w: W,
    random: Random,
  ): Promise<Proof<C, R>>
  verify<S, W, C, K, E, R, Ch extends string>(
    proof: NonInteractive<S, W, C, K, E, R, Ch>,
    b: Binding,
    x: S,
    given: Proof<C, R>,
  ): Promise<Ch | undefined>
}

/** Lets timers and sockets run before the next heavy block. */
export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(undefined)
  })
}

export const inProcess: Work = {
  async prove(proof, b, x, w, random) {
    await yieldToEventLoop()
    return proof.prove(b, x, w, random)
  },
  async verify(proof, b, x, given) {
    await yieldToEventLoop()
    return proof.verify(b, x, given)
  },
}
