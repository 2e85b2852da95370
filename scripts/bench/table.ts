/** Tables in Markdown, for the terminal and for the documents. */
import { keyOf, type Machine, type Report, type Result } from './report.ts'
import { GROUPS, type Group } from './row.ts'

const TITLES: Readonly<Record<Group, string>> = {
  signing: 'A signature from the start',
  warm: 'Signatures from presignatures',
  protocols: 'Protocols',
  primes: 'Primes',
  'event-loop': 'The event loop of sign-service',
  counts: 'Exponentiations of one party, counted',
  proofs: 'Proofs',
  blocks: 'Building blocks',
}

/** What one who wants to use the library asks for first. */
const MAIN: readonly Group[] = ['signing', 'warm', 'protocols', 'primes', 'event-loop']

export function machineLine(m: Machine): string {
  return (
    `${m.processor}, ${m.cores} cores, ${m.platform}, Node ${m.node}, OpenSSL ${m.openssl}; ${m.date}, ` +
    `commit ${m.commit}, load before ${m.load}`
  )
}

/** One table for each group that has results, and what failed. */
export function fullTables({ results, failures }: Report): string {
  const parts = GROUPS.flatMap((group) => {
    const own = results.filter((r) => r.group === group)
    if (own.length === 0) return []
    return [`### ${TITLES[group]}\n\n${table(HEAD, own.map(line))}`]
  })
  const failed = failures.map((f) => `- ${f.group}: ${f.row}: failed: ${f.failed}\n`)
  return [...parts, ...(failed.length === 0 ? [] : [failed.join('')])].join('\n')
}

/** The rows that have a target, without the counts. */
export function mainTable({ results }: Report): string {
  const own = results.filter((r) => r.target !== undefined && MAIN.includes(r.group))
  return table(
    ['operation', 'unit', 'median', 'min–max', 'n'],
    own.map((r) => [r.row, unitOf(r), `**${show(r.median)}**`, range(r), String(r.n)]),
  )
}

/** Medians side by side; a ratio below 1 is less of the unit than in the base. Only what both have gets a ratio. */
export function comparison(base: readonly Result[], current: readonly Result[]): string {
  const before = new Map(base.map((r) => [keyOf(r), r]))
  const after = new Map(current.map((r) => [keyOf(r), r]))
  const all = [...current, ...base.filter((r) => !after.has(keyOf(r)))]
  const cell = (r: Result | undefined): string => (r === undefined ? '–' : `${show(r.median)} (${range(r)})`)
  return table(
    ['operation', 'unit', 'base: median (min–max)', 'this: median (min–max)', 'this / base', 'n'],
    all.map((r) => {
      const [a, b] = [before.get(keyOf(r)), after.get(keyOf(r))]
      const ratio = a === undefined || b === undefined || a.median === 0 ? '–' : (b.median / a.median).toFixed(2)
      return [r.row, unitOf(r), cell(a), cell(b), ratio, `${a?.n ?? 0}, ${b?.n ?? 0}`]
    }),
  )
}

/** Puts `content` between the lines `<!-- NAME:begin -->` and `<!-- NAME:end -->`. RangeError when they are not there. */
export function replaceMarked(text: string, name: string, content: string): string {
  const [begin, end] = [`<!-- ${name}:begin -->\n`, `<!-- ${name}:end -->`]
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from < 0 || to < from) throw new RangeError(`expected the marks of ${name}`)
  return `${text.slice(0, from + begin.length)}${content}${text.slice(to)}`
}

/** Three digits or more. */
export function show(x: number): string {
  if (Number.isInteger(x) || x >= 100) return x.toFixed(0)
  if (x >= 10) return x.toFixed(1)
  return x >= 1 ? x.toFixed(2) : x.toFixed(3)
}

const HEAD = ['operation', 'unit', 'median', 'min–max', 'p99', 'n', 'target']

function line(r: Result): readonly string[] {
  const sign = r.unit === 'per second' ? '≥' : r.unit === 'powers' ? 'needed:' : '≤'
  const target = r.target === undefined ? '' : `${sign} ${show(r.target)}`
  const p99 = r.p99 === undefined ? '' : show(r.p99)
  return [r.row, unitOf(r), `**${show(r.median)}**`, range(r), p99, String(r.n), target]
}

function range(r: Result): string {
  return `${show(r.min)}–${show(r.max)}`
}

function unitOf({ unit }: Result): string {
  return unit === 'powers' ? 'number' : unit
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[]): string => `| ${cells.map((c) => c.replaceAll('|', '\\|')).join(' | ')} |\n`
  const rule = `|${head.map(() => '---').join('|')}|\n`
  return [row(head), rule, ...lines.map(row)].join('')
}
