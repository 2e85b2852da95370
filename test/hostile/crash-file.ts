/** A process that is killed at a given call to the file system while it writes a key share file. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { INSECURE_TEST as level } from '../../participant/base/level.ts'
import { formatKeyShares } from '../../participant/key-share/format.ts'
import { dealTestShares } from '../../participant/key-share/testing.ts'
import { type Left, startChild } from './crash-key-gen.ts'

export type Mode = 'new' | 'force'

const OLD = 'what was there before\n'

export class FileStage {
  readonly #folder = mkdtempSync(join(tmpdir(), 'crash-file-'))
  readonly #target = join(this.#folder, 'own', 'shares.json')
  readonly #source = join(this.#folder, 'source.json')
  readonly #data: string

  constructor() {
    const dealt = dealTestShares({ parties: ['a', 'b'], threshold: 2, accounts: ['main'], level })
    this.#data = formatKeyShares(dealt.get('a') ?? new Map())
    writeFileSync(this.#source, this.#data)
  }

  close(): void {
    rmSync(this.#folder, { recursive: true })
  }

  /** The calls of a writing that nobody interrupts. */
  async calls(mode: Mode): Promise<readonly string[]> {
    const { ended, output } = this.#start(mode, 0, 'before')
    assert.equal(await ended, 0, output.stderr)
    return JSON.parse(output.stdout) as readonly string[]
  }

  /** What is there after a death at the n-th call, and that it can be written afterwards. */
  async crash(mode: Mode, call: number, when: 'before' | 'after'): Promise<Left> {
    const { ended, output } = this.#start(mode, call, when)
    assert.equal(await ended, 'SIGKILL', output.stderr)
    const left = this.#left(mode)
    // what is left over besides is private too, and named as one sees where it belongs
    for (const name of readdirSync(join(this.#folder, 'own'))) {
      if (name === 'shares.json') continue
      assert.match(name, /^\.shares\.json\.[0-9a-f]{16}\.tmp$/)
      assert.equal(statSync(join(this.#folder, 'own', name)).mode & 0o077, 0)
    }
    await this.calls('force')
    return left
  }

  #left(mode: Mode): Left {
    if (!existsSync(this.#target)) {
      assert.equal(mode, 'new', 'the old file is gone')
      return 'old'
    }
    const content = readFileSync(this.#target, 'utf8')
    if (mode === 'force' && content === OLD) return 'old'
    assert.equal(content, this.#data, 'torn')
    return 'new'
  }

  #start(mode: Mode, call: number, when: string) {
    const own = join(this.#folder, 'own')
    if (call > 0) rmSync(own, { recursive: true, force: true })
    if (!existsSync(own)) mkdirSync(own)
    if (call > 0 && mode === 'force') writeFileSync(this.#target, OLD, { mode: 0o600 })
    if (call === 0 && mode === 'new') rmSync(this.#target, { force: true })
    const args = ['file-child.ts', this.#source, this.#target, mode, String(call), when]
    return startChild(args, this.#folder, () => undefined)
  }
}
