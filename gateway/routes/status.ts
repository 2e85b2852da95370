/** What the status page shows: totals of this process, how much of each limit is in use, and whether the store is there. */
import process from 'node:process'
import { VERSION } from '../../config/version.ts'
import { total } from '../metrics/counts.ts'
import { bytes, count, duration, type Page, type Row } from '../status-page.ts'
import type { AppOptions } from './context.ts'

export async function statusOf({ config, store, clock, watch }: AppOptions): Promise<Page> {
  const { counts, rate, readiness } = watch
  const { limits } = config
  const [{ isReady, store: health, isClosing }, connections] = await Promise.all([readiness.ask(), watch.connections()])
  const nowMs = clock.nowMs()
  const { perSecond, seconds } = rate.upTo(nowMs, counts.messages)
  const lag = counts.lag()
  const memory = process.memoryUsage()
  const summary = isReady ? 'Ready' : isClosing ? 'Closing' : `Not ready: store ${health}`
  return {
    isWell: isReady,
    summary,
    sections: [
      {
        title: 'Now',
        rows: [
          limited('Rooms', store.size, limits.rooms),
          row('Streams', count(store.subscribers)),
          limited('Connections', connections, limits.connections),
          row('Messages per second', seconds < 1 ? '–' : `${perSecond.toFixed(1)} over ${duration(seconds)}`),
          { name: 'History', value: bytes(store.bytes), used: store.bytes / limits.total_bytes },
          {
            name: 'Waits for slowest reader',
            value: bytes(lag.bytes),
            used: lag.bytes / limits.subscriber_buffer_bytes,
          },
          row('History left to send it', count(lag.messages)),
        ],
      },
      {
        title: 'Since the start',
        rows: [
          row('Messages', count(counts.messages)),
          row('Bytes of messages', bytes(counts.messageBytes)),
          row('Deliveries', count(counts.deliveries)),
          row('Bytes delivered', bytes(counts.deliveredBytes)),
          row('Streams opened', count(counts.streamsOpened)),
          row('Streams closed', count(counts.streamsClosed)),
          row('Connections dropped', count(counts.connectionsDropped)),
        ],
      },
      { title: 'Readers cut off', rows: byName(counts.cutOffs) },
      { title: 'Requests refused', rows: byName(counts.refusals) },
      {
        title: 'Process',
        rows: [
          row('Store', health),
          row('Uptime', duration((nowMs - watch.startedAtMs) / 1000)),
          row('Memory', bytes(memory.rss)),
          row('Heap in use', bytes(memory.heapUsed)),
        ],
      },
    ],
    footer: `Version ${VERSION}, Node ${process.versions.node}. Counts are those of this process.`,
  }
}

const row = (name: string, value: string): Row => ({ name, value })
const limited = (name: string, value: number, limit: number): Row => ({
  name,
  value: `${count(value)} of ${count(limit)}`,
  used: value / limit,
})

/** The total, and each name that was counted at all. */
function byName(counts: ReadonlyMap<string, number>): readonly Row[] {
  const seen = [...counts].filter(([, value]) => value > 0).sort(([, a], [, b]) => b - a)
  return [row('All', count(total(counts))), ...seen.map(([name, value]) => row(name, count(value)))]
}
