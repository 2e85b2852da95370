/**
 * The gateway against bare node:http and nginx + nchan, alternating in one session: throughput, latency, memory, shutdown.
 *
 *   node --import tsx scripts/bench-gateway.ts [--runs 5] [--only PATTERN] [--json FILE]
 *   node --import tsx scripts/bench-gateway.ts --markdown FILE     the tables of docs/gateway-performance.md from that JSON
 *
 * PATTERN is looked for in "ROW: KIND", for example '1 room: (ours|raw)'.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { thisMachine } from './bench/report.ts'
import { replaceMarked } from './bench/table.ts'
import { buildPrograms, KINDS, type Kind, missing } from './bench-gateway/kinds.ts'
import { type Failure, type Figure, heading, type Report, tables } from './bench-gateway/report.ts'
import { ROWS, type Row } from './bench-gateway/rows.ts'

const DOCUMENT = fileURLToPath(new URL('../docs/gateway-performance.md', import.meta.url))

function usage(message: string): never {
  process.stderr.write(`bench-gateway: ${message}\n`)
  process.exit(2)
}

function options() {
  try {
    const { values } = parseArgs({
      options: {
        runs: { type: 'string', default: '5' },
        only: { type: 'string', default: '' },
        json: { type: 'string' },
        markdown: { type: 'string' },
      },
    })
    const runs = Number(values.runs)
    if (!Number.isInteger(runs) || runs < 1 || runs > 100) usage('--runs: expected 1 to 100')
    return { ...values, runs, only: new RegExp(values.only) }
  } catch (e) {
    return usage((e as Error).message)
  }
}

const { runs, only, json, markdown } = options()
if (markdown !== undefined) writeDocument(JSON.parse(readFileSync(markdown, 'utf8')) as Report)
else await measure()

async function measure(): Promise<void> {
  const machine = thisMachine()
  const skipped: Partial<Record<Kind, string>> = {}
  for (const kind of KINDS) {
    const why = missing(kind)
    if (why !== undefined) skipped[kind] = why
  }
  const work = ROWS.flatMap((row) => {
    const kinds = row.kinds.filter((kind) => skipped[kind] === undefined && only.test(`${row.name}: ${kind}`))
    return kinds.length === 0 ? [] : [{ row, kinds }]
  })
  if (work.length === 0) usage(`--only: nothing is called ${only.source}`)
  buildPrograms()
  const [figures, failures]: [Figure[], Failure[]] = [[], []]
  for (const { row, kinds } of work) {
    for (let round = 1; round <= runs; round++) {
      // Each begins as often as the others: what a machine does at one time hits all of them in turn.
      for (let i = 0; i < kinds.length; i++) {
        const kind = kinds[(i + round - 1) % kinds.length] as Kind
        await measureOne(row, kind, round, figures, failures)
      }
    }
  }
  const report: Report = { machine, rounds: runs, skipped, figures, failures }
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`)
  process.stdout.write(`${heading(report)}${tables(report)}`)
  if (failures.length > 0) process.exitCode = 1
}

/** Figures of a measurement that failed don't count, not even those it had already. */
async function measureOne(row: Row, kind: Kind, round: number, figures: Figure[], failures: Failure[]): Promise<void> {
  const found: Figure[] = []
  try {
    await row.measure(kind, (name, unit, value) => found.push({ round, kind, name, unit, value }))
    figures.push(...found)
  } catch (e) {
    failures.push({ round, kind, row: row.name, failed: (e as Error).message })
  }
  process.stderr.write(`${row.name}: ${kind}, round ${round}\n`)
}

function writeDocument(report: Report): void {
  const content = `${heading(report)}${tables(report)}`
  writeFileSync(DOCUMENT, replaceMarked(readFileSync(DOCUMENT, 'utf8'), 'bench-gateway', content))
}
