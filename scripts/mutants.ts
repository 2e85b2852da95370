/**
 * Takes out one check at a time (test/mutants) and runs the tests that must notice: `make mutants`.
 *
 *   --only TEXT   mutants whose id or file has this text
 *   --jobs N      how many at a time, each in a copy of the tree (2)
 *   --timeout S   for the tests of one mutant (180)
 *   --list        only the ids
 *
 * killed: a test failed. survived: all tests passed, or had nothing to run. broken: the mutant does not compile, a name
 * is missing, the tests don't pass without it, or they didn't end in time. Exit status 1 unless all are killed.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import ts from 'typescript'
import { all } from '../test/mutants/list.ts'
import type { Mutant, Tests } from '../test/mutants/mutant.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

type Verdict = 'killed' | 'survived' | 'broken'

interface Outcome {
  readonly mutant: Mutant
  readonly verdict: Verdict
  /** The first test that failed, or why it is broken. */
  readonly why: string
  readonly seconds: number
}

type Run = { readonly end: 'passed' | 'failed' | 'broken'; readonly why: string }

const running = new Set<ChildProcess>()

function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: '' },
      jobs: { type: 'string', default: '2' },
      timeout: { type: 'string', default: '180' },
      list: { type: 'boolean', default: false },
    },
  })
  const chosen = all.filter((m) => m.id.includes(values.only) || m.file.includes(values.only))
  if (values.list) {
    for (const m of chosen) console.log(m.id)
    return Promise.resolve(0)
  }
  return runAll(chosen, Number(values.jobs), 1000 * Number(values.timeout))
}

async function runAll(chosen: readonly Mutant[], jobs: number, timeoutMs: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'mutants-'))
  const endAll = (): void => {
    for (const child of running) endGroup(child)
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('SIGINT', () => process.exit(130))
  process.once('SIGTERM', () => process.exit(143))
  process.once('exit', endAll)

  const trees = Array.from({ length: jobs }, (_, i) => copyTree(join(folder, String(i))))
  const sound = new Map<string, Promise<Run>>()
  const queue = [...chosen]
  const outcomes: Outcome[] = []
  await Promise.all(
    trees.map(async (tree) => {
      for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
        const outcome = await judge(mutant, tree, sound, timeoutMs)
        outcomes.push(outcome)
        const { verdict, why, seconds } = outcome
        console.log(
          `${String(outcomes.length).padStart(4)}/${chosen.length}  ${verdict.padEnd(8)} ${seconds.toFixed(1).padStart(6)} s  ${mutant.id}  (${why})`,
        )
      }
    }),
  )
  return report(chosen, outcomes)
}

/** The tracked and the new files; dependencies are linked. */
function copyTree(to: string): string {
  const listed = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT })
  if (listed.status !== 0) throw new Error('git ls-files failed: mutants are made from a checkout')
  for (const name of listed.stdout.toString('utf8').split('\0')) {
    if (name === '' || !existsSync(join(ROOT, name))) continue
    mkdirSync(dirname(join(to, name)), { recursive: true })
    cpSync(join(ROOT, name), join(to, name))
  }
  symlinkSync(join(ROOT, 'node_modules'), join(to, 'node_modules'))
  return to
}

