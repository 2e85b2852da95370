/** One stream against a connection that is under the test's control. */
import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { messageFrame } from './frame.ts'
import { noMeter } from './hooks.ts'
import { Log } from './log.ts'
import { type ReadPast, Subscriber } from './subscriber.ts'

/** A connection that takes nothing until it is told to. */
function connection() {
  const taken: string[] = []
  let proceed: (() => void) | undefined
  const writable = new Writable({
    highWaterMark: 16_384,
    write(chunk: Buffer, _encoding, done) {
      proceed = () => {
        taken.push(chunk.toString())
        done()
      }
    },
  })
  const take = () => {
    const next = proceed
    proceed = undefined
    next?.()
    return new Promise((resolve) => setImmediate(resolve))
  }
  return { outgoing: writable as unknown as ServerResponse, taken, take, writable }
}

const frames = (count: number, bytes: number, from = 0) =>
  Array.from({ length: count }, (_, i) => messageFrame(from + i, Buffer.alloc(bytes, 'x')))

function logOf(held: readonly Buffer[]): Log {
  const log = new Log()
  for (const frame of held) log.append(frame)
  return log
}

function subscriber(log: Log, outgoing: ServerResponse, readPast?: ReadPast) {
  const cuts: string[] = []
  const onCutOff = (why: string) => cuts.push(why)
  return {
    subscriber: new Subscriber({
      outgoing,
      log,
      from: 0,
      maxBufferedBytes: 100_000,
      readPast,
      meter: noMeter,
      onCutOff,
    }),
    cuts,
  }
}

test('catching up queues one batch at a time, however long the history', async () => {
  const all = frames(1000, 10_000)
  const log = logOf(all)
  const { outgoing, taken, take, writable } = connection()
  const { subscriber: stream, cuts } = subscriber(log, outgoing)
  stream.advance()
  for (let i = 0; i < 50; i++) {
    const [frame] = frames(1, 10_000, log.nextId)
    assert.ok(frame !== undefined)
    all.push(frame)
    log.append(frame)
    stream.advance()
    assert.ok(writable.writableLength < 80_000, 'one batch')
  }
  while (writable.writableLength > 0) {
    await take()
    assert.ok(writable.writableLength < 80_000, 'one batch')
  }
  assert.equal(taken.join(''), Buffer.concat(all).toString())
  assert.deepEqual(cuts, [])
})

test('a live reader is cut off above the limit, and nothing is written to it afterwards', () => {
  const log = new Log()
  const { outgoing, writable } = connection()
  const { subscriber: stream, cuts } = subscriber(log, outgoing)
  stream.advance()
  for (let i = 0; i < 30; i++) {
    for (const frame of frames(1, 10_000, i)) log.append(frame)
    stream.advance()
  }
  assert.deepEqual(cuts, ['buffer full'])
  assert.ok(writable.destroyed)
  assert.ok(writable.writableLength <= 115_000, 'the limit and one message')
  stream.keepAlive()
  stream.end(Buffer.from('late'))
  assert.deepEqual(cuts, ['buffer full'])
})

test('pitfall 20: comments do not pile up; four periods without progress end the stream, progress does not', async () => {
  const { outgoing, take, writable } = connection()
  const { subscriber: stream, cuts } = subscriber(new Log(), outgoing)
  stream.advance()
  for (let period = 0; period < 20; period++) {
    stream.keepAlive()
    await take()
  }
  assert.deepEqual(cuts, [])
  for (let period = 0; period < 4; period++) stream.keepAlive()
  assert.equal(writable.writableLength, 3, 'one comment')
  assert.deepEqual(cuts, [])
  stream.keepAlive()
  assert.deepEqual(cuts, ['stalled'])
})

test('a stream that was ended waits for its reader, but not for ever; the timer goes with the connection', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const stalled = connection()
  const { subscriber: stream, cuts } = subscriber(logOf(frames(1, 100)), stalled.outgoing)
  stream.advance()
  stream.end(Buffer.from('last'))
  t.mock.timers.tick(9_999)
  assert.ok(!stalled.writable.destroyed, 'it may still read')
  t.mock.timers.tick(1)
  assert.ok(stalled.writable.destroyed, 'it had its time')
  assert.deepEqual(cuts, [])

  const reading = connection()
  const other = subscriber(logOf(frames(1, 100)), reading.outgoing)
  other.subscriber.advance()
  other.subscriber.end(Buffer.from('last'))
  t.mock.timers.reset()
  while (reading.writable.writableLength > 0) await reading.take()
  assert.ok(reading.taken.join('').endsWith('last'), 'what was on its way comes first')
})

