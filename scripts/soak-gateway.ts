/**
 * Millions of deliveries under everything that happens to participants (bench-gateway/soak.ts): through one gateway in
 * memory, and through two on one Redis of which one after the other is killed. Exits with 1 unless every message reached
 * every reader once and in order.
 *
 *   node --import tsx scripts/soak-gateway.ts [--deliveries 2000000] [--store memory|redis|both] [--seed N] [--minutes 30]
 */
import { parseArgs } from 'node:util'
import { startCluster } from './bench-gateway/killer.ts'
import { buildPrograms, missing, startKind, startRedis } from './bench-gateway/kinds.ts'
import { isGood, type SoakResult, soak } from './bench-gateway/soak.ts'

/** Rooms go soon after their last stream has, so that millions of messages fit; slow readers are cut off soon. */
const ENV = {
  SIGN_GATEWAY_LOGGING_LEVEL: 'error',
  SIGN_GATEWAY_LIMITS_ROOM_IDLE_SECONDS: '20',
  SIGN_GATEWAY_LIMITS_KEEP_ALIVE_SECONDS: '5',
  SIGN_GATEWAY_LIMITS_SUBSCRIBER_BUFFER_BYTES: '65536',
}
const KILL_EVERY_MS = 4_000
const SIZE = { rooms: 16, messagesPerRoom: 1_000 }

function usage(message: string): never {
  process.stderr.write(`soak-gateway: ${message}\n`)
  process.exit(2)
}

function options() {
  try {
    const { values } = parseArgs({
      options: {
        deliveries: { type: 'string', default: '2000000' },
        store: { type: 'string', default: 'both' },
        seed: { type: 'string', default: String(Date.now() % 1_000_000) },
        minutes: { type: 'string', default: '30' },
      },
    })
    const number = (name: 'deliveries' | 'seed' | 'minutes', max: number): number => {
      const value = Number(values[name])
      return Number.isInteger(value) && value >= 1 && value <= max ? value : usage(`--${name}: expected 1 to ${max}`)
    }
    if (!['memory', 'redis', 'both'].includes(values.store)) usage('--store: expected memory, redis or both')
    const { store } = values
    return { store, deliveries: number('deliveries', 1e9), seed: number('seed', 1e9), minutes: number('minutes', 1440) }
  } catch (e) {
    return usage((e as Error).message)
  }
}

const { store, deliveries, seed, minutes } = options()
const common = { ...SIZE, deliveries, seed, limitMs: 60_000 * minutes, onProgress: report }
buildPrograms()
let isFine = true
if (store !== 'redis') await inMemory()
if (store !== 'memory') {
  const why = missing('redis')
  if (why === undefined) await onRedis()
  else if (store === 'redis') usage(why)
  else process.stdout.write(`redis: not run: ${why}\n`)
}
process.exitCode = isFine ? 0 : 1

async function inMemory(): Promise<void> {
  const server = await startKind('ours', { env: ENV })
  try {
    const start = performance.now()
    const result = await soak({ ...common, ports: [server.port] })
    conclude('memory', result, start, `${(server.rssKib() / 1024).toFixed(0)} MiB at the end`)
  } finally {
    await server.stop()
  }
}

async function onRedis(): Promise<void> {
  const redis = await startRedis()
  const cluster = await startCluster({ redis, size: 2, env: ENV, killEveryMs: KILL_EVERY_MS })
  try {
    const start = performance.now()
    const result = await soak({ ...common, ports: cluster.ports })
    conclude('redis, two gateways', result, start, `${cluster.kills()} kills of a gateway`)
  } finally {
    await cluster.stop()
    await redis.stop()
  }
}

function conclude(what: string, result: SoakResult, start: number, more: string): void {
  isFine &&= isGood(result)
  const seconds = ((performance.now() - start) / 1000).toFixed(0)
  process.stdout.write(`${what}, seed ${seed}, ${seconds} s, ${more}:\n${lines(result)}`)
}

function report(result: SoakResult): void {
  process.stderr.write(`${result.deliveries} deliveries, ${result.rooms} rooms\n`)
}

function lines(r: SoakResult): string {
  return [
    `  ${r.deliveries} deliveries of ${r.published} messages in ${r.rooms} rooms`,
    `  ${r.dropped} connections dropped, ${r.stalled} readers stalled, ${r.ended} streams ended by the gateway, ${r.postedAgain} posted again`,
    `  ${r.lost} lost, ${r.doubled} doubled, ${r.outOfOrder} out of order, ${r.damaged} damaged, ${r.resets} resets`,
    ...r.failed.map((why) => `  failed: ${why}`),
    '',
  ].join('\n')
}