async function judge(
  mutant: Mutant,
  tree: string,
  sound: Map<string, Promise<Run>>,
  timeoutMs: number,
): Promise<Outcome> {
  const started = performance.now()
  const ended = (verdict: Verdict, why: string): Outcome => ({
    mutant,
    verdict,
    why,
    seconds: (performance.now() - started) / 1000,
  })
  const path = join(tree, mutant.file)
  const before = readFileSync(path, 'utf8')
  if (before.split(mutant.find).length !== 2) return ended('broken', 'text not found exactly once')
  const after = before.replace(mutant.find, () => mutant.replace)
  const { diagnostics = [] } = ts.transpileModule(after, { reportDiagnostics: true, fileName: mutant.file })
  if (diagnostics.length > 0) return ended('broken', 'does not compile')

  // without the mutant the tests must pass, or their failing would say nothing
  for (const tests of mutant.tests) {
    const key = JSON.stringify(tests)
    const run = sound.get(key) ?? runTests(tests, tree, timeoutMs)
    sound.set(key, run)
    const { end, why } = await run
    if (end !== 'passed') return ended('broken', `${tests.file} without the mutant: ${why}`)
  }
  writeFileSync(path, after)
  try {
    for (const tests of mutant.tests) {
      const { end, why } = await runTests(tests, tree, timeoutMs)
      if (end === 'failed') return ended('killed', why)
      if (end === 'broken') return ended('broken', why)
    }
    return ended('survived', mutant.tests.map((t) => t.file).join(', '))
  } finally {
    writeFileSync(path, before)
  }
}

/** One test file in a process group of its own, which is ended at the first failure of interest or at the limit. */
function runTests({ file, only }: Tests, tree: string, timeoutMs: number): Promise<Run> {
  const pattern = only === undefined ? [] : [`--test-name-pattern=${only}`]
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--import', 'tsx', '--test-reporter=tap', ...pattern, file], {
      cwd: tree,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    running.add(child)
    let out = ''
    let isLate = false
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        out += text
      })
    }
    const timer = setTimeout(() => {
      isLate = true
      endGroup(child)
    }, timeoutMs)
    child.once('close', (status) => {
      clearTimeout(timer)
      // what the tests started belongs to the group
      endGroup(child)
      running.delete(child)
      resolve(isLate ? { end: 'broken', why: `no end in ${timeoutMs / 1000} s` } : runOf(status, out))
    })
  })
}

function runOf(status: number | null, out: string): Run {
  const missing = /(TransformError|SyntaxError|ReferenceError|ERR_MODULE_NOT_FOUND|is not defined)[^\n]{0,120}/.exec(
    out,
  )
  if (missing !== null) return { end: 'broken', why: missing[0] }
  if (status === 0) {
    const passed = Number(/^# pass (\d+)$/m.exec(out)?.[1] ?? 0)
    return passed > 0 ? { end: 'passed', why: `${passed} tests` } : { end: 'broken', why: 'no test ran' }
  }
  const failed = [...out.matchAll(/^( *)not ok \d+ - (.*)$/gm)].sort(
    (a, b) => (b[1] ?? '').length - (a[1] ?? '').length,
  )
  const name = failed[0]?.[2]
  return { end: 'failed', why: name ?? `exit status ${status}` }
}

function endGroup(child: ChildProcess): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    // the group has ended
  }
}

function report(chosen: readonly Mutant[], outcomes: readonly Outcome[]): number {
  const groups = [...new Set(chosen.map((m) => groupOf(m)))]
  const count = (group: string | undefined, verdict: Verdict): number =>
    outcomes.filter((o) => (group === undefined || groupOf(o.mutant) === group) && o.verdict === verdict).length
  const line = (name: string, ...cells: readonly (string | number)[]): void =>
    console.log(name.padEnd(28) + cells.map((c) => String(c).padStart(10)).join(''))
  console.log('')
  line('', 'killed', 'survived', 'broken')
  for (const group of groups) line(group, count(group, 'killed'), count(group, 'survived'), count(group, 'broken'))
  line('total', count(undefined, 'killed'), count(undefined, 'survived'), count(undefined, 'broken'))
  for (const { mutant, verdict, why } of outcomes) {
    if (verdict !== 'killed') console.log(`${verdict}: ${mutant.id} (${mutant.file}): ${why}`)
  }
  return outcomes.every((o) => o.verdict === 'killed') ? 0 : 1
}

function groupOf(m: Mutant): string {
  return m.id.slice(0, m.id.indexOf(':'))
}

process.exitCode = await main()
