/** Every refusal of the gateway, its limits, and what it passes on. */
import { type Mutant, mutants, type Tests } from './mutant.ts'

const limits = (only: string): Tests => ({ file: 'gateway/limits.test.ts', only })
const hostile = (only: string): Tests => ({ file: 'gateway/hostile.test.ts', only })
const contract = (only: string): Tests => ({ file: 'gateway/contract.test.ts', only })
const closing = (only: string): Tests => ({ file: 'gateway/process.test.ts', only })

const routes = (only: string): Tests => ({ file: 'gateway/room-routes.test.ts', only })
const keys = (only: string): Tests => ({ file: 'gateway/idempotency.test.ts', only })
const resume = (only: string): Tests => ({ file: 'gateway/resume.test.ts', only })

export const gateway: readonly Mutant[] = [
  ...mutants(
    'gateway/app',
    'gateway/app.ts',
    [hostile('^(pitfall 27|unknown paths)'), routes('^GET tells')],
    [
      ['HEAD has no stream', "if (c.req.method !== 'GET')"],
      ['methods of a stream', "app.all('/rooms/:id/subscribe'"],
      ['methods of a message', "app.all('/rooms/:id/broadcast'"],
      ['methods of an index', "app.all('/rooms/:id/issue_unique_idx'"],
      ['methods of a room', "app.all('/rooms/:id',"],
      ['methods of health', "app.all('/health'"],
      ['paths', 'app.notFound('],
      ['decoded once', "return path === '' ? '/' : path", "return decodeURIComponent(path === '' ? '/' : path)"],
    ],
  ),
  ...mutants(
    'gateway/guard',
    'gateway/routes/context.ts',
    [routes('^every route')],
    [
      ['room id', 'if (roomId === undefined)', "if (roomId === '')"],
      ['who it is', 'if (!granted.ok) return', 'if (!granted.ok && path === "") return'],
      ['how much', 'if (limited !== undefined)'],
      ['refusals are counted', 'meter.refused(refusal.code)', ''],
    ],
  ),
  ...mutants(
    'gateway/subscribe',
    'gateway/routes/subscribe.ts',
    [resume('^(pitfall 3|G10|another epoch|pitfall 24)'), routes('^a (client that leaves|place for)')],
    [
      ['last id', "if (lastSeen === 'unreadable')"],
      [
        'the header wins',
        "headers['last-event-id']?.toString() ?? queryOf(url).get('last_event_id')",
        "queryOf(url).get('last_event_id') ?? headers['last-event-id']?.toString() ?? null",
      ],
      ['a reset is told', 'if (isReset) outgoing.write('],
      ['the epoch that the reader knows', "incoming.headers['room-epoch']?.toString()", 'undefined'],
      ['the end of a grant', 'if (endsAtMs !== Number.POSITIVE_INFINITY) endAt('],
      ['a client that has left', 'if (outgoing.destroyed || outgoing.socket === undefined)'],
      ['a place for each stream', 'if (!place.ok)', 'if (!place.ok) throw new Error(); if (false)'],
      ['a place is given back', "outgoing.once('close', place.value)", ''],
    ],
  ),
  ...mutants(
    'gateway/subscribe',
    'gateway/routes/subscribe.ts',
    [hostile('^a subscription pipelined')],
    [['a stream behind another answer', 'if (outgoing.socket === null)']],
  ),
  ...mutants(
    'gateway/subscribe',
    'gateway/routes/subscribe.ts',
    [limits('^too many rooms')],
    [
      ['no room for a room', 'if (!followed.ok)', 'if (!followed.ok) throw new Error(); if (false)'],
      ['no room for a reader', 'if (room.subscribers.size >= config.limits.subscribers_per_room)'],
    ],
  ),
  ...mutants(
    'gateway/subscribe',
    'gateway/routes/subscribe.ts',
    [closing('^closing: a stream asked for meanwhile')],
    [['a stream asked for while it closes', 'if (isClosing()) {', 'if (false) {']],
  ),
  ...mutants(
    'gateway/broadcast',
    'gateway/routes/broadcast.ts',
    [limits('^(messages with a TTL|body limit|a full room|too many rooms|a lying content-length)')],
    [
      ['form of a TTL', 'if (ttl !== undefined && !/'],
      ['body too large', "if (body === 'too large')", "if (body === 'too large') throw new Error(); if (false)"],
      ['body incomplete', "if (body === 'incomplete')", "if (body === 'incomplete') throw new Error(); if (false)"],
      ['no room for a message', 'if (!published.ok)', 'if (!published.ok) throw new Error(); if (false)'],
    ],
  ),
  ...mutants(
    'gateway/broadcast',
    'gateway/routes/broadcast.ts',
    [contract('^pitfalls 1 and 2')],
    [['bodies that a stream can not carry', 'if (problem !== undefined) {', 'if (false) {']],
  ),
  ...mutants(
    'gateway/broadcast',
    'gateway/routes/broadcast.ts',
    [keys('^(what a key may be|pitfall 26)')],
    [
      ['form of a key', 'if (key !== undefined && !isIdempotencyKey(String(key)))'],
      [
        'the key is used',
        'const idempotencyKey = key === undefined ? undefined : String(key)',
        'const idempotencyKey = undefined',
      ],
      ['the id of the event', "'event-id': id", "'event-id': 0"],
    ],
  ),
  ...mutants(
    'gateway/room-routes',
    'gateway/routes/room.ts',
    [routes('^(GET tells|POST makes|DELETE by|an open room)')],
    [
      [
        'no state of no room',
        'if (state.value === undefined)',
        'if (state.value === undefined) throw new Error(); if (false)',
      ],
      ['a state is refused', 'if (!state.ok)', 'if (!state.ok) throw new Error(); if (false)'],
      ['a room is there', 'if (!made.ok)', 'if (!made.ok) throw new Error(); if (false)'],
      ['removal is refused', 'if (!removed.ok)', 'if (!removed.ok) throw new Error(); if (false)'],
      ['nothing to remove', 'removed.value ? c.body(null, 204)', 'true ? c.body(null, 204)'],
    ],
  ),
  ...mutants(
    'gateway/idempotency',
    'gateway/idempotency.ts',
    ['gateway/idempotency.test.ts', 'gateway/adversarial.test.ts'],
    [
      ['how many', 'if (this.#entries.size <= limit) break', 'break'],
      [
        'the oldest goes',
        'for (const oldest of this.#entries.keys()) {',
        'for (const oldest of [...this.#entries.keys()].reverse()) {',
      ],
      ['bytes of a key', 'this.#bytes += key.length + BYTES_PER_KEY', ''],
      ['bytes of a key that went', 'this.#bytes -= key.length + BYTES_PER_KEY', ''],
      ['its time', 'if (this.#entries.get(kept.key) === kept) this.#drop(kept.key)', ''],
      ['not that of an earlier one', 'if (this.#entries.get(kept.key) === kept) this', 'if (true) this'],
      [
        'nothing of those that were dropped',
        'if (this.#expiring > 2 * this.#entries.size + FEW) this.#beginAnew()',
        '',
      ],
      ['time to ask again', 'Math.max(ttlSeconds, KEY_SECONDS)', 'ttlSeconds'],
      ['as long as its message', 'Math.max(ttlSeconds, KEY_SECONDS)', 'KEY_SECONDS'],
    ].map(([check = '', find = '', replace = '']) => [check, find, replace] as const),
  ),
  ...mutants(
    'gateway/closing',
    'gateway/closing.ts',
    ['gateway/closing.test.ts', closing('^closing: a stream asked')],
    [
      ['what waits for nothing', 'if (answers === 0 && socket.bytesRead === bytesRead)'],
      ['answers under way', 'if (answers === 0 && socket', 'if (socket'],
      ['half a request', ' && socket.bytesRead === bytesRead', ''],
      ['after the last answer', 'if (this.#isClosing && use.answers === 0)'],
      ['not after the first', 'if (this.#isClosing && use.answers === 0)', 'if (this.#isClosing)'],
      ['the grace period', 'for (const socket of this.#open.keys()) socket.destroy()', ''],
      ['not cut by Node', 'Server.prototype.close.call(server, () => resolve())', 'server.close(() => resolve())'],
    ],
  ),
  ...mutants(
    'gateway/body',
    'gateway/body.ts',
    [limits('^(pitfall 29|body limit|a lying content-length)'), routes('^a client that leaves')],
    [
      ['a length that is announced', "if (Number(incoming.headers['content-length'] ?? 0) > maxBytes)"],
      ['a length that is not', 'if (length <= maxBytes) {', 'if (true) {'],
      ['an early end before reading', "if (incoming.destroyed) return Promise.resolve('incomplete')", ''],
      ['an early end', "incoming.on('close', () => resolve('incomplete'))", ''],
    ],
  ),
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
    'gateway/closing',
    'gateway/routes/broadcast.ts',
    ['gateway/closing.test.ts'],
    [['no message for nobody', 'if (isClosing()) return']],
  ),
  ...mutants(
    'gateway/closing',
    'gateway/routes/issue-index.ts',
    ['gateway/closing.test.ts'],
    [['no index that the next one gives again', 'if (isClosing()) return']],
  ),
  ...mutants(
    'gateway/closing',
    'gateway/routes/room.ts',
    ['gateway/closing.test.ts'],
    [['no room that ends at once', 'if (isClosing()) return']],
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
  ...mutants(
    'gateway/server',
    'gateway/server.ts',
    [limits('^(connections above|a slow upload|pitfall 29)')],
    [
      ['connections', 'server.maxConnections = limits.connections', ''],
      ['time for the head', 'headersTimeout: timeouts.headersMs,', ''],
      ['time for the body', 'requestTimeout: timeouts.requestMs,', ''],
      [
        'a body that is asked for first',
        "if (Number(incoming.headers['content-length'] ?? 0) <= limits.body_bytes)",
        '',
      ],
    ],
  ),
  ...mutants(
    'gateway/cors',
    'gateway/cors.ts',
    ['gateway/cors.test.ts'],
    [
      ['those of the list', '!(everyone || allowed.includes(origin))', 'false'],
      ['vary', "if (!everyone) outgoing.setHeader('vary', 'Origin')"],
      ['preflight of those', "if (!outgoing.hasHeader('access-control-allow-origin')) return"],
    ],
  ),
  ...mutants(
    'gateway/redis/store',
    'gateway/redis/store.ts',
    [{ file: 'gateway/redis/away.test.ts', only: 'is ahead' }],
    [['a reader that is ahead', 'room.nextId <= lastSeen', 'false']],
  ),
]
