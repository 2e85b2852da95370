/** Limits of one caller and of one address, the greatest age of rooms and streams, and what a trusted proxy may say. */
import { type Mutant, mutants, type Tests } from './mutant.ts'

const admission = (only: string): Tests => ({ file: 'gateway/limits/admission.test.ts', only })
const memory = (only: string): Tests => ({ file: 'gateway/pitfalls/memory.test.ts', only })

export const gatewayLimits: readonly Mutant[] = [
  ...mutants(
    'config/edge/buckets',
    'config/edge/buckets.ts',
    ['config/edge/buckets.test.ts'],
    [
      ['an empty bucket', 'if (bucket.tokens < 1)'],
      ['each request costs', 'bucket.tokens -= 1', ''],
      [
        'no more than the burst',
        'Math.min(this.#burst, bucket.tokens + (nowMs - bucket.atMs) * this.#perMs)',
        'this.#burst',
      ],
      ['it fills with time', ' + (nowMs - bucket.atMs) * this.#perMs', ''],
      ['who comes often is remembered', 'if (caller !== this.#last)'],
      ['full ones are dropped', '    this.#dropFull(nowMs)\n', ''],
      ['only full ones', ' || this.#levelAt(bucket, nowMs) < this.#burst', ''],
      ['the cap', 'this.#buckets.size < this.#maxCallers ? this.#burst : this.#dropOldest(nowMs)', 'this.#burst'],
      [
        'the level of the one that goes',
        '      this.#buckets.delete(caller)\n      return this.#levelAt(bucket, nowMs)',
        '      this.#buckets.delete(caller)\n      return this.#burst',
      ],
    ],
  ),
  ...mutants(
    'gateway/limits/admission',
    'gateway/limits/admission.ts',
    [admission('^(requests a second|the time to wait|streams of one)')],
    [
      ['requests', 'waitMs === 0 ? undefined', 'true ? undefined'],
      ['streams', 'if (open >= maxStreams)'],
      ['a stream that left', 'else streams.set(caller, left)', ''],
    ],
  ),
  ...mutants(
    'gateway/limits in use',
    'gateway/routes/context.ts',
    [{ file: 'gateway/room-routes.test.ts', only: '^every route asks' }],
    [['refused requests count', 'refuse(admission.request(caller, action) ?? refusal)', 'refuse(refusal)']],
  ),
  ...mutants(
    'config/edge/address',
    'config/edge/address.ts',
    ['config/edge/address.test.ts'],
    [
      ['only trusted proxies', 'if (!peer.isTrusted) return peer.caller'],
      ['only what they saw', 'if (!isTrusted(address)) break'],
      [
        'from the end',
        'let before = addressIn(hops.pop()); before !== undefined; before = addressIn(hops.pop())',
        'let before = addressIn(hops.shift()); before !== undefined; before = addressIn(hops.shift())',
      ],
      ['only addresses', 'isIP(text) === 0 ? undefined : text', 'text'],
      ['64 bits', 'if (isIP(address) !== 6) return address', 'return address'],
      ['proxies are not counted', 'isTrusted(address) ? undefined : network(address)', 'network(address)'],
      ['IPv4 on IPv6', "address.replace(/^::ffff:(?=\\d+\\.\\d+\\.\\d+\\.\\d+$)/i, '')", 'address'],
    ],
  ),
  ...mutants(
    'gateway/limits/connections',
    'gateway/limits/connections.ts',
    [admission('^connections of one address')],
    [
      ['the limit', 'if (count > max) {', 'if (false) {'],
      ['a connection that left', 'else open.set(address, left)', ''],
      ['a trusted proxy has none', 'if (address === undefined) return', ''],
    ],
  ),
  ...mutants(
    'gateway/limits/open-files',
    'gateway/limits/open-files.ts',
    [memory('^pitfall 22')],
    [
      ['said', "logger.info({ open_files: limit, connections }, 'open files')", 'void 0'],
      ['too few', 'if (limit >= connections + SPARE)', 'if (true)'],
    ],
  ),
  ...mutants(
    'gateway/limits in use',
    'gateway/server.ts',
    [admission('^(requests a second|connections of one|X-Forwarded)')],
    [
      [
        'admission',
        'options.admission ?? createAdmission(config.limits, clock)',
        'options.admission ?? { request: () => undefined, stream: () => ({ ok: true, value: () => {} }) }',
      ],
      ['connections', 'limitConnections(server, ', 'if (false) limitConnections(server, '],
    ],
  ),
  ...mutants(
    'gateway/limits in use',
    'gateway/rooms.ts',
    [admission('^a room ends')],
    [
      ['age of a room', ' || (room_seconds > 0 && room.ageSeconds >= room_seconds)', ''],
      ['streams of a room that is forgotten', '    room.endForGood()\n', ''],
    ],
  ),
  ...mutants(
    'gateway/limits in use',
    'gateway/routes/subscribe.ts',
    [admission('^(a stream ends|streams of one)')],
    [
      [
        'life of a stream',
        'if (streamSeconds === 0) return Number.POSITIVE_INFINITY',
        'if (true) return Number.POSITIVE_INFINITY',
      ],
      ['places of a caller', 'if (!place.ok) return refuse(place.refusal)', ''],
      ['a place that is free again', "outgoing.once('close', place.value)", ''],
    ],
  ),
  ...mutants(
    'gateway/auth/auth',
    'gateway/auth/auth.ts',
    [admission('^X-Forwarded')],
    [['callers behind a proxy', 'addresses(config.server.trusted_proxies)', 'addresses([])']],
  ),
]
