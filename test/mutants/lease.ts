/** What a lease is taken by, and what is asked before anything is said or written under it. */
import { type Mutant, mutants } from './mutant.ts'

const at = (name: string): string => `sign-service/lease/${name}.ts`
const LEASE = at('lease.test')
const GUARD = at('guard.test')
const CONFIG = 'config/lease.test.ts'

export const lease: readonly Mutant[] = [
  ...mutants(
    'lease/lease',
    at('lease'),
    [LEASE],
    [
      ['not before its time', 'if (seen.watch.leastMs() >= Math.max(', 'if (seen.watch.leastMs() >= 0 * Math.max('],
      ['the time of its holder', 'found.lease.durationMs ?? 0)', '0)'],
      ['a change starts it again', 'if (seen?.version !== version) seen', 'if (seen === undefined) seen'],
      ['time awake of who waits', 'seen.watch.leastMs()', 'seen.watch.mostMs()'],
      ['ours by an unanswered write', ' && found.lease.holder !== o.identity) {', ') {'],
      ['what is final', 'if (!isFinal) return', 'return'],
      ['the deadline', 'renewed.mostMs() >= o.deadlineMs', 'false'],
      ['time asleep of who holds', 'renewed.mostMs() >=', 'renewed.leastMs() >='],
      ['from before it was sent', '[answer.lease, sent]', '[answer.lease, startStopwatch(clocks)]'],
      ['by the clock', 'const timer = setInterval(isHeld,', 'const timer = setInterval(() => undefined,'],
      ['removed', "if (found.is === 'missing') return lose", 'if (false) return lose'],
      ['another holder', 'if (found.lease.holder !== o.identity) return lose', 'if (false) return lose'],
      ['a version that moved on', 'record = found.lease\n  }\n  const renewing', '}\n  const renewing'],
    ],
  ),
  ...mutants(
    'lease/record',
    at('record'),
    [LEASE],
    [
      ['a lease of this name', ' || parsed.data.metadata.name !== name', ''],
      ['kind', "z.literal('Lease')", 'z.string()'],
      ['version', "z.literal('coordination.k8s.io/v1')", 'z.string()'],
      ['form of times', "replace(/Z$/, '000Z')", "replace(/Z$/, 'Z')"],
      ['fields of others', '...object.spec,\n      holderIdentity: o.holder', 'holderIdentity: o.holder'],
    ],
  ),
  ...mutants(
    'lease/api',
    at('api'),
    [LEASE],
    [
      ['form of the token', 'if (!TOKEN.test(token))'],
      ['form of the namespace', 'if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(namespace))'],
      ['authority', '        ca,\n        agent', '        rejectUnauthorized: false,\n        agent'],
    ],
  ),
  ...mutants(
    'lease/guard',
    at('guard'),
    [GUARD],
    [
      ['requests', 'lease.isHeld() ? globalThis', 'true ? globalThis'],
      ['rooms', 'if (!lease.isHeld()) throw new TransportError(OVER)'],
      ['the record', 'lease.isHeld() ? audit.append', 'true ? audit.append'],
      ['a new file for the record', 'lease.isHeld() ? audit.reopen', 'true ? audit.reopen'],
      ['shares', 'if (!lease.isHeld()) throw new StateError(OVER)'],
    ],
  ),
  ...mutants(
    'lease/http',
    'sign-service/api/open.ts',
    [GUARD],
    [['answers', 'if (mayAnswer()) return answer', 'return answer']],
  ),
  ...mutants(
    'lease/config',
    'config/lease.ts',
    [CONFIG],
    [
      ['room for clocks', 'if (5 * lease.renew_deadline_seconds > 4 * lease.duration_seconds)'],
      ['two tries', 'if (2 * lease.renew_seconds > lease.renew_deadline_seconds)'],
      ['only https', '/^https:', '/^https?:'],
      ['only with a lease', "if (lease[key] !== undefined) problem(key, 'expected only"],
    ],
  ),
]
