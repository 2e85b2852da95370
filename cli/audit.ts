/** `wallet-mpc audit verify`: whether a record of the service is whole. */
import { type Head, parseHead } from '../config/audit/chain.ts'
import { verifyAuditLog } from '../config/audit/verify.ts'
import { CommandError } from '../config/failure.ts'
import type { Host } from '../config/program.ts'

export interface AuditFlags {
  readonly head?: string
  readonly after?: string
  readonly json?: boolean
}

/** Prints the head of the log. Throws CommandError that names the place where the chain breaks. */
export async function verifyAudit(host: Host, files: readonly string[], flags: AuditFlags): Promise<void> {
  const { head, problem } = await verifyAuditLog(files, {
    expected: headOf('--head', flags.head),
    after: headOf('--after', flags.after),
  })
  if (problem !== undefined) {
    throw new CommandError(
      `${problem} (whole up to line ${head.seq})`,
      'keep the file as it is; docs/sign-service-operations.md says what to do',
    )
  }
  host.stdout.write(
    flags.json === true ? `${JSON.stringify(head)}\n` : `whole: ${head.seq} lines\nhead: ${head.seq} ${head.hash}\n`,
  )
}

function headOf(flag: string, text: string | undefined): Head | undefined {
  const head = text === undefined ? undefined : parseHead(text)
  if (text !== undefined && head === undefined) {
    throw new CommandError(`${flag}: expected a line number and a hash, as \`audit verify\` prints them`)
  }
  return head
}
