/**
 * What the bench is made of: groups of rows. A group is a file with `rows`, and runs in a process of its own
 * (group.ts); each row is one function that measures and records what it saw, in one or more units.
 */

/**
 * `CPU ms` and `wall ms` are of one operation; `powers` are exponentiations. `KB` are 1000 bytes: what parties post to
 * the gateway, and what it streams to each of them, the sender too; `KB` alone is the sum.
 */
export type Unit =
  | 'CPU ms'
  | 'wall ms'
  | 'loop p99 ms'
  | 'loop max ms'
  | 'per second'
  | 'KB'
  | 'KB posted'
  | 'KB streamed'
  | 'powers'

export type Recorder = (unit: Unit, ...values: readonly number[]) => void

export interface Row {
  readonly name: string
  /** What it should be: at most, and for `per second` at least. For `powers`, the fewest that the protocol needs. */
  readonly targets?: Readonly<Partial<Record<Unit, number>>>
  measure(record: Recorder, runs: number): Promise<void>
}

/** One line of a group's output. */
export type Line =
  | { readonly row: string; readonly unit: Unit; readonly values: readonly number[]; readonly target?: number }
  | { readonly row: string; readonly failed: string }

/** In the order of the tables; each is scripts/bench/NAME.ts. */
export const GROUPS = ['signing', 'warm', 'protocols', 'primes', 'event-loop', 'counts', 'proofs', 'blocks'] as const

export type Group = (typeof GROUPS)[number]

/** CPU of this process, all threads, in ms since it began. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

/** Records CPU and wall time of `run`. */
export async function timed<T>(record: Recorder, run: () => Promise<T>): Promise<T> {
  const [wall, cpu] = [performance.now(), cpuMs()]
  const result = await run()
  record('CPU ms', cpuMs() - cpu)
  record('wall ms', performance.now() - wall)
  return result
}

/**
 * Sessions that are not counted at the start of a process. Two, since a prime modulus gets its OpenSSL object only when it
 * has been used for a while, which falls into the second.
 */
export const WARM_UP = 2

/** What one run of a short operation should take at least, so that the clocks see it. */
const BATCH_MS = 10
/**
 * Calls that are not counted, until everything is compiled and prepared: this many, and this much CPU; of what is slow,
 * fewer. CPU, since on a busy machine time passes without any calls.
 */
const WARM_UP_CALLS = { few: 4, enough: 20 } as const
const WARM_UP_CPU_MS = { least: 300, most: 1500 } as const

/** Records CPU and wall time of one call, each run a batch of calls, after some that are not counted. */
export async function timedCalls(record: Recorder, runs: number, call: () => unknown): Promise<void> {
  const start = cpuMs()
  let [warmUp, usedMs] = [0, 0]
  while (
    warmUp < WARM_UP_CALLS.few ||
    (usedMs < WARM_UP_CPU_MS.most && (warmUp < WARM_UP_CALLS.enough || usedMs < WARM_UP_CPU_MS.least))
  ) {
    await call()
    warmUp += 1
    usedMs = cpuMs() - start
  }
  const calls = Math.max(1, Math.ceil((BATCH_MS * warmUp) / usedMs))
  for (let run = 0; run < runs; run++) {
    const [wall, cpu] = [performance.now(), cpuMs()]
    for (let i = 0; i < calls; i++) await call()
    record('CPU ms', (cpuMs() - cpu) / calls)
    record('wall ms', (performance.now() - wall) / calls)
  }
}
