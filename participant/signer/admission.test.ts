/** Places for signings: how many, for whom, and how long a peer waits after failures. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Admission } from './admission.ts'

function admission(more: Partial<ConstructorParameters<typeof Admission>[0]> = {}) {
  const clock = { ms: 0 }
  const places = new Admission({
    maxSessions: 4,
    maxSessionsPerPeer: 3,
    failuresPerMinute: 2,
    now: () => clock.ms,
    ...more,
  })
  const fail = (peer: string): void => {
    assert.equal(places.enter(peer), 'admitted')
    places.leave(peer, { failed: true })
  }
  return { places, clock, fail }
}

test('one peer takes its places and leaves the others theirs', () => {
  const { places } = admission()
  for (let i = 0; i < 3; i++) assert.equal(places.enter('a'), 'admitted')
  assert.equal(places.enter('a'), 'BUSY')
  assert.equal(places.enter('b'), 'admitted')
  assert.equal(places.sessions, 4)
  assert.equal(places.enter('c'), 'BUSY')
  places.leave('a', { failed: false })
  assert.equal(places.enter('c'), 'admitted')
  assert.equal(places.enter('b'), 'BUSY')
})

test('a place that is left can be taken again', () => {
  const { places } = admission({ maxSessionsPerPeer: 1 })
  for (let i = 0; i < 100; i++) {
    assert.equal(places.enter('a'), 'admitted')
    assert.equal(places.enter('a'), 'BUSY')
    places.leave('a', { failed: false })
  }
  assert.equal(places.sessions, 0)
})

test('a peer whose signings fail has to wait, and nobody else', () => {
  const { places, clock, fail } = admission()
  fail('a')
  fail('a')
  assert.equal(places.enter('a'), 'TOO_MANY_FAILURES')
  assert.equal(places.enter('b'), 'admitted')
  clock.ms += 29_999
  assert.equal(places.enter('a'), 'TOO_MANY_FAILURES')
  clock.ms += 1
  fail('a')
  assert.equal(places.enter('a'), 'TOO_MANY_FAILURES')
  clock.ms += 60_000
  fail('a')
  fail('a')
})

test('signings that end well do not count', () => {
  const { places } = admission()
  for (let i = 0; i < 10; i++) {
    assert.equal(places.enter('a'), 'admitted')
    places.leave('a', { failed: false })
  }
})
