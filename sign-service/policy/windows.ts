/** Windows of time, in UTC: days of the week, and hours of each. A window begins with its first minute and ends before `to`. */
import { DAYS, type RuleFile } from './schema.ts'

export type Windows = NonNullable<RuleFile['times']>

export function isWithin(windows: Windows, nowMs: number): boolean {
  const now = new Date(nowMs)
  const day = DAYS[now.getUTCDay()]
  const minutes = 60 * now.getUTCHours() + now.getUTCMinutes()
  return windows.some(
    (w) => day !== undefined && w.days.includes(day) && minutes >= minutesOf(w.from) && minutes < minutesOf(w.to),
  )
}

function minutesOf(time: string): number {
  const [hours = '0', minutes = '0'] = time.split(':')
  return 60 * Number(hours) + Number(minutes)
}
