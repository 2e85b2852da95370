/** Many seeded schedules, a few at a time, and the table of how they ended. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { Kind } from './lies.ts'
import { ceremony, GROUPS, type Outcome, type SessionOptions, signing } from './sessions.ts'

/** Sessions at the same time: most of them wait. */
const AT_ONCE = 8
const VALID_MS = 3_600_000

export interface Archive {
  /** Of sessions that went well, with invitations that still hold. */
  readonly packets: readonly Buffer[]
  /** How long the slowest of them took, alone: it says how fast this machine is now. */
  readonly honestMs: number
}

export async function makeArchive(): Promise<Archive> {
  const packets: Buffer[] = []
  let honestMs = 0
  const common = { kind: 'honest', archive: [], deadlineMs: 60_000 } as const
  for (let group = 0; group < GROUPS.length; group++) {
    const signed = await signing({ ...common, seed: `archive ${group}`, group, validMs: VALID_MS })
    const made = await ceremony({ ...common, seed: `archive ${group}`, group })
    assert.deepEqual([...new Set([...signed.ended, ...made.ended])], ['ok'], 'an honest gateway loses nothing')
    packets.push(...signed.packets, ...made.packets)
    honestMs = Math.max(honestMs, signed.ms, made.ms)
  }
  return { packets, honestMs }
}

/** What the n-th schedule is. Every third loses nothing; every fifth is a ceremony. */
function scheduleOf(n: number, archive: Archive): { run: typeof signing; options: SessionOptions } {
  const kind: Kind = n % 3 === 0 ? 'lossless' : 'lossy'
  const group = [0, 0, 1, 2][Math.floor(n / 5) % 4] as number
  const run = n % 5 === 4 ? ceremony : signing
  // a schedule that loses nothing is slow at most, so it is given the time
  const deadlineMs = kind === 'lossless' ? 30_000 + 40 * archive.honestMs : 4_000 + 1_000 * (n % 5)
  return { run, options: { seed: `schedule ${n}`, kind, group, deadlineMs, archive: archive.packets } }
}

/** Runs the schedules `from` … `from + count − 1`, or only HOSTILE_SEED. Fails naming the seed. */
export async function runSchedules(from: number, count: number, archive: Archive): Promise<Outcome[]> {
  const only = process.env['HOSTILE_SEED']
  const queue = only === undefined ? Array.from({ length: count }, (_, i) => from + i) : [Number(only)]
  const outcomes: Outcome[] = []
  const failures: string[] = []
  const lane = async (): Promise<void> => {
    for (let n = queue.shift(); n !== undefined; n = queue.shift()) {
      const { run, options } = scheduleOf(n, archive)
      try {
        outcomes.push(await ending(run(options), 3 * options.deadlineMs + 10_000))
      } catch (error) {
        failures.push(`HOSTILE_SEED=${n} (${run.name}, ${options.kind}): ${(error as Error).stack}`)
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  assert.equal(failures.length, 0, `\n${failures.join('\n')}`)
  return outcomes
}

/** Rejects when it hasn't ended by then. */
async function ending<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`still running after ${ms} ms`)), ms)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

/** A schedule succeeds when everybody did. */
export function successRate(outcomes: readonly Outcome[], kind: Kind): number {
  const of = outcomes.filter((o) => o.kind === kind)
  return of.length === 0 ? 1 : of.filter((o) => o.ended.every((e) => e === 'ok')).length / of.length
}

export function report(t: TestContext, outcomes: readonly Outcome[]): void {
  const rows = new Map<string, Map<string, number>>()
  const lies = new Map<string, number>()
  for (const { kind, scenario, ended, told } of outcomes) {
    const row = rows.get(`${kind} ${scenario}`) ?? new Map<string, number>()
    const how = ended.every((e) => e === 'ok') ? 'ok' : ended.join('+')
    rows.set(`${kind} ${scenario}`, row.set(how, (row.get(how) ?? 0) + 1))
    for (const [lie, times] of told) lies.set(lie, (lies.get(lie) ?? 0) + times)
  }
  for (const [name, row] of [...rows].sort()) {
    t.diagnostic(`${name}: ${[...row].map(([how, times]) => `${times} ${how}`).join(', ')}`)
  }
  t.diagnostic(`lies told: ${[...lies].map(([lie, times]) => `${lie} ${times}`).join(', ')}`)
}
