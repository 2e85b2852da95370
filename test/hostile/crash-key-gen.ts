/**
 * Two parties make shares together, and one of them is killed at a given message, or at a given call to the file system
 * while it writes. Each side is left with what it had or with a complete new file; a fresh ceremony then works.
 *
 * After the last message of a ceremony nobody can know whether the other one still lives (two generals). A crash there
 * can leave a file on one side only. That is no danger, since no one else has a share of that key, and it is seen:
 * a ceremony is good when every party has reported the same address.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import type { SecurityLevel } from '../../participant/base/level.ts'
import { writeKeyShareFiles } from '../../participant/key-share/file.node.ts'
import { formatKeyShares, parseKeyShares } from '../../participant/key-share/format.ts'
import type { KeyShare } from '../../participant/key-share/key-share.ts'
import { dealTestShares } from '../../participant/key-share/testing.ts'
import { PROGRAM_ENV, Workplace } from '../programs-testing.ts'
import { CrashProxy } from './crash-proxy.ts'

export const NAMES = ['alice', 'bob'] as const
export type Name = (typeof NAMES)[number]

export interface Child {
  readonly process: ChildProcess
  readonly output: { stdout: string; stderr: string }
  readonly ended: Promise<number | string>
}

export interface CeremonyPoint {
  readonly victim: Name
  readonly message: number
  readonly when: 'before' | 'after'
}

/** What a party has: nothing new, or a complete new share. */
export type Left = 'old' | 'new'

/** How a party's program is started. */
export type Command = (o: {
  readonly url: string
  readonly room: string
  readonly name: Name
  readonly path: string
  readonly force: boolean
}) => readonly string[]

/** A ceremony at the small test level. */
export function smallCommand(deadlineMs: number): Command {
  return ({ url, room, name, path, force }) => {
    const index = String(NAMES.indexOf(name))
    return ['ceremony-child.ts', url, room, name, index, path, force ? 'force' : 'new', String(deadlineMs)]
  }
}

/** The real program. */
export function realCommand(deadlineSeconds: number): Command {
  return ({ url, room, name, path, force }) => [
    'key-gen-child.ts',
    String(NAMES.indexOf(name)),
    ...['join', '--yes', '--account', 'main', '--gateway', url, '--room', room, '--name', name, '--out', path],
    ...['--deadline', String(deadlineSeconds), ...(force ? ['--force'] : [])],
  ]
}

export function startChild(args: readonly string[], cwd: string, onStart: (p: ChildProcess) => void): Child {
  const [file = '', ...rest] = args
  const child = spawn(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), join(import.meta.dirname, file), ...rest],
    {
      cwd,
      env: PROGRAM_ENV,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  onStart(child)
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()))
  const ended = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'))
  })
  return { process: child, output, ended }
}

export class CeremonyStage {
  readonly #folder = mkdtempSync(join(tmpdir(), 'ceremony-'))
  readonly #place = new Workplace()
  readonly #level: SecurityLevel
  readonly #command: Command
  readonly #running = new Set<ChildProcess>()
  #proxy: CrashProxy | undefined
  #url = ''
  #rooms = 0

  constructor(level: SecurityLevel, command: Command) {
    this.#level = level
    this.#command = command
  }

  async open(): Promise<void> {
    const gateway = await this.#place.startGateway()
    this.#proxy = new CrashProxy(Number(new URL(gateway.url).port))
    this.#url = await this.#proxy.start()
  }

