/**
 * What is measured of each kind: every row takes a fresh server and a fresh load generator, warms up, and checks that
 * nothing was lost, doubled, out of order or damaged.
 */
import { type Generator, startGenerator } from './generator-process.ts'
import { type Kind, startKind } from './kinds.ts'
import type { Counts } from './load.ts'
import type { Server } from './server.ts'
import { stopRow } from './stop.ts'

export const UNITS = ['per second', 'CPU µs', 'p50 ms', 'p99 ms', 'KB', 'KB heap', 'MB', 's', 'deliveries'] as const
export type Unit = (typeof UNITS)[number]

/** `name` is a line of the table. */
export type Recorder = (name: string, unit: Unit, value: number) => void

export interface Row {
  readonly name: string
  readonly kinds: readonly Kind[]
  measure(kind: Kind, record: Recorder): Promise<void>
}

const BODY_BYTES = 4096
const STREAMS_PER_ROOM = 2
/** Messages until the server is compiled. */
const WARM_UP = 20_000
/** nchan numbers the messages of a second in 16 bits, and loses what goes beyond in one channel. */
const NCHAN_CAP = 20_000
const MESSAGING: readonly Kind[] = ['ours', 'kept', 'guarded', 'redis', 'raw', 'nchan']

interface Flow {
  readonly rooms: number
  /** For which ours keeps a message; the others keep the last 100 of each room. */
  readonly ttlSeconds: number
  readonly outstanding: number
  readonly count: number
  readonly perSecond: number
  readonly steadyCount: number
}

function flow(title: string, { rooms, ttlSeconds, outstanding, count, perSecond, steadyCount }: Flow): Row {
  return {
    name: title,
    kinds: MESSAGING,
    measure: (kind, record) =>
      withLoad(kind, ttl(kind, ttlSeconds), { rooms, lanes: outstanding }, async (server, generator) => {
        const cap = kind === 'nchan' && rooms === 1 ? { cap: NCHAN_CAP } : {}
        await generator.order('closed', { count: WARM_UP, outstanding, ...cap })
        const before = server.cpuUs()
        const { perSecond: reached } = await generator.order('closed', { count, outstanding, ...cap })
        record(`${title}, as fast as it goes`, 'per second', reached)
        record(`${title}, as fast as it goes`, 'CPU µs', (server.cpuUs() - before) / count)
        const { p50, p99 } = await generator.order('steady', { count: steadyCount, perSecond })
        record(`${title}, ${perSecond} a second`, 'p50 ms', p50)
        record(`${title}, ${perSecond} a second`, 'p99 ms', p99)
        const delivered = check(await generator.order('counts'))
        record('delivered, all checked', 'deliveries', delivered)
      }),
  }
}

const IDLE_STREAMS = 5_000

const idle: Row = {
  name: '5,000 idle streams',
  kinds: ['ours', 'guarded', 'redis', 'raw', 'nchan'],
  async measure(kind, record) {
    const server = await startKind(kind)
    const generator = startGenerator()
    try {
      // Code is compiled and pools are made by the first few, which belong to no stream.
      await generator.order('open', { ...target(server), rooms: 20, lanes: 1, ...common('first') })
      await generator.order('closed', { count: 100, outstanding: 1 })
      await generator.order('close')
      await server.heapBytes()
      await settle()
      const [pss, heap] = [server.pssKib(), await server.heapBytes()]
      const rooms = IDLE_STREAMS / STREAMS_PER_ROOM
      await generator.order('open', { ...target(server), rooms, lanes: 0, ...common('idle') })
      await settle()
      const perStream = (bytes: number): number => bytes / 1000 / IDLE_STREAMS
      record('5,000 idle streams, each', 'KB', perStream(1024 * (server.pssKib() - pss)))
      const heapAfter = await server.heapBytes()
      if (heap !== undefined && heapAfter !== undefined) {
        record('5,000 idle streams, each', 'KB heap', perStream(heapAfter - heap))
      }
    } finally {
      await generator.stop()
      await server.stop()
    }
  },
}

const STALLED_MESSAGES = 20_000
const STALLED_PER_SECOND = 4_000

/** The peak above what the process had when it had been warmed up, without the reader and with it. */
const stalled: Row = {
  name: 'stalled reader',
  kinds: ['ours', 'redis', 'raw', 'nchan'],
  async measure(kind, record) {
    for (const isStalled of [false, true]) {
      // Nothing is kept for later, so that what grows is not the history.
      await withLoad(kind, ttl(kind, 0), { rooms: 1, lanes: 16 }, async (server, generator) => {
        const pass = { count: STALLED_MESSAGES, perSecond: STALLED_PER_SECOND }
        await generator.order('steady', pass)
        const before = server.rssKib()
        if (isStalled) await generator.order('stall')
        let peak = before
        const timer = setInterval(() => {
          peak = Math.max(peak, server.rssKib())
        }, 20)
        await generator.order('steady', pass)
        clearInterval(timer)
        const name = isStalled ? 'one reader stalled while 80 MB pass' : '80 MB pass, no reader stalled'
        record(`${name}, memory grows by`, 'MB', (1024 * (Math.max(peak, server.rssKib()) - before)) / 1e6)
        check(await generator.order('counts'))
      })
    }
  },
}

export const ROWS: readonly Row[] = [
  flow('1 room', { rooms: 1, ttlSeconds: 0, outstanding: 16, count: 40_000, perSecond: 200, steadyCount: 1_000 }),
  flow('200 rooms', {
    rooms: 200,
    ttlSeconds: 1,
    outstanding: 64,
    count: 40_000,
    perSecond: 2_000,
    steadyCount: 6_000,
  }),
  idle,
  stalled,
  stopRow,
]

function ttl(kind: Kind, seconds: number): { readonly publishHeaders?: string } {
  return kind === 'nchan' || kind === 'raw' || kind === 'kept' ? {} : { publishHeaders: `TTL: ${seconds}\r\n` }
}

interface Size {
  readonly rooms: number
  readonly lanes: number
}

async function withLoad(
  kind: Kind,
  more: { readonly publishHeaders?: string },
  size: Size,
  use: (server: Server, generator: Generator) => Promise<void>,
): Promise<void> {
  const server = await startKind(kind)
  const generator = startGenerator()
  try {
    await generator.order('open', { ...target(server), ...more, ...size, ...common('bench') })
    await use(server, generator)
  } finally {
    await generator.stop()
    await server.stop()
  }
}

function target({ port, headers, publishHeaders, firstAsk }: Server) {
  return { port, headers, publishHeaders, ...(firstAsk !== undefined && { firstAsk }) }
}

function common(prefix: string) {
  return { prefix, streamsPerRoom: STREAMS_PER_ROOM, bodyBytes: BODY_BYTES }
}

/** Deliveries, when they are all as they should be. */
function check(counts: Counts): number {
  const { lost, doubled, outOfOrder, damaged, delivered } = counts
  if (lost + doubled + outOfOrder + damaged > 0) {
    throw new Error(`${lost} lost, ${doubled} doubled, ${outOfOrder} out of order, ${damaged} damaged`)
  }
  return delivered
}

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 500))
}
