/** Runs groups, from these sources or from those of another commit. */
import { execFileSync, spawn } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Group, Line } from './row.ts'

export interface GroupRun {
  /** The folder of the sources. */
  readonly root: string
  readonly group: Group
  readonly only: string
  readonly runs: number
}

/** The lines of one group. One that can't even start is one failed row. */
export async function linesOf({ root, group, only, runs }: GroupRun): Promise<(readonly [Group, Line])[]> {
  const args = ['--import', 'tsx', 'scripts/bench/group.ts', group, only, String(runs)]
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  const lines = out.split('\n').filter((l) => l.startsWith('{'))
  const found = lines.map((l) => [group, JSON.parse(l) as Line] as const)
  if (code === 0) return found
  const reason = err.split('\n').find((l) => /error/i.test(l)) ?? `ended with code ${code}`
  return [...found, [group, { row: 'the group', failed: reason.trim() }]]
}

/**
 * Gives `use` the folder of a commit, checked out beside this one, with the packages that are installed here and the
 * bench of this one, so that both are measured alike. Removed afterwards.
 */
export async function withCommit<T>(root: string, ref: string, use: (folder: string) => Promise<T>): Promise<T> {
  const parent = mkdtempSync(join(tmpdir(), 'wallet-mpc-base-'))
  const folder = join(parent, 'tree')
  const git = (...args: readonly string[]): void =>
    void execFileSync('git', ['-C', root, ...args], { stdio: ['ignore', 'ignore', 'inherit'] })
  const remove = (): void => {
    if (existsSync(folder)) git('worktree', 'remove', '--force', folder)
    rmSync(parent, { recursive: true, force: true })
  }
  const interrupted = (): never => {
    remove()
    process.exit(130)
  }
  process.once('SIGINT', interrupted)
  try {
    git('worktree', 'add', '--quiet', '--detach', folder, ref)
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    for (const part of ['scripts/bench', 'scripts/processes.ts']) {
      rmSync(join(folder, part), { recursive: true, force: true })
      cpSync(join(root, part), join(folder, part), { recursive: true })
    }
    return await use(`${folder}/`)
  } finally {
    process.off('SIGINT', interrupted)
    remove()
  }
}
