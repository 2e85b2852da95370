/** What the bench of the gateway found: figures of each kind by round, what was hoped for, and the table. */

import type { Machine } from '../bench/report.ts'
import { summaryOf } from '../bench/statistics.ts'
import { machineLine, show } from '../bench/table.ts'
import { KIND_TITLES, KINDS, type Kind } from './kinds.ts'
import type { Unit } from './rows.ts'

export interface Figure {
  readonly round: number
  readonly kind: Kind
  readonly name: string
  readonly unit: Unit
  readonly value: number
}

export interface Failure {
  readonly round: number
  readonly kind: Kind
  readonly row: string
  readonly failed: string
}

export interface Report {
  readonly machine: Machine
  readonly rounds: number
  /** Kinds that could not be measured, and why. */
  readonly skipped: Readonly<Partial<Record<Kind, string>>>
  readonly figures: readonly Figure[]
  readonly failures: readonly Failure[]
}

/** One figure of one kind against a limit, or against that of another kind in the same round. */
interface Goal {
  readonly title: string
  readonly kind: Kind
  readonly name: string
  readonly unit: Unit
  readonly against?: { readonly kind: Kind; readonly as: 'ratio' | 'difference' }
  readonly atLeast?: number
  readonly atMost?: number
}

const fastest = (rooms: string) => ({ name: `${rooms}, as fast as it goes`, unit: 'per second' }) as const
const throughput = (kind: Kind, than: Kind, atLeast: number): readonly Goal[] =>
  ['1 room', '200 rooms'].map((rooms) => ({
    title: `throughput, ${rooms}, ${KIND_TITLES[kind]} / ${KIND_TITLES[than]}`,
    kind,
    ...fastest(rooms),
    against: { kind: than, as: 'ratio' },
    atLeast,
  }))
const at200 = { name: '1 room, 200 a second', unit: 'p50 ms' } as const

export const GOALS: readonly Goal[] = [
  ...throughput('ours', 'raw', 0.9),
  ...throughput('guarded', 'raw', 0.75),
  {
    title: 'p50 at 200 a second, ours / raw node:http',
    kind: 'ours',
    ...at200,
    against: { kind: 'raw', as: 'ratio' },
    atMost: 1.15,
  },
  { title: 'idle stream, KB', kind: 'ours', name: '5,000 idle streams, each', unit: 'KB', atMost: 14 },
  {
    title: 'stalled reader while 80 MB pass, MB more',
    kind: 'ours',
    name: 'one reader stalled while 80 MB pass, memory grows by',
    unit: 'MB',
    atMost: 25,
  },
  {
    title: 'p50 that Redis adds at 200 a second, ms',
    kind: 'redis',
    ...at200,
    against: { kind: 'ours', as: 'difference' },
    atMost: 0.5,
  },
  ...throughput('redis', 'ours', 0.6),
  {
    title: 'SIGTERM with 1,000 streams until the end, s',
    kind: 'ours',
    name: 'stop with 1,000 streams',
    unit: 's',
    atMost: 10,
  },
  { title: 'the same with Redis, s', kind: 'redis', name: 'stop with 1,000 streams', unit: 's', atMost: 10 },
]

/** The table of all figures, the goals, and what failed. */
export function tables(report: Report): string {
  const kinds = KINDS.filter((kind) => report.figures.some((f) => f.kind === kind))
  const lines = new Map<string, Figure>()
  for (const f of report.figures) if (f.unit !== 'deliveries') lines.set(`${f.name}|${f.unit}`, f)
  const body = [...lines.values()].map(({ name, unit }) => [
    name,
    unit,
    ...kinds.map((kind) => cell(valuesOf(report, kind, name, unit))),
  ])
  const main = table(['median (min–max)', 'unit', ...kinds.map((kind) => KIND_TITLES[kind])], body)
  const goals = GOALS.flatMap((goal) => {
    const values = goalValues(report, goal)
    if (values.length === 0) return []
    const { median, min, max } = summaryOf(values)
    const limit = goal.atLeast === undefined ? `≤ ${goal.atMost}` : `≥ ${goal.atLeast}`
    return [[goal.title, `**${show(median)}** (${show(min)}–${show(max)})`, limit, isMet(goal, median) ? 'yes' : 'no']]
  })
  const delivered = report.figures.reduce((sum, f) => sum + (f.unit === 'deliveries' ? f.value : 0), 0)
  return [
    main,
    goals.length === 0 ? '' : table(['goal', 'median of the rounds (min–max)', 'limit', 'met'], goals),
    `${delivered.toLocaleString('en')} deliveries were checked; ${report.failures.length} measurements failed.\n`,
    ...Object.entries(report.skipped).map(([kind, why]) => `- ${KIND_TITLES[kind as Kind]}: not measured: ${why}\n`),
    ...report.failures.map((f) => `- ${KIND_TITLES[f.kind]}, ${f.row}, round ${f.round}: ${f.failed}\n`),
  ]
    .filter((part) => part !== '')
    .join('\n')
}

export function heading({ machine, rounds }: Report): string {
  return `${machineLine(machine)}; ${rounds} alternating rounds.\n\n`
}

/** By round, for those rounds that have both sides. */
export function goalValues(report: Report, { kind, name, unit, against }: Goal): readonly number[] {
  const own = valuesByRound(report, kind, name, unit)
  if (against === undefined) return [...own.values()]
  const other = valuesByRound(report, against.kind, name, unit)
  return [...own].flatMap(([round, value]) => {
    const base = other.get(round)
    if (base === undefined) return []
    return [against.as === 'ratio' ? value / base : value - base]
  })
}

export function isMet({ atLeast, atMost }: Goal, value: number): boolean {
  return (atLeast === undefined || value >= atLeast) && (atMost === undefined || value <= atMost)
}

function valuesByRound(report: Report, kind: Kind, name: string, unit: Unit): ReadonlyMap<number, number> {
  const own = report.figures.filter((f) => f.kind === kind && f.name === name && f.unit === unit)
  return new Map(own.map((f) => [f.round, f.value]))
}

function valuesOf(report: Report, kind: Kind, name: string, unit: Unit): readonly number[] {
  return [...valuesByRound(report, kind, name, unit).values()]
}

function cell(values: readonly number[]): string {
  if (values.length === 0) return ''
  const { median, min, max } = summaryOf(values)
  return `**${show(median)}** (${show(min)}–${show(max)})`
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`
  return [row(head), `|${head.map(() => '---').join('|')}|\n`, ...lines.map(row)].join('')
}
