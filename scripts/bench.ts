/**
 * Every operation at full size, measured: what a signature takes with all its processes, the protocols, and what they are
 * made of. Prints tables; `make bench BASE=ref` compares with another commit.
 *
 *   node --import tsx scripts/bench.ts [--runs 10] [--only PATTERN] [--json FILE] [--base REF]
 *   node --import tsx scripts/bench.ts --markdown FILE     the tables of docs/performance.md and README.md from that JSON
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { linesOf, withCommit } from './bench/compare.ts'
import { type Report, resultsOf, thisMachine } from './bench/report.ts'
import { GROUPS, type Group, type Line } from './bench/row.ts'
import { comparison, fullTables, machineLine, mainTable, replaceMarked } from './bench/table.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

type Lines = (readonly [Group, Line])[]

function usage(message: string): never {
  process.stderr.write(`bench: ${message}\n`)
  process.exit(2)
}

function options() {
  try {
    const { values } = parseArgs({
      options: {
        runs: { type: 'string', default: '10' },
        only: { type: 'string', default: '' },
        json: { type: 'string' },
        base: { type: 'string' },
        markdown: { type: 'string' },
      },
    })
    const runs = Number(values.runs)
    if (!Number.isInteger(runs) || runs < 1 || runs > 1000) usage('--runs: expected 1 to 1000')
    new RegExp(values.only)
    return { ...values, runs }
  } catch (e) {
    return usage((e as Error).message)
  }
}

const { runs, only, json, base, markdown } = options()
if (markdown !== undefined) writeDocuments(JSON.parse(readFileSync(markdown, 'utf8')) as Report)
else if (base !== undefined) await compare(base)
else await measure()

async function measure(): Promise<void> {
  const machine = thisMachine()
  const lines: Lines = []
  for (const group of GROUPS) lines.push(...(await linesOf({ root: ROOT, group, only, runs })))
  const report: Report = { machine, level: 'cggmp24-3072', runs, ...resultsOf(lines) }
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`)
  process.stdout.write(`${machineLine(machine)}\n\n${fullTables(report)}`)
  if (report.results.length === 0) usage(`--only: nothing is called ${only}`)
  if (report.failures.length > 0) process.exitCode = 1
}

/** Each run first with the one and then with the other, and the other way round in the next. */
async function compare(ref: string): Promise<void> {
  const machine = thisMachine()
  const [before, after]: [Lines, Lines] = [[], []]
  await withCommit(ROOT, ref, async (other) => {
    for (const group of GROUPS) {
      for (let run = 0; run < runs; run++) {
        const sides = [
          [other, before],
          [ROOT, after],
        ] as const
        for (const [root, lines] of run % 2 === 0 ? sides : [...sides].reverse()) {
          const found = await linesOf({ root, group, only, runs: 1 })
          lines.push(...found)
          // nothing in this group is wanted
          if (found.length === 0) break
        }
      }
    }
  })
  const [a, b] = [resultsOf(before), resultsOf(after)]
  if (json !== undefined)
    writeFileSync(json, `${JSON.stringify({ machine, base: ref, before: a, after: b }, null, 2)}\n`)
  process.stdout.write(`${machineLine(machine)}\nbase: ${ref}\n\n${comparison(a.results, b.results)}`)
  for (const [side, { failures }] of [
    ['base', a],
    ['this', b],
  ] as const) {
    const said = new Set(failures.map((f) => `${side}: ${f.group}: ${f.row}: failed: ${f.failed}\n`))
    process.stdout.write([...said].join(''))
  }
  if (b.failures.length > 0) process.exitCode = 1
}

function writeDocuments(report: Report): void {
  const at = `${machineLine(report.machine)}; \`${report.level}\`.\n\n`
  for (const [file, table] of [
    ['docs/performance.md', fullTables(report)],
    ['README.md', mainTable(report)],
  ] as const) {
    const path = `${ROOT}${file}`
    writeFileSync(path, replaceMarked(readFileSync(path, 'utf8'), 'bench', `${at}${table}`))
  }
}
