/** Rooms: what they hold and for how long, and what their streams are sent. */
import { type Mutant, mutants, type Tests } from './mutant.ts'

const limits = (only: string): Tests => ({ file: 'gateway/limits.test.ts', only })
const contract = (only: string): Tests => ({ file: 'gateway/contract.test.ts', only })
const routes = (only: string): Tests => ({ file: 'gateway/room-routes.test.ts', only })
const keys = (only: string): Tests => ({ file: 'gateway/idempotency.test.ts', only })
const resume = (only: string): Tests => ({ file: 'gateway/resume.test.ts', only })

export const gatewayRooms: readonly Mutant[] = [
  ...mutants(
    'gateway/rooms',
    'gateway/rooms.ts',
    [
      limits('^(too many rooms|a full room|the history|messages with a TTL|G7|an expired room)'),
      { file: 'gateway/adversarial.test.ts', only: '^(too many rooms|history)' },
    ],
    [
      ['an idle room is another', 'if (room === undefined || !this.#isOver(room, nowMs)) return room', 'return room'],
      ['use keeps a room', 'room.touch(nowMs)', ''],
      ['rooms', 'if (this.#rooms.size >= this.#limits.rooms) return refused'],
      ['idle rooms make place', 'if (this.#rooms.size >= this.#limits.rooms) this.#sweepForRoom('],
      ['messages of a room', 'if (room.messages >= this.#limits.room_messages)'],
      ['bytes of a room', 'if (room.bytes + frame.length > this.#limits.room_bytes)'],
      ['bytes of all', 'if (this.#bytes + frame.length > this.#limits.total_bytes) return refused'],
      [
        'idle rooms give their bytes back',
        'if (this.#bytes + frame.length > this.#limits.total_bytes) this.#sweepForRoom(',
      ],
      ['not for each that is refused', 'if (nowMs - this.#sweptAtMs >= MIN_SWEEP_MS) this.sweep()', 'this.sweep()'],
      ['what has expired makes place', 'this.#bytes -= room.expire(nowMs)\n    const hash', 'const hash'],
      ['a TTL', 'ttlSeconds === undefined ? undefined : Math.ceil(nowMs) + 1000 * ttlSeconds', 'undefined'],
      ['bytes of a room that went', 'this.#bytes -= room.bytes', ''],
      ['the sweep takes idle rooms', 'if (this.#isOver(room, nowMs)) this.#forget(id, room)', 'if (false) void 0'],
    ],
  ),
  ...mutants(
    'gateway/rooms',
    'gateway/rooms.ts',
    [
      routes('^(GET tells|POST makes|a pass for|DELETE by|an open room)'),
      keys('^(pitfall 26|the same key|a repeat|a room)'),
    ],
    [
      ['one room of a name', 'if (this.#find(id) !== undefined) return'],
      ['the owner removes', "if (pass !== '*' && pass !== room.epoch)"],
      ['an operator removes', "pass !== '*' && pass !== room.epoch", 'pass !== room.epoch'],
      ['streams of a room that went', 'room.endForGood()', ''],
      [
        'a pass makes no room',
        "return pass === undefined || pass === '*' ? this.#make(id, false)",
        'return true ? this.#make(id, false)',
      ],
      ['a pass is for one room', 'if (pass !== undefined) return refusals.roomGone()'],
      ['a private room is private', 'return isPrivate ? refusals.privateRoom() : undefined', 'return undefined'],
      ['who may ask for the state', 'if (refusal !== undefined) return refused(refusal)\n    this', 'this'],
      ['what has expired is not counted', 'this.#bytes -= room.expire(this.#clock.nowMs())', ''],
      ['published once', 'if (taken !== undefined) {', 'if (false) {'],
      ['never for two bodies', 'if (taken.bodyHash !== hash)'],
      ['how many keys', ', this.#limits.room_keys)', ', 1e9)'],
      ['bytes of keys', 'this.#bytes += room.bytes - bytesBefore', 'this.#bytes += frame.length'],
    ],
  ),
  ...mutants(
    'gateway/room',
    'gateway/room.ts',
    [limits('^(too many rooms|G7)'), resume('^(another epoch|G10|a stream that comes)'), routes('^DELETE by')],
    [
      ['a reader that left', 'this.subscribers.delete(subscriber)', ''],
      ['idle from the last reader on', 'this.touch(clock.nowMs())', ''],
      ['another epoch starts again', '(knownEpoch !== undefined && knownEpoch !== this.epoch) ||', ''],
      ['a stream that comes too late', 'if (this.#isGone) subscriber.end', 'if (false) subscriber.end'],
      [
        'its streams end',
        'for (const subscriber of this.subscribers) subscriber.end(',
        'for (const subscriber of []) ((subscriber: { end(x: unknown): void }) => subscriber.end)(',
      ],
    ],
  ),
  ...mutants(
    'gateway/room',
    'gateway/room.ts',
    [limits('^G7'), contract('^(G10|G1:)')],
    [
      ['nobody listens', 'this.subscribers.size === 0 && ', ''],
      ['the time', ' && nowMs - this.#usedAtMs >= idleMs', ''],
      ['an id that was not given out', 'lastSeen >= this.#log.nextId', 'false'],
      ['each index once', 'this.#lastIndex += 1', ''],
    ],
  ),
  ...mutants(
    'gateway/room-id',
    'gateway/room-id.ts',
    ['gateway/room-id.test.ts'],
    [
      ['visible', '!VISIBLE.test(id) || ', ''],
      ['refused', ' || REFUSED.test(id)', ''],
      ['. and ..', " || id === '.' || id === '..'", ''],
      ['length', 'Array.from(id).length <= maxLength ? id', 'true ? id'],
      ['encoding', '  } catch {\n    return undefined', '  } catch {\n    return segment'],
    ],
  ),
  ...mutants(
    'gateway/frame',
    'gateway/frame.ts',
    ['gateway/frame.test.ts'],
    [
      ['UTF-8', "if (!isUtf8(body)) return 'not UTF-8'"],
      ['CR', 'body.includes(CR) || ', ''],
      ['NUL', ' || body.includes(NUL)', ''],
      ['each line', 'body.includes(LF) ? prefixLines(body) : body', 'body'],
      ['digits of an id', 'if (!/'],
      ['size of an id', "Number.isSafeInteger(id) ? id : 'unreadable'", 'id'],
    ],
  ),
  ...mutants(
    'gateway/frame',
    'gateway/frame.ts',
    [resume('^(a standard EventSource|G10)')],
    [['a reset forgets the last id', 'event: reset\\nid:\\n', 'event: reset\\n']],
  ),
  ...mutants(
    'gateway/subscriber',
    'gateway/subscriber.ts',
    ['gateway/subscriber.test.ts'],
    [
      ['a slow reader', 'if (this.#outgoing.writableLength > this.#maxBufferedBytes)'],
      ['one batch at a time', 'this.#waitingForDrain || this.#isReading', 'this.#isReading'],
      ['one question at a time', ' || this.#isReading', ''],
      ['what the log lacks', 'while (this.#log.lacks(this.#next) || ', 'while ('],
      ['a part for one that has gone', 'if (this.#ended || past', 'if (past'],
      ['a part that failed is asked for again', 'if (!this.#live) this.#replay()', ''],
      ['lag is no less than none', 'Math.max(0, this.#log.nextId - this.#next)', 'this.#log.nextId - this.#next'],
      ['nothing after the end', '  advance(): void {\n    if (this.#ended) return', '  advance(): void {'],
      ['one comment at a time', 'if (this.#stalledPeriods === 0) {', 'if (true) {'],
      ['a reader that takes nothing', "this.#cutOff('stalled')", ''],
      ['progress counts', 'if (!error) this.#stalledPeriods = 0'],
      [
        'a stream that was ended',
        'const giveUp = setTimeout(() => this.#outgoing.destroy(), END_GRACE_MS)',
        'const giveUp = setTimeout(() => {}, END_GRACE_MS)',
      ],
    ],
  ),
  ...mutants(
    'gateway/log',
    'gateway/log.ts',
    ['gateway/log.test.ts'],
    [
      ['what was let go is lacking', 'this.#heldFrom = this.#nextId', ''],
      ['its times are let go too', 'this.#expiries.clear()', ''],
    ],
  ),
]
