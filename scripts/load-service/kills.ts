/** The first part of the load: so many signatures a second through the gateway, while gateway and service are killed once. */
import { errorName, percentile, type Told, type Verdict, verdictOf } from './request.ts'
import type { Scene } from './scene.ts'

export const DEADLINE_MS = 30_000
/** For what is left to end after the last deadline. */
const PATIENCE_MS = 30_000
/** So long after a kill a request counts as hit by it. */
const HIT_MS = 20_000

export interface KillsResult {
  readonly requests: number
  readonly verdicts: Readonly<Record<Verdict, number>>
  readonly errors: Readonly<Record<string, number>>
  readonly warmMs: { readonly p50: number; readonly p99: number }
  /** Kinds of ends of the requests that were under way, or came, around each kill; and how long they took at most. */
  readonly kills: readonly {
    readonly what: string
    readonly atMs: number
    readonly downMs: number
    readonly ends: Readonly<Record<string, number>>
    readonly longestMs: number
  }[]
}

export interface KillsOptions {
  readonly seconds: number
  readonly perSecond: number
  say(text: string): void
}

export async function runKills(scene: Scene, { seconds, perSecond, say }: KillsOptions): Promise<KillsResult> {
  const client = await scene.client('rooms', 'client')
  say(`signing ${perSecond} times a second for ${seconds} s`)
  const all: (Told & { readonly verdict: Verdict })[] = []
  const started = performance.now()
  const running = client.run({ perSecond, seconds, deadlineMs: DEADLINE_MS }, (told) => {
    all.push({ ...told, verdict: verdictOf(told, scene.publicKey, DEADLINE_MS) })
  })
  const kills: { what: string; atMs: number; downMs: number }[] = []
  const kill = async (which: 'gateway' | 'service', atMs: number): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, started + atMs - performance.now()))
    const began = performance.now()
    await scene.restart(which)
    kills.push({ what: which, atMs: began - started, downMs: performance.now() - began })
    say(`${which} killed, and back after ${Math.round(performance.now() - began)} ms`)
  }
  // one that never ends is told as hung, and waited for no longer
  const limit = new Promise<void>((resolve) => setTimeout(resolve, 1000 * seconds + DEADLINE_MS + PATIENCE_MS))
  await Promise.all([
    Promise.race([running, limit]),
    kill('gateway', (1000 * seconds) / 3),
    kill('service', (2000 * seconds) / 3),
  ])
  running.catch(() => undefined)
  client.stop()

  const expected = perSecond * seconds
  const verdicts = { warm: 0, cold: 0, error: 0, hung: expected - all.length, invalid: 0, unclear: 0 }
  for (const { verdict } of all) verdicts[verdict] += 1
  const warm = all.flatMap((t) => (t.verdict === 'warm' ? [t.tookMs] : [])).sort((a, b) => a - b)
  const around = (atMs: number, downMs: number) =>
    all.filter((t) => t.atMs + t.tookMs > atMs && t.atMs < atMs + downMs + HIT_MS)
  return {
    requests: expected,
    verdicts,
    errors: counted(all.filter((t) => t.error !== undefined).map(errorName)),
    warmMs: { p50: percentile(warm, 0.5), p99: percentile(warm, 0.99) },
    kills: kills.map((k) => {
      const hit = around(k.atMs, k.downMs)
      const ends = counted(hit.map((t) => (t.error === undefined ? t.verdict : errorName(t))))
      return { ...k, ends, longestMs: Math.max(0, ...hit.map((t) => t.tookMs)) }
    }),
  }
}

export function counted(names: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}
