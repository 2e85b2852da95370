import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { linkSignals } from './signals.ts'

test('aborts with any source, by itself, and after the time', async () => {
  for (const which of [0, 1]) {
    const sources = [new AbortController(), new AbortController()]
    const linked = linkSignals(sources.map((s) => s.signal))
    assert.equal(linked.signal.aborted, false, 'not yet')
    sources[which]?.abort()
    assert.equal(linked.signal.aborted, true, 'by a source')
  }
  const own = linkSignals([undefined])
  own.abort()
  assert.equal(own.signal.aborted, true, 'by itself')
  assert.equal(linkSignals([AbortSignal.abort()]).signal.aborted, true, 'aborted before')
  const timed = linkSignals([], 20)
  await new Promise((resolve) => timed.signal.addEventListener('abort', resolve))
})

test('lets go of its sources and its timer', async () => {
  const source = new AbortController()
  const released = linkSignals([source.signal], 20)
  assert.equal(getEventListeners(source.signal, 'abort').length, 1, 'listens')
  released.release()
  const aborted = linkSignals([source.signal], 20)
  aborted.abort()
  assert.equal(getEventListeners(source.signal, 'abort').length, 0, 'listens no more')
  await new Promise((resolve) => setTimeout(resolve, 40))
  assert.equal(released.signal.aborted, false, 'the timer is gone')
})

test('fires after the collector ran, though nobody but the waiting code knows of it', async () => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const source = new AbortController()
  const wait = (): Promise<string> =>
    new Promise((resolve) => {
      linkSignals([source.signal], 200).signal.addEventListener('abort', () => resolve('aborted'), { once: true })
    })
  const collecting = setInterval(gc, 20)
  const never = new Promise<string>((resolve) => setTimeout(resolve, 3_000, 'never'))
  assert.equal(await Promise.race([wait(), never]), 'aborted')
  clearInterval(collecting)
})
