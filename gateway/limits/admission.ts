/**
 * How much one caller may ask for: requests in a second, and streams at once. A caller is the subject of a token, or the
 * remote address where there are none (address.ts).
 *
 * Callers are counted in this process only. Several gateways on one store each grant the whole limit, which is what one
 * wants when a gateway is lost: nobody is refused for what another instance has served.
 */

import { Buckets } from '../../config/edge/buckets.ts'
import type { GatewayConfig } from '../../config/schema.ts'
import type { Clock } from '../clock.ts'
import type { Admission } from '../hooks.ts'
import { refusals } from '../refusal.ts'
import type { Found } from '../store.ts'

/** About 10 MB at most. */
const MAX_CALLERS = 65_536

export function createAdmission(limits: GatewayConfig['limits'], clock: Clock, maxCallers = MAX_CALLERS): Admission {
  const { requests_per_second: perSecond, request_burst: burst, subscribers_per_caller: maxStreams } = limits
  const buckets = new Buckets({ perSecond, burst, maxCallers })
  // Bounded by the connections that the streams are on: a count of zero is forgotten.
  const streams = new Map<string, number>()

  return {
    request: (caller: string) => {
      const waitMs = buckets.take(caller, clock.nowMs())
      return waitMs === 0 ? undefined : refusals.tooManyRequests(Math.ceil(waitMs / 1000))
    },
    stream: (caller: string): Found<() => void> => {
      const open = streams.get(caller) ?? 0
      if (open >= maxStreams) return { ok: false, refusal: refusals.tooManyStreams() }
      streams.set(caller, open + 1)
      let isOpen = true
      const release = () => {
        if (!isOpen) return
        isOpen = false
        const left = (streams.get(caller) ?? 1) - 1
        if (left === 0) streams.delete(caller)
        else streams.set(caller, left)
      }
      return { ok: true, value: release }
    },
  }
}
