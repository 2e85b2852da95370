/**
 * Fuzzes every decoder of outside input (test/fuzz): `make fuzz`.
 *
 *   --seed N      repeats a run (the time of day)
 *   --seconds S   over all targets (60)
 *   --only NAME   targets whose name has this text
 *
 * Each target runs in a process of its own that notes which case it is at, so that one which never ends is found too.
 * Findings are printed, stored in test/fuzz/corpus, and make the exit status 1.
 */
import { fork } from 'node:child_process'
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { store } from '../test/fuzz/corpus.ts'
import { caseOf } from '../test/fuzz/dice.ts'
import { attemptWithin, type Target } from '../test/fuzz/target.ts'
import { targets } from '../test/fuzz/targets.ts'

/** A case that computes for longer than a second is a finding; this long, it is taken for endless. */
const ENDLESS_MS = 20_000
const WORKER = '--worker'
/** Findings of one target after which it is left alone. */
const ENOUGH = 5

interface Order {
  readonly names: readonly string[]
  readonly seed: string
  readonly ms: number
  /** File that holds the index of the case that runs. */
  readonly progress: string
}

type Report =
  | { readonly at: 'finding'; readonly index: number; readonly message: string }
  | { readonly at: 'end'; readonly cases: number; readonly same: number }

async function work({ names, seed, ms, progress }: Order): Promise<void> {
  const tell = (report: Report): void => void process.send?.(report)
  const note = openSync(progress, 'r+')
  const stray: unknown[] = []
  process.on('uncaughtException', (e) => stray.push(e))
  process.on('unhandledRejection', (e) => stray.push(e))
  for (const name of names) {
    const target = targetOf(name)
    const seeds = target.seeds()
    const stopAt = performance.now() + ms
    let [index, same, findings] = [0, 0, 0]
    while (findings < ENOUGH && (index < seeds.length || performance.now() < stopAt)) {
      writeSync(note, String(index).padStart(12), 0)
      try {
        const outcome = await attemptWithin(target, caseOf(target, seeds, seed, index))
        if (outcome === 'same') same++
        else if (index < seeds.length) throw new Error('a valid input is refused')
        if (stray.length > 0) throw new Error(`left an error behind: ${stray.splice(0)[0]}`)
      } catch (e) {
        findings++
        const message = e instanceof Error ? `${e.name}: ${e.message.split('\n')[0]}` : String(e)
        tell({ at: 'finding', index, message })
      }
      index++
      if (index % 64 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await target.close?.()
    tell({ at: 'end', cases: index, same })
  }
}

function targetOf(name: string): Target {
  const target = targets.find((t) => t.name === name)
  if (target === undefined) throw new Error(`no target ${name}`)
  return target
}

/** Runs the targets in one process, and those after an endless one in another; gives the number of findings. */
function supervise(chosen: readonly Target[], seed: string, ms: number): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'fuzz-'))
  const progress = join(folder, 'case')
  writeFileSync(progress, '')
  const order: Order = { names: chosen.map((t) => t.name), seed, ms, progress }
  const worker = fork(fileURLToPath(import.meta.url), [WORKER, JSON.stringify(order)], {
    execArgv: ['--import', 'tsx'],
  })
  return new Promise((resolve, reject) => {
    let [findings, at] = [0, 0]
    let [seen, seenAt] = ['', performance.now()]
    const found = (index: number, message: string): void => {
      const target = chosen[at]
      if (target === undefined) return
      findings++
      const path = store(target, caseOf(target, target.seeds(), seed, index))
      console.log(`FOUND ${target.name}: seed ${seed} case ${index}: ${message}\n      ${path}`)
    }
    const watch = setInterval(() => {
      const now = readFileSync(progress, 'latin1')
      if (now !== seen) [seen, seenAt] = [now, performance.now()]
      else if (performance.now() - seenAt > ENDLESS_MS + ms) {
        finish()
        if (seen === '') return reject(new Error('the targets did not start'))
        found(Number(seen), `no end in ${ENDLESS_MS / 1000} s`)
        const rest = chosen.slice(at + 1)
        if (rest.length === 0) return resolve(findings)
        supervise(rest, seed, ms).then((more) => resolve(findings + more), reject)
      }
    }, 500)
    const finish = (): void => {
      clearInterval(watch)
      worker.removeAllListeners()
      worker.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    }
    worker.on('error', (error) => {
      finish()
      reject(error)
    })
    worker.on('exit', (status) => {
      finish()
      reject(new Error(`${chosen[at]?.name}: the process ended with status ${status}`))
    })
    worker.on('message', (message) => {
      const report = message as Report
      if (report.at === 'finding') return found(report.index, report.message)
      const { cases, same } = report
      const name = chosen[at]?.name ?? ''
      console.log(`${name.padEnd(34)} ${String(cases).padStart(8)} cases ${String(same).padStart(8)} taken`)
      at++
      if (at < chosen.length) return
      finish()
      resolve(findings)
    })
  })
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: String(Date.now()) },
      seconds: { type: 'string', default: '60' },
      only: { type: 'string', default: '' },
    },
  })
  const chosen = targets.filter((t) => t.name.includes(values.only))
  console.log(`seed ${values.seed}, ${chosen.length} targets`)
  const findings = await supervise(chosen, values.seed, (1000 * Number(values.seconds)) / chosen.length)
  console.log(findings === 0 ? 'nothing found' : `${findings} findings: they are in test/fuzz/corpus`)
  return findings === 0 ? 0 : 1
}

const [, , first, order] = process.argv
if (first === WORKER) await work(JSON.parse(order ?? '') as Order)
else process.exitCode = await main()
