/**
 * The metrics of a gateway in Prometheus' form. Each is read from plain numbers at the moment somebody asks; the list of
 * names, with what each means, is docs/gateway-operations.md.
 *
 * Labels are refusal codes, reasons of cut-offs, names of limits, and the versions in build_info: all from our own tables.
 * Never a room, a caller, an address or a token, of which there is no end and which are nobody's business.
 */
import process from 'node:process'
import { Counter, collectDefaultMetrics, Gauge, type Histogram, Registry } from 'prom-client'
import type { GatewayConfig } from '../../config/schema.ts'
import { VERSION } from '../../config/version.ts'
import type { Store } from '../store.ts'
import { type Counts, PUBLISH_BUCKETS_MS } from './counts.ts'

export const PREFIX = 'sign_gateway_'

export interface RegistryOptions {
  readonly counts: Counts
  readonly store: Pick<Store, 'size' | 'subscribers' | 'bytes'>
  readonly limits: GatewayConfig['limits']
  /** Open connections of the main port. */
  readonly connections: () => Promise<number>
  /** Whether the store can be used now, within a time limit. */
  readonly isStoreUp: () => Promise<boolean>
  readonly isClosing: () => boolean
}

/** The limits that alerts compare with what is in use. */
const LIMITS = ['rooms', 'total_bytes', 'connections', 'subscriber_buffer_bytes'] as const

export function createRegistry(options: RegistryOptions): Registry {
  const { counts, store, limits } = options
  const registry = new Registry()

  const counter = (name: string, help: string, read: () => number) =>
    new Counter({
      name: PREFIX + name,
      help,
      registers: [registry],
      collect() {
        this.reset()
        this.inc(read())
      },
    })
  const named = (name: string, help: string, label: string, read: ReadonlyMap<string, number>) =>
    new Counter({
      name: PREFIX + name,
      help,
      labelNames: [label],
      registers: [registry],
      collect() {
        this.reset()
        for (const [value, count] of read) this.inc({ [label]: value }, count)
      },
    })
  const gauge = (name: string, help: string, read: () => number | Promise<number>) =>
    new Gauge({
      name: PREFIX + name,
      help,
      registers: [registry],
      async collect() {
        this.set(await read())
      },
    })

  counter('messages_total', 'Broadcasts taken into a room', () => counts.messages)
  counter('message_bytes_total', 'Bytes of the bodies of those broadcasts', () => counts.messageBytes)
  counter('deliveries_total', 'Events written to streams', () => counts.deliveries)
  counter('delivered_bytes_total', 'Bytes of those events, as they go over the wire', () => counts.deliveredBytes)
  counter('streams_opened_total', 'Event streams begun', () => counts.streamsOpened)
  counter('streams_closed_total', 'Event streams ended, for whatever reason', () => counts.streamsClosed)
  counter('connections_dropped_total', 'Connections closed as they came', () => counts.connectionsDropped)
  named('cut_offs_total', 'Streams ended because of their reader', 'reason', counts.cutOffs)
  named('refusals_total', 'Requests refused, by the code of the answer', 'code', counts.refusals)

  gauge('subscribers', 'Event streams open', () => store.subscribers)
  gauge('rooms', 'Rooms in this process', () => store.size)
  gauge('history_bytes', 'Bytes of history in this process', () => store.bytes)
  gauge('connections', 'Connections open on the main port', options.connections)
  gauge('lag_bytes', 'Bytes that wait in memory for the slowest reader', () => counts.lag().bytes)
  gauge('lag_messages', 'Messages of history the slowest reader still has to be sent', () => counts.lag().messages)
  gauge('store_up', '1 when the store answers within its time limit', async () => ((await options.isStoreUp()) ? 1 : 0))
  gauge('closing', '1 once the gateway has been told to stop', () => (options.isClosing() ? 1 : 0))

  const limit = new Gauge({ name: `${PREFIX}limit`, help: 'Limits', labelNames: ['limit'], registers: [registry] })
  for (const name of LIMITS) limit.set({ limit: name }, limits[name])
  const build = new Gauge({
    name: `${PREFIX}build_info`,
    help: 'Always 1; the versions are in the labels',
    labelNames: ['version', 'node'],
    registers: [registry],
  })
  build.set({ version: VERSION, node: process.versions.node }, 1)

  registry.registerMetric(publishTimes(counts))
  collectDefaultMetrics({ register: registry })
  return registry
}

/**
 * A histogram over our own buckets. prom-client's would be told of each message, which takes some ten times as long as
 * counting it here; to print one, it asks for nothing but `name` and `get`.
 */
function publishTimes(counts: Counts): Histogram {
  const name = `${PREFIX}publish_seconds`
  const get = async () => {
    let below = 0
    const buckets = [...PUBLISH_BUCKETS_MS, Number.POSITIVE_INFINITY].map((endMs, i) => {
      below += counts.publishTimes[i] ?? 0
      const le = Number.isFinite(endMs) ? endMs / 1000 : '+Inf'
      return { metricName: `${name}_bucket`, labels: { le }, value: below }
    })
    return {
      name,
      help: 'Time of a broadcast in the gateway, from its last byte to the answer',
      type: 'histogram',
      values: [
        ...buckets,
        { metricName: `${name}_sum`, labels: {}, value: counts.publishMs / 1000 },
        { metricName: `${name}_count`, labels: {}, value: below },
      ],
      aggregator: 'sum',
    }
  }
  return { name, get } as unknown as Histogram
}