  async close(): Promise<void> {
    for (const child of this.#running) child.kill('SIGKILL')
    this.#place.close()
    await this.#proxy?.stop()
    rmSync(this.#folder, { recursive: true })
  }

  #path(name: Name): string {
    return join(this.#folder, `${name}.json`)
  }

  #start(name: Name, room: string, force: boolean): Child {
    const args = this.#command({ url: this.#url, room, name, path: this.#path(name), force })
    const child = startChild(args, this.#folder, (p) => this.#running.add(p))
    void child.ended.then(() => this.#running.delete(child.process))
    return child
  }

  /** A ceremony in which nobody dies; how many messages it took. */
  async run(force: boolean): Promise<number> {
    this.#proxy?.disarm()
    const room = `room-${this.#rooms++}`
    const children = NAMES.map((name) => this.#start(name, room, force))
    for (const { ended, output } of children) assert.equal(await ended, 0, output.stderr)
    const [a, b] = NAMES.map((name) => this.#read(name))
    assert.equal(a?.core.publicKey.toHex(), b?.core.publicKey.toHex())
    return this.#proxy?.count ?? 0
  }

  /**
   * Kills the victim at the point and, when it has not ended by itself, leaves the other one until its deadline. Gives
   * what alice and bob are left with. Afterwards a ceremony in a fresh room is done, and succeeds.
   */
  async crash(point: CeremonyPoint, old: 'nothing' | 'a share'): Promise<readonly [alice: Left, bob: Left]> {
    const before = await this.#prepare(old)
    const force = old === 'a share'
    const room = `room-${this.#rooms++}`
    let victim: Child | undefined
    const kill = async (): Promise<void> => {
      victim?.process.kill('SIGKILL')
      await victim?.ended
    }
    const struck = this.#proxy?.arm({ ...point, kill })
    const children = NAMES.map((name) => this.#start(name, room, force))
    victim = children[NAMES.indexOf(point.victim)]
    const other = children[1 - NAMES.indexOf(point.victim)]
    assert.ok(victim !== undefined && other !== undefined)
    await struck
    // it may have ended by itself while its last message was on its way
    assert.ok(['SIGKILL', 0].includes(await victim.ended), victim.output.stderr)
    const exitCode = await other.ended
    if (exitCode !== 0) this.#saysHowToGoOn(other)
    const left = NAMES.map((name) => this.#left(name, before.get(name)))
    assert.equal(exitCode === 0, left[1 - NAMES.indexOf(point.victim)] === 'new', 'it says what it did')
    this.#removeLeftovers()
    await this.run(force || left.includes('new'))
    return left as unknown as readonly [Left, Left]
  }

  /** For the small level's child there is no advice to check. */
  #saysHowToGoOn({ output }: Child): void {
    if (/^key-gen: /m.test(output.stderr))
      assert.match(output.stderr, /^hint: nothing was written here; .* fresh --room/m)
  }

  /** A crash while a file is written can leave a temporary one, and nothing else. */
  #removeLeftovers(): void {
    for (const name of readdirSync(this.#folder)) {
      if (NAMES.some((n) => name === `${n}.json`)) continue
      assert.match(name, /^\.(alice|bob)\.json\.[0-9a-f]{16}\.tmp$/)
      rmSync(join(this.#folder, name))
    }
  }

  async #prepare(old: 'nothing' | 'a share'): Promise<ReadonlyMap<Name, string>> {
    for (const name of NAMES) rmSync(this.#path(name), { force: true })
    if (old === 'nothing') return new Map()
    const dealt = dealTestShares({ parties: NAMES, threshold: 2, accounts: ['main'], level: this.#level })
    const files = NAMES.map((name) => ({ path: this.#path(name), data: formatKeyShares(dealt.get(name) ?? new Map()) }))
    await writeKeyShareFiles(files, { force: false })
    return new Map(NAMES.map((name) => [name, readFileSync(this.#path(name), 'utf8')]))
  }

  #left(name: Name, before: string | undefined): Left {
    if (!existsSync(this.#path(name))) {
      assert.equal(before, undefined, `the old file of ${name} is gone`)
      return 'old'
    }
    if (readFileSync(this.#path(name), 'utf8') === before) return 'old'
    this.#read(name)
    return 'new'
  }

  /** Complete and valid, or it throws. */
  #read(name: Name): KeyShare {
    const shares = parseKeyShares(readFileSync(this.#path(name), 'utf8'), { levels: [this.#level] })
    return shares.get('main') ?? assert.fail('no such account')
  }
}
