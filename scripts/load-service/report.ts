/** What a load has shown, as a table for people, and what of it must not be. */
import type { HostileResult } from './hostile.ts'
import type { KillsResult } from './kills.ts'
import { ALLOWED_GROWTH, type Flatness } from './memory.ts'

export interface LoadResult {
  readonly minutes: number
  readonly kills: KillsResult
  readonly memory: readonly Flatness[]
  readonly hostile?: HostileResult
}

export function problemsOf({ kills, memory }: LoadResult): readonly string[] {
  const { hung, invalid, unclear } = kills.verdicts
  return [
    ...(hung > 0 ? [`${hung} requests did not end by their deadline`] : []),
    ...(invalid > 0 ? [`${invalid} signatures are not valid`] : []),
    ...(unclear > 0 ? [`${unclear} requests ended in an error that is not clear`] : []),
    ...memory.flatMap((m) =>
      m.isFlat ? [] : [`memory of ${m.name} grew by ${percent(m.growth)}, more than ${percent(ALLOWED_GROWTH)}`],
    ),
  ]
}

export function tableOf({ minutes, kills, memory, hostile }: LoadResult, problems: readonly string[]): string {
  const { verdicts, warmMs } = kills
  const rows: string[] = [
    `${kills.requests} requests in ${minutes} minutes`,
    ...Object.entries(verdicts).map(([name, count]) => `  ${name.padEnd(10)} ${String(count).padStart(8)}`),
    `  warm: median ${ms(warmMs.p50)}, p99 ${ms(warmMs.p99)}`,
    ...Object.entries(kills.errors).map(([name, count]) => `  error ${name}: ${count}`),
    ...kills.kills.map(
      (k) =>
        `${k.what} killed at ${seconds(k.atMs)}, away ${ms(k.downMs)}; requests around it: ${listed(k.ends)}; longest ${ms(k.longestMs)}`,
    ),
    'memory: median of the minute after the first, of the last',
    ...memory.map((m) =>
      m.tooShort
        ? `  ${m.name.padEnd(12)} lived too short`
        : `  ${m.name.padEnd(12)} ${mib(m.afterWarmUpKib)} ${mib(m.atEndKib)}  ${percent(m.growth)}`,
    ),
  ]
  if (hostile !== undefined) {
    rows.push(
      `${hostile.sent} hostile requests, ${hostile.perKind} of each kind; honest ones over HTTP meanwhile`,
      `  signed because of them: ${hostile.signed}; wrong answers: ${hostile.wrong.length}; process the same: ${hostile.isSameProcess}`,
      `  honest p99 ${ms(hostile.p99Ms.alone)} alone, ${ms(hostile.p99Ms.beside)} beside: ${hostile.ratio.toFixed(2)} times`,
    )
  }
  rows.push(...(problems.length === 0 ? ['everything as it must be'] : problems.map((p) => `NOT AS IT MUST BE: ${p}`)))
  return `${rows.join('\n')}\n`
}

const ms = (value: number): string => `${Math.round(value)} ms`
const seconds = (value: number): string => `${(value / 1000).toFixed(1)} s`
const mib = (kib: number): string => `${(kib / 1024).toFixed(1).padStart(7)} MiB`
const percent = (share: number): string => `${share >= 0 ? '+' : ''}${(100 * share).toFixed(1)} %`
const listed = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ')
