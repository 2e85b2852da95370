/** Every refusal of the gateway, its limits, and what it passes on. */
import { type Mutant, mutants, type Tests } from './mutant.ts'

const limits = (only: string): Tests => ({ file: 'gateway/limits.test.ts', only })
const hostile = (only: string): Tests => ({ file: 'gateway/hostile.test.ts', only })
const contract = (only: string): Tests => ({ file: 'gateway/contract.test.ts', only })
const closing = (only: string): Tests => ({ file: 'gateway/process.test.ts', only })

const BAD_ROOM = 'if (id === undefined) return refusalResponse(refusals.badRoomId(config.limits.room_id_length))'

export const gateway: readonly Mutant[] = [
  ...mutants(
    'gateway/app',
    'gateway/app.ts',
    [hostile('^(pitfall 27|unknown paths)')],
    [
      ['room id of a stream', `${BAD_ROOM}\n  const eventId`],
      ['room id of a message', `${BAD_ROOM}\n  const ttl`],
      ['room id of an index', `${BAD_ROOM}\n    const room`],
      ['HEAD has no stream', "if (c.req.method !== 'GET')"],
      ['methods of a stream', "app.all('/rooms/:id/subscribe'"],
      ['methods of a message', "app.all('/rooms/:id/broadcast'"],
      ['methods of an index', "app.all('/rooms/:id/issue_unique_idx'"],
      ['methods of health', "app.all('/health'"],
      ['paths', 'app.notFound('],
      ['decoded once', "return path === '' ? '/' : path", "return decodeURIComponent(path === '' ? '/' : path)"],
    ],
  ),
  ...mutants(
    'gateway/app',
    'gateway/app.ts',
    [contract('^(last_event_id in the query|a reader that names the epoch)')],
    [
      ['last id', "if (lastSeen === 'unreadable')"],
      ['another epoch starts again', 'knownEpoch === undefined || knownEpoch === room.epoch', 'true'],
    ],
  ),
  ...mutants(
    'gateway/app',
    'gateway/app.ts',
    [hostile('^a subscription pipelined')],
    [['a stream behind another answer', 'if (outgoing.socket === null)']],
  ),
  ...mutants(
    'gateway/app',
    'gateway/app.ts',
    [limits('^(messages with a TTL|body limit|a full room|too many rooms|a lying content-length)')],
    [
      ['form of a TTL', 'if (ttl !== undefined && !/'],
      ['body too large', "if (body === 'too large')"],
      ['body incomplete', "if (body === 'incomplete')"],
      ['no room for a message', 'if (!published.ok)'],
      ['no room for a reader', 'if (!admitted.ok)'],
    ],
  ),
  ...mutants(
    'gateway/app',
    'gateway/app.ts',
    [contract('^pitfalls 1 and 2')],
    [['bodies that a stream can not carry', 'if (problem !== undefined) {', 'if (false) {']],
  ),
  ...mutants(
    'gateway/app',
    'gateway/app.ts',
    [closing('^closing: a stream asked for meanwhile')],
    [['a stream asked for while it closes', 'if (isClosing()) {', 'if (false) {']],
  ),
  ...mutants(
    'gateway/body',
    'gateway/body.ts',
    [limits('^(pitfall 29|body limit|a lying content-length)')],
    [
      ['a length that is announced', "if (Number(incoming.headers['content-length'] ?? 0) > maxBytes)"],
      ['a length that is not', 'if (length <= maxBytes) {', 'if (true) {'],
      ['an early end', "const onClose = () => finish('incomplete')", 'const onClose = () => onEnd()'],
    ],
  ),
  ...mutants(
    'gateway/rooms',
    'gateway/rooms.ts',
    [limits('^(too many rooms|a full room|the history|messages with a TTL|G7|an expired room)')],
    [
      ['an idle room is another', 'existing !== undefined && !this.#isIdle(existing, nowMs)', 'existing !== undefined'],
      ['use keeps a room', 'existing.touch(nowMs)', ''],
      ['rooms', 'if (this.#rooms.size >= this.#limits.rooms) return {'],
      ['idle rooms make place', 'if (this.#rooms.size >= this.#limits.rooms) this.sweep()'],
      ['messages of a room', 'if (room.messages >= this.#limits.room_messages)'],
      ['bytes of a room', 'if (room.bytes + frame.length > this.#limits.room_bytes)'],
      ['bytes of all', 'if (this.#bytes + frame.length > this.#limits.total_bytes) return {'],
      ['idle rooms give their bytes back', 'if (this.#bytes + frame.length > this.#limits.total_bytes) this.sweep()'],
      ['what has expired makes place', 'this.#bytes -= room.expire(nowMs)\n    if', 'if'],
      ['a TTL', 'ttlSeconds === undefined ? undefined : nowMs + 1000 * ttlSeconds', 'undefined'],
      ['readers of a room', '!opened.ok || opened.value.subscribers.size < this.#limits.subscribers_per_room', 'true'],
      ['a reader that left', 'room.subscribers.delete(subscriber)', ''],
      ['idle from the last reader on', '      room.touch(this.#clock.nowMs())\n', ''],
      ['bytes of a room that went', 'this.#bytes -= room.bytes', ''],
      ['the sweep takes idle rooms', 'if (this.#isIdle(room, nowMs)) this.#remove(id, room)', 'if (false) void 0'],
    ],
  ),
  ...mutants(
    'gateway/room',
    'gateway/room.ts',
    [limits('^G7'), contract('^(G10|G1:)')],
    [
      ['nobody listens', 'this.subscribers.size === 0 && ', ''],
      ['the time', ' && nowMs - this.#usedAtMs >= idleMs', ''],
      ['an id that was not given out', ' || lastSeen >= this.#log.nextId', ''],
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
      ['each line', "body.includes('\\n') ? prefixLines(body) : body", 'body'],
      ['digits of an id', 'if (!/'],
      ['size of an id', "Number.isSafeInteger(id) ? id : 'unreadable'", 'id'],
    ],
  ),
  ...mutants(
    'gateway/subscriber',
    'gateway/subscriber.ts',
    ['gateway/subscriber.test.ts'],
    [
      ['a slow reader', 'if (this.#outgoing.writableLength > this.#maxBufferedBytes)'],
      ['one batch at a time', 'if (this.#waitingForDrain) return'],
      ['nothing after the end', '  advance(): void {\n    if (this.#ended) return', '  advance(): void {'],
      ['one comment at a time', 'if (this.#stalledPeriods === 0) {', 'if (true) {'],
      ['a reader that takes nothing', "this.#cutOff('stalled')", ''],
      ['progress counts', 'if (!error) this.#stalledPeriods = 0'],
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
]
