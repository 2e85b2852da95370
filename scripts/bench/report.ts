/** What one run of the bench found, as JSON keeps it and as the tables show it. */
import { execFileSync } from 'node:child_process'
import { availableParallelism, cpus, loadavg } from 'node:os'
import type { Group, Line, Unit } from './row.ts'
import { type Summary, summaryOf } from './statistics.ts'

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly platform: string
  readonly node: string
  readonly openssl: string
  /** ISO 8601, a day. */
  readonly date: string
  /** What was measured; `+` after it when files differed from it. */
  readonly commit: string
  /** Of the last minute before the start: what else the machine was doing. */
  readonly load: number
}

export interface Result extends Summary {
  readonly group: Group
  readonly row: string
  readonly unit: Unit
  readonly target?: number
  readonly values: readonly number[]
}

export interface Failure {
  readonly group: Group
  readonly row: string
  readonly failed: string
}

export interface Report {
  readonly machine: Machine
  readonly level: 'cggmp24-3072'
  readonly runs: number
  readonly results: readonly Result[]
  readonly failures: readonly Failure[]
}

export function thisMachine(): Machine {
  return {
    processor: cpus()[0]?.model ?? 'unknown processor',
    cores: availableParallelism(),
    platform: `${process.platform} ${process.arch}`,
    node: process.versions.node,
    openssl: process.versions.openssl ?? 'none',
    date: new Date().toISOString().slice(0, 10),
    commit: commit(),
    load: Math.round(10 * (loadavg()[0] ?? 0)) / 10,
  }
}

function commit(): string {
  try {
    const git = (...args: readonly string[]): string =>
      execFileSync('git', ['--no-optional-locks', ...args], { encoding: 'utf8' }).trim()
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain') === '' ? '' : '+'}`
  } catch {
    return 'unknown'
  }
}

/** One result for each row and unit, in the order in which they came first; values of several runs are put together. */
export function resultsOf(lines: readonly (readonly [Group, Line])[]): Pick<Report, 'results' | 'failures'> {
  const found = new Map<string, Pick<Result, 'group' | 'row' | 'unit' | 'target' | 'values'>>()
  const failures: Failure[] = []
  for (const [group, line] of lines) {
    if ('failed' in line) {
      failures.push({ group, ...line })
      continue
    }
    const key = keyOf({ group, ...line })
    found.set(key, { group, ...line, values: [...(found.get(key)?.values ?? []), ...line.values] })
  }
  return { results: [...found.values()].map((r) => ({ ...r, ...summaryOf(r.values) })), failures }
}

/** What makes two results those of the same thing. */
export function keyOf(r: Pick<Result, 'group' | 'row' | 'unit'>): string {
  return `${r.group}: ${r.row}: ${r.unit}`
}