/** A log of ten messages, kept elsewhere, of which the last `held` are here; and how its past is asked for. */
function pastOf(held: number) {
  const all = frames(10, 100)
  const log = logOf(all.slice(0, 10 - held))
  log.forget()
  for (const frame of all.slice(10 - held)) log.append(frame)
  const asked: number[] = []
  const answers: ((isThere: boolean) => Promise<unknown>)[] = []
  const readPast: ReadPast = (from) => {
    asked.push(from)
    return new Promise((resolve) => {
      const part = all.slice(from, from + 2)
      answers.push((isThere) => {
        resolve(isThere ? { frames: Buffer.concat(part), count: part.length, next: from + part.length } : undefined)
        return new Promise(setImmediate)
      })
    })
  }
  return { log, all, asked, answers, readPast }
}

test('what the log lacks is asked for, a part when the one before it has left; then come the log and what is new', async () => {
  const { log, all, asked, answers, readPast } = pastOf(5)
  const { outgoing, taken, take, writable } = connection()
  const { subscriber: stream } = subscriber(log, outgoing, readPast)
  stream.advance()
  stream.advance()
  assert.deepEqual(asked, [0], 'one question at a time')
  for (let part = 0; part < 3; part++) {
    assert.equal(stream.isLive, false)
    assert.equal(asked.at(-1), 2 * part)
    await answers[part]?.(true)
  }
  assert.deepEqual(asked, [0, 2, 4])
  assert.ok(stream.isLive)
  const [last] = frames(1, 100, 10)
  assert.ok(last !== undefined)
  log.append(last)
  stream.advance()
  while (writable.writableLength > 0) await take()
  assert.equal(taken.join(''), Buffer.concat([...all, last]).toString())
  assert.deepEqual(stream.lag(), { bytes: 0, messages: 0 })
})

test('a part that brought more than the log has heard of is not said twice', async () => {
  const { log, all, answers, readPast } = pastOf(0)
  log.skipTo(10)
  const { outgoing, taken, take, writable } = connection()
  const { subscriber: stream } = subscriber(log, outgoing, async (from) => {
    const part = await readPast(from)
    const more = frames(1, 100, 10)
    return part && from === 8 ? { frames: Buffer.concat([part.frames, ...more]), count: 3, next: 11 } : part
  })
  stream.advance()
  for (let part = 0; part < 5; part++) await answers[part]?.(true)
  assert.ok(stream.isLive)
  assert.equal(stream.lag().messages, 0)
  for (const frame of frames(2, 100, 10)) {
    log.append(frame)
    stream.advance()
  }
  while (writable.writableLength > 0) await take()
  assert.equal(taken.join(''), Buffer.concat([...all, ...frames(2, 100, 10)]).toString())
})

test('a part that can not be had is asked for again with the next news or keep-alive, and never for a stream that ended', async () => {
  const { log, asked, answers, readPast } = pastOf(0)
  const { outgoing, writable } = connection()
  const { subscriber: stream } = subscriber(log, outgoing, readPast)
  stream.advance()
  await answers[0]?.(false)
  assert.deepEqual(asked, [0])
  stream.advance()
  assert.deepEqual(asked, [0, 0])
  await answers[1]?.(false)
  stream.keepAlive()
  assert.deepEqual(asked, [0, 0, 0])
  const before = writable.writableLength
  stream.isGone()
  await answers[2]?.(true)
  stream.advance()
  assert.equal(writable.writableLength, before, 'nothing is written')
  assert.deepEqual(asked, [0, 0, 0])
})

test('a reader that takes nothing has one part of the past in memory', async () => {
  const all = frames(10, 30_000)
  const log = logOf(all)
  log.forget()
  const { outgoing, writable } = connection()
  const asked: number[] = []
  const { subscriber: stream } = subscriber(log, outgoing, (from) => {
    asked.push(from)
    return Promise.resolve({ frames: all[from] as Buffer, count: 1, next: from + 1 })
  })
  stream.advance()
  for (let i = 0; i < 5; i++) {
    await new Promise(setImmediate)
    stream.advance()
  }
  assert.deepEqual(asked, [0])
  assert.ok(writable.writableLength < 31_000, 'one part')
})
