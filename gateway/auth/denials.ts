/**
 * How often somebody may show a token that is no good: a bucket of its own, far smaller than that for requests, so that
 * nobody tries tokens by the thousand, and nobody has signatures checked for them at will.
 *
 * Each token that isn't known to be good takes a place before it is looked at, and gets it back when it is. So there is no
 * more to be had by trying many at the same time. Callers who are refused for another reason (no token, one that does not
 * allow it) use up a place as well, and are answered with 429 in place of 401 or 403 when there is none.
 */
import { Buckets } from '../../config/edge/buckets.ts'
import type { GatewayConfig } from '../../config/schema.ts'
import type { Clock } from '../clock.ts'
import { type Refusal, refusals } from '../refusal.ts'
import type { Found } from '../store.ts'

/** About 10 MB at most. */
const MAX_CALLERS = 65_536

export interface Denials {
  /** A place for a token of this caller to be looked at; the value gives it back, for a token that was good. */
  attempt(caller: string): Found<() => void>
  /** The answer to a caller that is refused for this. */
  deny(caller: string, refusal: Refusal): Refusal
}

export function createDenials(limits: GatewayConfig['limits'], clock: Clock, maxCallers = MAX_CALLERS): Denials {
  const { denials_per_second: perSecond, denial_burst: burst } = limits
  const buckets = new Buckets({ perSecond, burst, maxCallers })
  const attempt = (caller: string): Found<() => void> => {
    const waitMs = buckets.take(caller, clock.nowMs())
    if (waitMs > 0) return { ok: false, refusal: refusals.tooManyRequests(Math.ceil(waitMs / 1000)) }
    return { ok: true, value: () => buckets.giveBack(caller) }
  }
  return {
    attempt,
    deny(caller, refusal) {
      const place = attempt(caller)
      return place.ok ? refusal : place.refusal
    },
  }
}
