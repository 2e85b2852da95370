/** What the gateway tells about itself: probes, metrics, log, document, status page, alerts. */
import { type Mutant, mutants, type Tests } from './mutant.ts'

const METRICS = 'gateway/metrics/metrics.test.ts'
const PAGE = 'gateway/status-page.test.ts'
const LOG = 'gateway/access-log.test.ts'
const OPENAPI = 'gateway/openapi/openapi.test.ts'
const MONITORING: Tests = { file: 'test/gateway-monitoring.test.ts' }

export const gatewayMetrics: readonly Mutant[] = [
  ...mutants(
    'gateway/readiness',
    'gateway/readiness.ts',
    ['gateway/readiness.test.ts'],
    [
      ['the store', "store === 'ok' && !isClosing", '!isClosing'],
      ['closing', "store === 'ok' && !isClosing", "store === 'ok'"],
      ['a store that rejects', "return 'unavailable'", "return 'ok'"],
      ['the time limit', "setTimeout(() => resolve('timeout'), timeLimitMs)", 'setTimeout(() => {}, timeLimitMs)'],
      ['once a second', 'if (this.#last !== undefined && clock.nowMs()'],
      ['one at a time, though it hangs', 'this.#pending ??= ', 'this.#pending = '],
      ['the status', 'status: isReady ? 200 : 503', 'status: 200'],
    ],
  ),
  ...mutants(
    'gateway/counts',
    'gateway/metrics/counts.ts',
    ['gateway/metrics/counts.test.ts', METRICS],
    [
      ['names of our own only', 'counts.has(name) ? name : OTHER', 'name'],
      ['from zero', 'new Map([...names, OTHER].map((name) => [name, 0]))', 'new Map()'],
      ['the end belongs to its bucket', 'if (ms <= end) break', 'if (ms < end) break'],
      ['a stream that is over', 'this.#readers.delete(reader)', ''],
      ['the slowest in bytes', 'if (lag.bytes > bytes)'],
      ['the slowest in messages', 'if (lag.messages > messages)'],
      ['dropped', 'this.connectionsDropped += 1', ''],
      ['delivered', 'this.deliveries += count', ''],
    ],
  ),
  ...mutants(
    'gateway/rate',
    'gateway/metrics/rate.ts',
    ['gateway/metrics/counts.test.ts'],
    [['the last minute', 'this.#samples.shift()', 'break']],
  ),
  ...mutants(
    'gateway/registry',
    'gateway/metrics/registry.ts',
    [METRICS, MONITORING],
    [
      ['read when asked', 'this.reset()\n        this.inc(read())', 'this.inc(read())\n        this.inc(read())'],
      ['buckets add up', 'below += counts.publishTimes[i] ?? 0', 'below = counts.publishTimes[i] ?? 0'],
      ['seconds', 'value: counts.publishMs / 1000', 'value: 0'],
      ['process', 'collectDefaultMetrics({ register: registry })', ''],
    ],
  ),
  ...mutants(
    'gateway/metrics-server',
    'config/edge/metrics-server.ts',
    [METRICS],
    [
      ['nothing else', "if (path !== '/metrics' && path !== '/livez'"],
      ['GET only', "if (method !== 'GET')"],
      ['readiness', 'return json(status, body)', 'return json(200, body)'],
      ['says which port', 'throw new MetricsPortError(', 'throw error ?? new MetricsPortError('],
    ],
  ),
  ...mutants(
    'gateway/watching',
    'gateway/server.ts',
    [METRICS],
    [
      ['only when enabled', 'if (config.metrics.enabled) metrics = ', 'metrics = '],
      ['dropped connections', "server.on('drop', () => meter.dropped())", ''],
    ],
  ),
  ...mutants(
    'gateway/lag',
    'gateway/subscriber.ts',
    [METRICS],
    [
      ['bytes', 'bytes: this.#outgoing.writableLength, messages', 'bytes: 0, messages'],
      ['messages', 'Math.max(0, this.#log.nextId - this.#next)', '0'],
    ],
  ),
  ...mutants(
    'gateway/access-log',
    'gateway/access-log.ts',
    [LOG],
    [
      ['the route, not the address', "route: routeOf(c.req.path) ?? 'none'", 'route: c.req.path'],
      ['quiet when all is well', 'if (refusal === undefined && !isDebug) return', ''],
      ['so many a second', 'if (this.#taken >= LINES_PER_SECOND)'],
      ['none lost without a word', 'this.#skipped += 1', ''],
      [
        'ids of our own',
        'const known = outgoing.getHeader(REQUEST_ID)',
        'const known = outgoing.req?.headers[REQUEST_ID] ?? outgoing.getHeader(REQUEST_ID)',
      ],
      ['the id is in the answer', 'if (!outgoing.headersSent) outgoing.setHeader(REQUEST_ID, id)', ''],
    ],
  ),
  ...mutants(
    'config/edge/error-fields',
    'config/edge/error-fields.ts',
    ['config/edge/error-fields.test.ts', LOG],
    [
      ['no code that is text', ' && /^[A-Z][A-Z0-9_]{0,63}$/.test(code)', ''],
      [
        'places only',
        '/^ {4}at ((?:async )?[\\w$.<> [\\]]*\\(?(?:file:|node:|\\/)[^\\s()]+\\)?)$/.exec(line)?.[1] ?? []',
        'line',
      ],
    ],
  ),
  ...mutants(
    'gateway/openapi',
    'gateway/openapi/document.ts',
    [OPENAPI],
    [
      ['what every route can answer', '[...route.refusals, ...EVERYWHERE]', 'route.refusals'],
      ['parameters of rooms', "if (path.includes('{id}')) item"],
      ['tokens by mode', 'return isOpen ? [{}, ...needed] : needed', 'return needed'],
    ],
  ),
  ...mutants(
    'gateway/openapi-routes',
    'gateway/openapi/routes.ts',
    [OPENAPI],
    [
      ['a refusal', '        refusals.badTtl(),\n', ''],
      [
        'a header',
        "headers: { 'Event-ID': 'The id of its event' }",
        "headers: { 'Event-Number': 'The id of its event' }",
      ],
      ['a method', "method: 'delete',", "method: 'post',"],
      ['its length', 'template.length === segments.length && ', ''],
    ],
  ),
  ...mutants(
    'gateway/status-page',
    'gateway/status-page.ts',
    [PAGE],
    [
      ['escaping', 'return text.replace(', 'return text || text.replace('],
      ['near a limit', 'used >= NEAR_LIMIT', 'used > NEAR_LIMIT'],
      ['the policy', "createHash('sha256').update(STYLE)", "createHash('sha256').update('')"],
    ],
  ),
  ...mutants(
    'gateway/seen',
    'gateway/routes/seen.ts',
    [PAGE],
    [
      ['open mode', 'isFromHere(incoming) ? undefined : refusals.notFound()', 'undefined'],
      [
        'from this machine',
        'return isLoopbackPeer(socket.remoteAddress) && isLoopback(name)',
        'return isLoopback(name)',
      ],
      ['under its own name', ' && isLoopback(name) && ', ' && '],
      ['not through a proxy', ' && FORWARDED.every((header) => !(header in headers))', ''],
      ['not where others listen in', 'isPrivate ? withBearer(incoming) : incoming', 'withBearer(incoming)'],
      ['nor asked for there', 'granted.refusal.status !== 401 || !isPrivate', 'granted.refusal.status !== 401'],
      ['its rate', "return admission.request(granted.value.caller, 'status')", 'return undefined'],
    ],
  ),
  ...mutants(
    'gateway/status-right',
    'gateway/auth/rights.ts',
    [PAGE],
    [['belongs to no room', "(right === 'status' || matchesRoom(rooms, roomId))", 'matchesRoom(rooms, roomId)']],
  ),
  ...mutants(
    'deploy/alerts',
    'deploy/prometheus/gateway-rules.yaml',
    [MONITORING],
    [
      ['one that closes', ' and sign_gateway_closing == 0', ''],
      ['a metric that is not there', 'sign_gateway_cut_offs_total[10m]', 'sign_gateway_cutoffs_total[10m]'],
      ['a code that is not there', 'gateway_full|too_many_rooms', 'gateway_is_full|too_many_rooms'],
      ['half way', '(0.5 * sign_gateway_limit', '(5 * sign_gateway_limit'],
    ],
  ),
]
