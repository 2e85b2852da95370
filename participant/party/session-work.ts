/**
 * The heavy arithmetic of a session ends with it: who waits for a proof that a busy machine has not begun is told of the
 * deadline when it passes, and not when the proof is there.
 */
import type { Work } from '../zk/work.ts'

/** `orEnd` rejects when the session ends before what it waits for. What has been begun is computed all the same. */
export function sessionWork(work: Work, orEnd: <T>(what: Promise<T>) => Promise<T>): Work {
  return {
    prove: (...given) => orEnd(work.prove(...given)),
    verify: (...given) => orEnd(work.verify(...given)),
    verifyTwo: (...given) => orEnd(work.verifyTwo(...given)),
    primes: work.primes,
    get background() {
      return sessionWork(work.background, orEnd)
    },
  }
}
