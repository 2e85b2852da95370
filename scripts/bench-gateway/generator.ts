/**
 * The load generator: a process of its own that does what it is told over its channel, one thing at a time.
 *
 *   { at: 'open', … }                 opens streams and lanes (LoadOptions)
 *   { at: 'closed', count, outstanding, cap }
 *   { at: 'steady', count, perSecond }
 *   { at: 'stall' }                   one more stream, that isn't read
 *   { at: 'counts' } and { at: 'close' }
 */
import { percentile } from '../bench/statistics.ts'
import { type Counts, Load, type LoadOptions } from './load.ts'

export interface ClosedLoop {
  readonly count: number
  readonly outstanding: number
  /** Messages in a second at most. */
  readonly cap?: number
}

export interface Orders {
  open(o: LoadOptions): void
  closed(o: ClosedLoop): { readonly perSecond: number }
  steady(o: { readonly count: number; readonly perSecond: number }): { readonly p50: number; readonly p99: number }
  stall(): void
  counts(): Counts
  close(): void
}

let load: Load | undefined

const answers: { readonly [At in keyof Orders]: (o: never) => Promise<ReturnType<Orders[At]>> } = {
  async open(o: LoadOptions) {
    load = await Load.open(o)
  },
  async closed({ count, outstanding, cap }: ClosedLoop) {
    return { perSecond: await opened().closed(count, outstanding, cap) }
  },
  async steady({ count, perSecond }: { count: number; perSecond: number }) {
    const took = [...(await opened().steady(count, perSecond))]
    return { p50: percentile(took, 50), p99: percentile(took, 99) }
  },
  async stall() {
    await opened().stall()
  },
  async counts() {
    return opened().counts()
  },
  async close() {
    opened().close()
    load = undefined
  },
}

function opened(): Load {
  if (load === undefined) throw new Error('nothing is open')
  return load
}

process.on('message', ({ at, o }: { readonly at: keyof Orders; readonly o: unknown }) => {
  answers[at](o as never).then(
    (value) => process.send?.({ value }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
  )
})
