/**
 * Medians of every operation at full size, n = 2: two party processes and a gateway process, on loopback. CPU and wall
 * time are per party; the two parties' figures are pooled. Prints a table, or JSON with --json.
 *
 *   node --import tsx scripts/bench.ts [--runs 10] [--json]
 */
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { freePort, startProgram } from './processes.ts'

export interface Sample {
  readonly operation: string
  readonly cpuMs: number
  readonly wallMs: number
}

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '10' }, json: { type: 'boolean', default: false } },
})
const runs = Number(values.runs)
if (!Number.isInteger(runs) || runs < 1 || runs > 1000) {
  process.stderr.write('bench: --runs: expected 1 to 1000\n')
  process.exit(2)
}

const port = await freePort()
const url = `http://127.0.0.1:${port}`
const gateway = await startProgram(['gateway/main.ts', '--port', String(port), '--log-level', 'warn'], {
  readyUrl: `${url}/health`,
})
try {
  const room = `bench-${process.pid}-${Date.now()}`
  const parties = ['client', 'service'].map((name) =>
    startProgram(['scripts/bench/party.ts', url, room, name, String(runs)], {}),
  )
  const samples: Sample[] = []
  for (const party of await Promise.all(parties)) {
    for (const line of (await party.output()).split('\n')) {
      if (line.startsWith('{')) samples.push(JSON.parse(line) as Sample)
    }
    const code = await party.exited
    if (code !== 0) throw new Error(`a party ended with code ${code}: ${party.errors()}`)
  }
  report(samples)
} finally {
  await gateway.stop()
}

function report(samples: readonly Sample[]): void {
  const operations = [...new Set(samples.map((s) => s.operation))]
  const rows = operations.map((operation) => {
    const own = samples.filter((s) => s.operation === operation)
    return {
      operation,
      n: own.length,
      cpuMs: spread(own.map((s) => s.cpuMs)),
      wallMs: spread(own.map((s) => s.wallMs)),
    }
  })
  const machine = `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}, ${process.platform} ${process.arch}`
  if (values.json) {
    process.stdout.write(`${JSON.stringify({ machine, level: 'cggmp24-3072', parties: 2, rows }, null, 2)}\n`)
    return
  }
  process.stdout.write(
    `${machine}\ncggmp24-3072, n = 2, each party a process, through a gateway process; ms per party, median (min–max)\n\n`,
  )
  process.stdout.write('| operation | CPU ms | wall ms | samples |\n|---|---|---|---|\n')
  for (const r of rows) process.stdout.write(`| ${r.operation} | ${text(r.cpuMs)} | ${text(r.wallMs)} | ${r.n} |\n`)
}

interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

function spread(values: readonly number[]): Spread {
  const v = [...values].sort((a, b) => a - b)
  const at = (i: number): number => v[i] ?? Number.NaN
  const middle = v.length / 2
  const median = v.length % 2 === 1 ? at(Math.floor(middle)) : (at(middle - 1) + at(middle)) / 2
  return { median, min: at(0), max: at(v.length - 1) }
}

function text({ median, min, max }: Spread): string {
  const show = (x: number): string => (x < 10 ? x.toFixed(1) : x.toFixed(0))
  return `**${show(median)}** (${show(min)}–${show(max)})`
}
