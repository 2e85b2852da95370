/**
 * The clock, against the Date header of the gateway. Invitations carry a deadline, so a clock that is off by more than a
 * few seconds refuses what it should sign. Any answer will do, a refusal too: it is only the header that is read.
 */
import { type Finding, fail, ok, warn } from './finding.ts'

const ANSWER_MS = 5_000
const WARN_SECONDS = 5
const FAIL_SECONDS = 30

export async function clockFindings(gateway: string): Promise<readonly Finding[]> {
  const startedMs = Date.now()
  let response: Response
  try {
    response = await fetch(`${gateway}/health`, { redirect: 'manual', signal: AbortSignal.timeout(ANSWER_MS) })
    await response.body?.cancel()
  } catch {
    return [fail('gateway', `${gateway}: no answer`, 'without it nothing is signed; --offline leaves this out')]
  }
  const endedMs = Date.now()
  const reached = ok('gateway', `${gateway}: answers`)
  const theirs = Date.parse(response.headers.get('date') ?? '')
  if (Number.isNaN(theirs)) return [reached, warn('clock', `${gateway}: says no date, so the clock was not compared`)]
  return [reached, clockFinding(offSeconds(theirs, startedMs, endedMs))]
}

/**
 * How far our clock is from theirs, as far as that is certain: it read some time between our two readings, and was cut to
 * a second. Negative when ours is behind.
 */
export function offSeconds(theirsMs: number, startedMs: number, endedMs: number): number {
  if (startedMs > theirsMs + 1000) return (startedMs - theirsMs - 1000) / 1000
  if (endedMs < theirsMs) return (endedMs - theirsMs) / 1000
  return 0
}

function clockFinding(off: number): Finding {
  const seconds = Math.round(Math.abs(off))
  const message =
    seconds === 0 ? "agrees with the gateway's" : `is ${seconds} s ${off < 0 ? 'behind' : 'ahead of'} the gateway's`
  const hint = 'set one of the two clocks, for instance with NTP'
  if (seconds > FAIL_SECONDS) return fail('clock', message, hint)
  return seconds > WARN_SECONDS ? warn('clock', message, hint) : ok('clock', message)
}
