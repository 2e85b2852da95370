/**
 * Loaded into a process ahead of its program: answers the bench's questions about CPU time and event loop, and holds the
 * process no longer than the program does.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { cpuMs } from './row.ts'

/** In ms: how often the delay is looked at. What a timer of this period takes longer is the delay. */
const RESOLUTION_MS = 1

const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })

const ANSWERS: Readonly<Record<string, () => unknown>> = {
  cpu: cpuMs,
  'loop start': () => {
    delay.reset()
    delay.enable()
  },
  /** The 99th percentile and the longest delay since the start, in ms. */
  'loop stop': () => {
    delay.disable()
    const ms = (ns: number): number => Math.max(0, ns / 1e6 - RESOLUTION_MS)
    return { p99: ms(delay.percentile(99)), max: ms(delay.max) }
  },
}

process.on('message', ({ id, at }: { readonly id: number; readonly at: string }) => {
  const answer = ANSWERS[at]
  if (answer !== undefined) process.send?.({ id, value: answer() })
})
process.channel?.unref()
