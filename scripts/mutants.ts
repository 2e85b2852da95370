/**
 * Takes out one check at a time (test/mutants) and runs the tests that must notice: `make mutants`.
 *
 *   --only TEXT   mutants whose id or file has this text
 *   --jobs N      how many at a time, each in a copy of the tree (2)
 *   --timeout S   for the tests of one file without a mutant (600)
 *   --list        only the ids
 *
 * killed: a test failed, or didn't end in many times the time that it takes without the mutant. survived: all tests
 * passed. broken: the mutant does not compile, a name is missing, no test ran, or the tests don't pass without it. Exit
 * status 1 unless all are killed.
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

interface Run {
  readonly end: 'passed' | 'failed' | 'late' | 'broken'
  readonly why: string
  readonly ms: number
}

const running = new Set<ChildProcess>()

function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: '' },
      jobs: { type: 'string', default: '2' },
      timeout: { type: 'string', default: '600' },
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
  const runs = new Map<string, Promise<Run>>()
  /** Once for each test file: every test of it that the chosen mutants name, on the code as it is. */
  const unchanged: Unchanged = (file, tree) => {
    const run = runs.get(file) ?? runTests(allTestsOf(chosen, file), tree, timeoutMs)
    runs.set(file, run)
    return run
  }
  const queue = [...chosen]
  const outcomes: Outcome[] = []
  await Promise.all(
    trees.map(async (tree) => {
      for (let mutant = queue.shift(); mutant !== undefined; mutant = queue.shift()) {
        const outcome = await judge(mutant, tree, unchanged)
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

function compiles(text: string, fileName: string): boolean {
  const { diagnostics = [] } = ts.transpileModule(text, { reportDiagnostics: true, fileName })
  return diagnostics.length === 0
}

type Unchanged = (file: string, tree: string) => Promise<Run>

/** How long the tests of a mutant may take: for a busy machine, and for mutants that wait for a deadline. */
function limitOf({ ms }: Run): number {
  return 30_000 + 5 * ms
}

function allTestsOf(chosen: readonly Mutant[], file: string): Tests {
  const named = chosen.flatMap((m) => m.tests.filter((t) => t.file === file)).map((t) => t.only)
  const all = named.some((only) => only === undefined)
  return all ? { file } : { file, only: [...new Set(named)].map((only) => `(${only})`).join('|') }
}

async function judge(mutant: Mutant, tree: string, unchanged: Unchanged): Promise<Outcome> {
  let ms = 0
  const ended = (verdict: Verdict, why: string): Outcome => ({
    mutant,
    verdict,
    why,
    seconds: ms / 1000,
  })
  const path = join(tree, mutant.file)
  const before = readFileSync(path, 'utf8')
  if (before.split(mutant.find).length !== 2) return ended('broken', 'text not found exactly once')
  const after = before.replace(mutant.find, () => mutant.replace)
  if (mutant.file.endsWith('.ts') && !compiles(after, mutant.file)) return ended('broken', 'does not compile')

  for (const tests of mutant.tests) {
    // without the mutant the tests must pass, or their failing would say nothing
    const sound = await unchanged(tests.file, tree)
    if (sound.end !== 'passed') return ended('broken', `${tests.file} without the mutant: ${sound.why}`)
    writeFileSync(path, after)
    try {
      const run = await runTests(tests, tree, limitOf(sound))
      ms += run.ms
      if (run.end === 'failed' || run.end === 'late') return ended('killed', run.why)
      if (run.end === 'broken') return ended('broken', run.why)
    } finally {
      writeFileSync(path, before)
    }
  }
  return ended('survived', mutant.tests.map((t) => t.file).join(', '))
}

/** A test that failed, with all that TAP says about it. */
const FAILED = /^( *)not ok .*\n\1 {2}---\n[\s\S]*?^\1 {2}\.\.\.$/m

/** One test file in a process group of its own, which is ended at the first failure or at the limit. */
function runTests({ file, only }: Tests, tree: string, timeoutMs: number): Promise<Run> {
  const pattern = only === undefined ? [] : [`--test-name-pattern=${only}`]
  const started = performance.now()
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
    // the first failure says enough: what comes after it may wait for a deadline
    child.stdout.on('data', () => {
      if (FAILED.test(out)) endGroup(child)
    })
    child.once('close', (status) => {
      clearTimeout(timer)
      // what the tests started belongs to the group
      endGroup(child)
      running.delete(child)
      const ms = performance.now() - started
      resolve(isLate ? { end: 'late', why: `no end in ${Math.round(timeoutMs / 1000)} s`, ms } : runOf(status, out, ms))
    })
  })
}

const NO_NAME = /(ReferenceError|is not defined)[^\n]{0,120}/
const NO_MODULE = /(TransformError|SyntaxError|ReferenceError|ERR_MODULE_NOT_FOUND|is not defined)[^\n]{0,120}/

function runOf(status: number | null, out: string, ms: number): Run {
  const isLoaded = /^ *(not )?ok \d+ /m.test(out)
  const missing = (isLoaded ? NO_NAME : NO_MODULE).exec(out)
  if (missing !== null) return { end: 'broken', why: missing[0], ms }
  if (status === 0) {
    const passed = Number(/^# pass (\d+)$/m.exec(out)?.[1] ?? 0)
    return passed > 0 ? { end: 'passed', why: `${passed} tests`, ms } : { end: 'broken', why: 'no test ran', ms }
  }
  const failed = [...out.matchAll(/^( *)not ok \d+ - (.*)$/gm)].sort(
    (a, b) => (b[1] ?? '').length - (a[1] ?? '').length,
  )
  const name = failed[0]?.[2]
  return { end: 'failed', why: name ?? `exit status ${status}`, ms }
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
  console.log('\nthe slowest, in seconds:')
  const slowest = [...outcomes].sort((a, b) => b.seconds - a.seconds).slice(0, 20)
  for (const { mutant, seconds } of slowest) console.log(`${seconds.toFixed(1).padStart(8)}  ${mutant.id}`)
  for (const { mutant, verdict, why } of outcomes) {
    if (verdict !== 'killed') console.log(`${verdict}: ${mutant.id} (${mutant.file}): ${why}`)
  }
  return outcomes.every((o) => o.verdict === 'killed') ? 0 : 1
}

function groupOf(m: Mutant): string {
  return m.id.slice(0, m.id.indexOf(':'))
}

process.exitCode = await main()
