/**
 * The suites in every combination of what they can run with: `make test-matrix`.
 *
 *   engine    OpenSSL's exponentiation, or BigInt's (WALLET_MPC_ENGINE)
 *   workers   proofs in this thread, or in two worker threads (WALLET_MPC_WORKERS)
 *   pool      participants sign from the start, or with presignatures (WALLET_MPC_POOL)
 *
 *   --only A,B          combinations by name, like `bigint-workers-pool`, or by what is in the name
 *   --files TEXT,…      test files with one of these in their path
 *   --concurrency N     test files at a time (2)
 *   --list              combinations with their files, and nothing is run
 *
 * With a pool, only those files run that open participants through testing-participant.node.ts; without, all of the
 * folders that compute. Prints a table, then each failure. Exit status 1 on any, or when nothing ran.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { run } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const FOLDERS = ['participant', 'sign-service', 'cli', 'key-gen', 'test']
const OPENS_PARTICIPANTS = 'participant/signer/testing-participant.node.ts'
/** About the text of the sources, or about the gateway, which computes nothing. */
const ELSEWHERE = /^test\/(imports|gateway-[a-z]+)\.test\.ts$/
/** A file that hangs is a failure, and not the end of the run. */
const FILE_LIMIT_MS = 1_200_000
/** Of what a failure says; the rest is in a run of that file alone. */
const WHY_LINES = 12

interface Combination {
  readonly name: string
  readonly env: Readonly<Record<'WALLET_MPC_ENGINE' | 'WALLET_MPC_WORKERS' | 'WALLET_MPC_POOL', string>>
}

interface Outcome {
  readonly combination: Combination
  readonly passed: number
  readonly skipped: number
  readonly failures: readonly string[]
  readonly seconds: number
}

const COMBINATIONS: readonly Combination[] = ['', 'pool'].flatMap((pool) =>
  ['openssl', 'bigint'].flatMap((engine) =>
    ['', 'workers'].map((workers) => ({
      name: [engine, workers, pool].filter((part) => part !== '').join('-'),
      env: {
        WALLET_MPC_ENGINE: engine === 'bigint' ? 'bigint' : '',
        WALLET_MPC_WORKERS: workers === '' ? '0' : '2',
        WALLET_MPC_POOL: pool === '' ? 'off' : 'on',
      },
    })),
  ),
)

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', default: '' },
      files: { type: 'string', default: '' },
      concurrency: { type: 'string', default: '2' },
      list: { type: 'boolean', default: false },
    },
  })
  const wanted = values.only.split(',')
  // a name that is whole means that combination alone
  const isWhole = (text: string): boolean => COMBINATIONS.some((c) => c.name === text)
  const chosen = COMBINATIONS.filter(({ name }) =>
    wanted.some((text) => (isWhole(text) ? name === text : name.includes(text))),
  )
  const all = testFiles().filter((f) => values.files.split(',').some((text) => f.includes(text)))
  const withPool = all.filter((f) => reaches(f, OPENS_PARTICIPANTS))
  const filesOf = ({ env }: Combination): readonly string[] => (env.WALLET_MPC_POOL === 'on' ? withPool : all)
  if (values.list) {
    for (const c of chosen)
      console.log(
        `${c.name}\n${filesOf(c)
          .map((f) => `  ${f}\n`)
          .join('')}`,
      )
    return 0
  }
  const outcomes: Outcome[] = []
  for (const c of chosen) {
    outcomes.push(await runCombination(c, filesOf(c), Number(values.concurrency)))
    const { failures } = outcomes.at(-1) as Outcome
    for (const failure of failures) console.log(`${c.name}: ${failure}`)
  }
  return report(outcomes)
}

function testFiles(): readonly string[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((f) => join(folder, f)),
  )
    .filter((f) => f.endsWith('.test.ts') && !f.endsWith('.slow.test.ts') && !ELSEWHERE.test(f))
    .sort()
}

const graph = new Map<string, readonly string[]>()

function importsOf(file: string): readonly string[] {
  const known = graph.get(file)
  if (known !== undefined) return known
  const text = readFileSync(join(ROOT, file), 'utf8')
  const found = [...text.matchAll(/(?:from\s+|import\s+|import\()['"](\.[^'"]+)['"]/g)]
    .map((m) => relative(ROOT, resolve(ROOT, dirname(file), m[1] as string)))
    .filter((f) => f.endsWith('.ts') && existsSync(join(ROOT, f)))
  graph.set(file, found)
  return found
}

/** Whether a file imports another one, directly or not. */
function reaches(file: string, target: string, visited = new Set<string>()): boolean {
  if (file === target) return true
  if (visited.has(file)) return false
  visited.add(file)
  return importsOf(file).some((f) => reaches(f, target, visited))
}

async function runCombination(
  combination: Combination,
  files: readonly string[],
  concurrency: number,
): Promise<Outcome> {
  // the processes of the files inherit it
  Object.assign(process.env, combination.env)
  const started = performance.now()
  let [passed, skipped] = [0, 0]
  const failures: string[] = []
  const paths = files.map((f) => join(ROOT, f))
  for await (const event of run({ files: paths, concurrency, timeout: FILE_LIMIT_MS })) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue
    const { name, file = '', details, skip } = event.data
    const isSuite = details.type === 'suite'
    if (event.type === 'test:pass') {
      if (!isSuite && skip === undefined) passed++
      if (skip !== undefined) skipped++
      continue
    }
    const { cause, failureType } = details.error as Error & { readonly failureType?: string }
    // of a suite, the tests in it have said it already
    if (failureType === 'subtestsFailed') continue
    const why = String(cause instanceof Error ? cause.message : cause).trim()
    failures.push(`${relative(ROOT, file)}: ${name}\n    ${why.split('\n').slice(0, WHY_LINES).join('\n    ')}`)
  }
  return { combination, passed, skipped, failures, seconds: (performance.now() - started) / 1000 }
}

function report(outcomes: readonly Outcome[]): number {
  const line = (name: string, ...cells: readonly (string | number)[]): void =>
    console.log(name.padEnd(24) + cells.map((c) => String(c).padStart(9)).join(''))
  console.log('')
  line('', 'tests', 'passed', 'failed', 'skipped', 'seconds')
  for (const { combination, passed, skipped, failures, seconds } of outcomes) {
    const tests = passed + skipped + failures.length
    line(combination.name, tests, passed, failures.length, skipped, Math.round(seconds))
  }
  return outcomes.length > 0 && outcomes.every((o) => o.passed > 0 && o.failures.length === 0) ? 0 : 1
}

process.exitCode = await main()
