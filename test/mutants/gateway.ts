/** Every refusal of the gateway, its routes, and how it ends. */
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
