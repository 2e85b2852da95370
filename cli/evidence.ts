/** `wallet-mpc evidence verify`: judges the files that are kept when a peer makes a signing abort. */
import { readFile } from 'node:fs/promises'
import { CommandError } from '../config/failure.ts'
import type { Host } from '../config/program.ts'
import { table } from '../config/terminal.ts'
import { requireProduction } from '../participant/base/level.ts'
import { convicts, ethereumAddress, fingerprint, ProtocolAbort, parseEvidence } from '../participant/index.ts'

/** Says who did what. Throws ProtocolAbort, naming nobody, when the file proves nothing; CommandError or DecodeError. */
export async function verifyEvidence(host: Host, file: string, json: boolean): Promise<void> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch {
    throw new CommandError(`evidence: ${file}: can't be read`)
  }
  const { fault, context } = parseEvidence(text)
  requireProduction(context.level)
  const proven = await convicts(fault, context)
  const [publicKey] = context.feldman ?? []
  const said = {
    proven,
    culprit: fault.culprit,
    protocol: fault.protocol,
    round: fault.round,
    code: fault.code,
    check: fault.check,
    account: context.account,
    address: publicKey === undefined ? undefined : ethereumAddress(publicKey),
    fingerprint: fingerprint(context.roster),
  }
  if (json) host.stdout.write(`${JSON.stringify(said)}\n`)
  if (!proven) throw new ProtocolAbort(`evidence: nothing is proven against ${fault.culprit}`, [])
  if (json) return
  host.stdout.write(
    table([
      ['proven', `${said.culprit} broke ${said.protocol}, round ${said.round}: ${said.check} (${said.code})`],
      ['account', said.account],
      ...(said.address === undefined ? [] : [['address', said.address] as [string, string]]),
      ['fingerprint', `${said.fingerprint}: compare it with the roster you know`],
    ]),
  )
}
