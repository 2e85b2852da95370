/** Locks on disk: they outlive the object, are cleared from outside, and hold when the disk fails. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { InternalError, ProtocolAbort, StateError, TransportError } from '../base/errors.ts'
import { fileLocks } from './locks.node.ts'
import { findLock, type Lock, locksAfter, memoryLocks } from './locks.ts'

const folder = mkdtempSync(join(tmpdir(), 'locks-'))
after(() => rmSync(folder, { recursive: true }))

const lock: Lock = {
  account: 'main',
  self: 'service',
  peer: 'client',
  code: 'PARTIAL_SIG',
  session: '01234567',
  since: '2026-01-02T03:04:05.678Z',
}
const stores = { files: () => fileLocks(join(folder, 'both')), memory: memoryLocks }

for (const [name, make] of Object.entries(stores)) {
  test(`${name}: a lock is for one account and one peer, until it is cleared`, async () => {
    const locks = make()
    assert.equal(await locks.find(lock), undefined)
    await locks.add(lock)
    await locks.add({ ...lock, code: 'CHI' })
    assert.deepEqual(await locks.find(lock), lock)
    for (const other of [{ account: 'mainservice' }, { peer: 'clien' }, { self: 'client' }]) {
      assert.equal(await locks.find({ ...lock, ...other }), undefined)
      assert.equal(await locks.clear({ ...lock, ...other }), false)
    }
    assert.deepEqual(await findLock(locks, 'main', 'service', ['client', 'service', 'third']), lock)
    assert.equal(await findLock(locks, 'main', 'service', ['service', 'third']), undefined)
    assert.equal(await locks.clear(lock), true)
    assert.equal(await locks.find(lock), undefined)
  })
}

test('files: another object sees it, in a private file', async () => {
  const place = join(folder, 'shared')
  await fileLocks(place).add(lock)
  const other = fileLocks(place)
  assert.deepEqual(await other.find(lock), lock)
  assert.deepEqual(await other.list(), [lock])
  const [name] = readdirSync(place)
  assert.equal(statSync(join(place, name ?? '')).mode & 0o777, 0o600)
  assert.equal(await other.clear(lock), true)
  assert.equal(await fileLocks(place).find(lock), undefined)
})

test('files: what can not be read locks', async () => {
  const place = join(folder, 'torn')
  const locks = fileLocks(place)
  await locks.add(lock)
  const [name] = readdirSync(place)
  writeFileSync(join(place, name ?? ''), '{"version": 1')
  assert.equal((await locks.find(lock))?.peer, 'client')
})

test('files: where nothing can be written the lock holds for the process, and that is said', async () => {
  const locks = fileLocks(join('/dev/null', 'locks'))
  await assert.rejects(locks.add(lock), StateError)
  assert.deepEqual(await locks.find(lock), lock)
})

test('only a failure after valid proofs locks', () => {
  const about = { account: 'main', self: 'a', signers: ['a', 'b', 'c'], session: new Uint8Array(32) }
  const fault = (code: 'PARTIAL_SIG' | 'DELTA' | 'CHI' | 'PROOF_EQ') =>
    new ProtocolAbort('x', [{ culprit: 'b', protocol: 'sign', round: '1', code, check: 'x', evidence: [] }])
  const locked = (e: unknown): unknown => locksAfter(e, about).map((l) => [l.peer, l.code])
  for (const code of ['PARTIAL_SIG', 'DELTA', 'CHI'] as const) assert.deepEqual(locked(fault(code)), [['b', code]])
  for (const e of [fault('PROOF_EQ'), new ProtocolAbort('x', []), new TransportError('x'), new Error('x')]) {
    assert.deepEqual(locked(e), [])
  }
  assert.deepEqual(locked(new InternalError('x')), [
    ['b', 'INTERNAL'],
    ['c', 'INTERNAL'],
  ])
})
