/** What a log line may have, a request that comes again, places of sessions, and presignatures beyond a reload. */
import { type Mutant, mutants } from './mutant.ts'

const LOG_FIELDS = 'config/log-fields.test.ts'
const SERVICE_LOG = 'test/service-log.test.ts'
const FILE_POLICY = 'sign-service/policy/file-policy.test.ts'
const SESSIONS = 'sign-service/api/places.test.ts'
const RELOAD = 'test/service-reload.test.ts'

export const records: readonly Mutant[] = [
  ...mutants(
    'log/fields',
    'config/log-fields.ts',
    [LOG_FIELDS],
    [
      ['on the list', 'allowed.has(name) ? keptOf(fields[name]) : undefined', 'keptOf(fields[name])'],
      ['text is cut', 'value.slice(0, TEXT_LIMIT)', 'value'],
      ['lists are cut', 'value.slice(0, LIST_LIMIT)', 'value'],
    ],
  ),
  ...mutants(
    'log/logger',
    'config/logger.ts',
    [LOG_FIELDS],
    [
      ['lines', '...(pick && { log: pick })', ''],
      ['children', 'child.call(this, pick(bindings))', 'child.call(this, bindings)'],
      ['errors', '...(pick && { hooks: { logMethod: withoutErrors } })', ''],
    ],
  ),
  ...mutants(
    'log/ids',
    'sign-service/log.ts',
    [SERVICE_LOG],
    [
      ['of the request', 'return current.run({ requestId }, run)', 'return run()'],
      ['of the session', 'current.run({ requestId: randomUUID(), ...current.getStore(), session }, run)', 'run()'],
    ],
  ),
  ...mutants(
    'policy/again',
    'sign-service/policy/file-policy.ts',
    [FILE_POLICY],
    [
      ['from the start', 'request.attempt?.isPresigned === false ?', 'request.attempt !== undefined ?'],
      ['after a presignature', 'request.attempt?.isPresigned === true ?', 'request.attempt !== undefined ?'],
      ['by whom', 'const all = [from, o.httpCaller?.(),', "const all = ['', o.httpCaller?.(),"],
      ['by which caller', 'const all = [from, o.httpCaller?.(),', 'const all = [from,'],
      ['of what', "Buffer.from(digest).toString('hex'), String(attempt?.deadline)]", 'String(attempt?.deadline)]'],
      ['until when', ', String(attempt?.deadline)]', ']'],
    ],
  ),
  ...mutants(
    'policy/again',
    'sign-service/policy/journal.ts',
    [FILE_POLICY],
    [
      [
        'once',
        'this.#permits.set(id, { expires, attempt })',
        'this.#permits.set(id, { expires, attempt: attempt ?? this.#permits.get(id)?.attempt })',
      ],
    ],
  ),
  ...mutants(
    'api/places',
    'sign-service/api/sessions.ts',
    [SESSIONS],
    [
      ['over', 'const running = all.filter((s) => !s.visit.isAnswered)', 'const running = all'],
      ['of one caller', 'own.length >= sessionsPerCaller', 'false'],
      ['of all', 'running.length >= sessions ||', 'false ||'],
      ['left', 's.underWay === 0 && this.#now() - s.usedMs >= leftMs', 's.underWay === 0'],
      ['under way', 's.underWay === 0 && this.#now()', 'this.#now()'],
      ['not for ever', 'if (all.length - running.length >= OVER_KEPT * sessions)'],
    ],
  ),
  ...mutants(
    'serving/reload',
    'sign-service/serving.ts',
    [RELOAD],
    [
      ['the same share', 'return textOf(before) === textOf(after)', 'return true'],
      ['kept', 'if (heir?.presignatures === undefined) return', 'return'],
    ],
  ),
]
