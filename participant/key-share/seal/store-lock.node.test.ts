/** One process on a folder: real processes, real kills. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { lockStore, lookAtLock } from './store-lock.node.ts'

const root = mkdtempSync(join(tmpdir(), 'lock-'))
const children = new Set<ChildProcess>()
after(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(root, { recursive: true })
})

let folders = 0
function freshFolder(name = String(folders++)): string {
  const path = join(root, name)
  mkdirSync(path, { recursive: true, mode: 0o700 })
  return path
}

/** A process that takes the lock, says so or why not, and waits. */
async function holder(folder: string): Promise<{ child: ChildProcess; said: string }> {
  const lock = new URL('./store-lock.node.ts', import.meta.url).href
  const program = `
    const { lockStore } = await import(${JSON.stringify(lock)})
    try { await lockStore(${JSON.stringify(folder)}); console.log('locked') } catch (e) { console.log(e.message) }
    setInterval(() => {}, 1000)`
  const tsx = import.meta.resolve('tsx')
  const child = spawn(process.execPath, ['--import', tsx, '--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.add(child)
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer]
  return { child, said: chunk.toString().trim() }
}

/** Connects until the socket takes no more; connections that wait for somebody who is stopped stay open. */
async function fill(path: string): Promise<readonly Socket[]> {
  const callers: Socket[] = []
  for (;;) {
    const caller = createConnection(path)
    callers.push(caller)
    const code = await new Promise((resolve) => {
      caller.on('connect', () => resolve(undefined))
      caller.on('error', (e: NodeJS.ErrnoException) => resolve(e.code))
    })
    if (code !== undefined) {
      assert.notEqual(code, 'ECONNREFUSED')
      return callers
    }
    assert.ok(callers.length < 20_000, 'it takes no end of connections')
  }
}

test('a second one is refused while the first has it, in this process and in another', async () => {
  const folder = freshFolder()
  const lock = await lockStore(folder)
  const refused = { name: 'StateError', reason: 'IN_USE', message: `${folder}: in use by process ${process.pid}` }
  await assert.rejects(lockStore(folder), refused)
  const second = await holder(folder)
  assert.equal(second.said, refused.message)
  assert.deepEqual(await lookAtLock(folder), { holders: [{ pid: process.pid }], dead: 0 })
  await lock.release()
  await lock.release()
  assert.deepEqual(readdirSync(folder), [], 'nothing is left')
  const next = await lockStore(folder)
  await next.release()
})

test('the lock of a process that was killed is taken over, and one of a process that is stopped is not', async () => {
  const folder = freshFolder()
  const { child, said } = await holder(folder)
  assert.equal(said, 'locked')
  child.kill('SIGSTOP')
  const refused = { message: `${folder}: in use by another process` }
  await assert.rejects(lockStore(folder), refused)
  const callers = process.platform === 'linux' ? await fill(join(folder, readdirSync(folder)[0] ?? '')) : []
  await assert.rejects(lockStore(folder), refused, 'although it takes no more connections')
  for (const caller of callers) caller.destroy()
  child.kill('SIGKILL')
  await once(child, 'exit')
  assert.equal(readdirSync(folder).length, 1, 'its socket is still there')
  assert.deepEqual(await lookAtLock(folder), { holders: [], dead: 1 })
  assert.equal(readdirSync(folder).length, 1, 'looking removes nothing')
  const lock = await lockStore(folder)
  assert.equal(readdirSync(folder).length, 1, 'the dead one is gone')
  await lock.release()
})

test('of many that begin at once, at most one has it at any time, and all have it in the end', async () => {
  const folder = freshFolder()
  let holding = 0
  let had = 0
  const take = async (): Promise<void> => {
    for (;;) {
      const lock = await lockStore(folder).catch((e: { reason?: string }) => {
        assert.equal(e.reason, 'IN_USE')
      })
      if (lock === undefined) continue
      holding++
      assert.equal(holding, 1, 'alone')
      await new Promise((resolve) => setTimeout(resolve, 5))
      assert.equal(holding, 1, 'still alone')
      holding--
      had++
      await lock.release()
      return
    }
  }
  await Promise.all(Array.from({ length: 6 }, take))
  assert.equal(had, 6)
  assert.deepEqual(readdirSync(folder), [])
})

test('a path that is longer than the address of a socket', {
  skip: process.platform !== 'linux' && 'only Linux has such sockets',
}, async () => {
  const folder = freshFolder('x'.repeat(200))
  const lock = await lockStore(folder)
  await assert.rejects(lockStore(folder), { reason: 'IN_USE' })
  await lock.release()
  assert.deepEqual(readdirSync(folder), [])
})

test('a folder that is not there is named', async () => {
  const folder = join(root, 'none')
  await assert.rejects(lockStore(folder), { name: 'UsageError', message: `${folder}: no such folder` })
})
