/** The pool: each presignature is given out once, to the right request, and not after its time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemRandom } from '../base/random.ts'
import { dealPresignatures, fixture, testContext } from '../protocols/testing.ts'
import { type PoolKey, PresignaturePool, type Presigned } from './pool.ts'

const f = fixture(2, 2)
const signers = ['p0', 'p1']
const key: PoolKey = { account: 'a', signers, owner: 'p0' }

function presigned(owner = 'p0', account = 'a'): Presigned {
  const presignature = dealPresignatures(signers, 5n).get('p0') ?? assert.fail('no presignature')
  const context = { ...testContext(f, 'presign'), account }
  return { id: systemRandom.bytes(32), owner, presignature, context, view: new Uint8Array(32), record: [] }
}

function pool(max = 3) {
  const clock = { ms: 0 }
  return { clock, pool: new PresignaturePool({ max, maxAgeMs: 1_000, now: () => clock.ms }) }
}

test('each is given out once, the oldest first', () => {
  const { pool: p } = pool()
  const [a, b] = [presigned(), presigned()]
  assert.ok(p.put(a) && p.put(b), 'there is a place')
  assert.equal(p.size(key), 2)
  assert.equal(p.takeOldest(key), a)
  assert.equal(p.take(key, a.id), undefined)
  assert.equal(p.take(key, b.id), b)
  assert.equal(p.take(key, b.id), undefined)
  assert.equal(p.takeOldest(key), undefined)
  assert.deepEqual(p.counts(), { size: 0, made: 2, used: 2, expired: 0 })
})

test('only for its account, signers and owner', () => {
  const { pool: p } = pool()
  const a = presigned()
  p.put(a)
  for (const other of [{ account: 'b' }, { owner: 'p1' }, { signers: ['p0', 'p2'] }, { signers: ['p1', 'p0'] }]) {
    assert.equal(p.take({ ...key, ...other }, a.id), undefined)
    assert.equal(p.takeOldest({ ...key, ...other }), undefined)
  }
  assert.equal(p.take(key, a.id), a)
})

test('no more than the limit of one key, and others are not hindered', () => {
  const { pool: p } = pool(2)
  assert.ok(p.put(presigned()) && p.put(presigned()), 'there is a place')
  assert.equal(p.hasPlace(key), false)
  assert.equal(p.put(presigned()), false)
  assert.ok(p.put(presigned('p1')), 'another owner')
  assert.ok(p.put(presigned('p0', 'b')), 'another account')
  p.takeOldest(key)
  assert.ok(p.put(presigned()), 'a place is free again')
})

test('one that is being made has its place already', () => {
  const { pool: p } = pool(2)
  const isMade = [p.expect(key), p.expect(key)]
  assert.equal(p.hasPlace(key), false)
  assert.ok(p.hasPlace({ ...key, account: 'b' }), 'of another account')
  isMade[0]?.()
  assert.ok(p.put(presigned()), 'the one that was made')
  assert.equal(p.hasPlace(key), false, 'one is here, one is being made')
  isMade[1]?.()
  assert.ok(p.hasPlace(key), 'that one failed')
})

test('too old: nobody gets it, and its owner stops earlier than the others', () => {
  const { pool: p, clock } = pool()
  const [a, b] = [presigned(), presigned()]
  p.put(a)
  clock.ms = 899
  p.put(b)
  assert.equal(p.take(key, new Uint8Array(32)), undefined)
  clock.ms = 900
  assert.equal(p.takeOldest(key), b)
  const c = presigned()
  p.put(c)
  clock.ms = 1_899
  assert.equal(p.take(key, c.id), c)
  const d = presigned()
  p.put(d)
  clock.ms = 2_899
  assert.equal(p.size(key), 0)
  assert.equal(p.take(key, d.id), undefined)
  assert.deepEqual(p.counts(), { size: 0, made: 4, used: 2, expired: 2 })
})

test('nothing is left when it is cleared', () => {
  const { pool: p } = pool()
  const a = presigned()
  p.put(a)
  p.clear()
  assert.equal(p.take(key, a.id), undefined)
})
