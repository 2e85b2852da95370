/** What the doctor finds: one line for each thing it looked at. */
import { failureOf } from '../../config/failure.ts'

export interface Finding {
  readonly check: string
  readonly status: 'ok' | 'warn' | 'fail'
  readonly message: string
  /** What to do about it. */
  readonly hint?: string | undefined
}

export const ok = (check: string, message: string): Finding => ({ check, status: 'ok', message })
export const warn = (check: string, message: string, hint?: string): Finding => ({
  check,
  status: 'warn',
  message,
  hint,
})
export const fail = (check: string, message: string, hint?: string): Finding => ({
  check,
  status: 'fail',
  message,
  hint,
})

/** What the work returns, or its error in the words that the program itself would use. */
export async function attempt(check: string, work: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await work()
  } catch (error) {
    const { message, hint } = failureOf(error)
    return [fail(check, message, hint)]
  }
}

/** One line for each, the worst marked; no colours, so that it can be sent to somebody. */
export function findingsText(findings: readonly Finding[]): string {
  const marks = { ok: 'ok    ', warn: 'warn  ', fail: 'FAIL  ' } as const
  const lines = findings.flatMap(({ status, check, message, hint }) => [
    `${marks[status]}${check}: ${message}`,
    ...(hint === undefined ? [] : [`      ${hint}`]),
  ])
  return `${lines.join('\n')}\n`
}
