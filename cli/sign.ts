/** `wallet-mpc sign`: one signature, together with the other signers. */
import { CommandError, withHint } from '../config/failure.ts'
import { type Host, required, wholeNumber } from '../config/program.ts'
import { requireSameParties } from '../config/same-parties.ts'
import { statusLine, table } from '../config/terminal.ts'
import { isUnauthorized, TOKEN_HINT } from '../config/token-file.ts'
import {
  type AccountInfo,
  describeSignature,
  type Evidence,
  type Payload,
  type SignatureDescription,
  type SigningStep,
  type SignResult,
  TransportError,
} from '../participant/index.ts'
import { keepEvidence } from '../participant/signer/evidence-file.node.ts'
import { readAuthority } from './authority.ts'
import { describePayload, payloadRows, signedForm } from './describe-payload.ts'
import { accountOf, type CommonFlags, openClient } from './open.ts'
import { type PayloadFlags, readPayload } from './payload.ts'

export interface SignFlags extends CommonFlags, PayloadFlags {
  readonly account?: string
  readonly permit?: string
  readonly approval?: readonly string[]
  readonly signers?: string
  readonly deadline?: string
}

const DAY_SECONDS = 86_400

/** Prints the signature. Throws what the participant throws, and CommandError for wrong flags. */
export async function sign(host: Host, flags: SignFlags): Promise<void> {
  const id = required('--account', flags.account)
  const payload = await readPayload(flags, host.stdin)
  const authority = await readAuthority(flags, id, payload)
  // before the files, so that a wrong flag is told first
  wholeNumber('--deadline', flags.deadline, 1, DAY_SECONDS, 1)
  const client = await openClient(host, flags)
  const { config, participant } = client
  const account = accountOf(client, id)
  requireSameParties(config, [account])
  const signers = readSigners(flags.signers, account)
  const seconds = wholeNumber('--deadline', flags.deadline, 1, DAY_SECONDS, config.signing.deadline_seconds)

  const others = (signers ?? account.members).filter((name) => name !== account.self).join(', ')
  const status = statusLine(host.stderr)
  const startedMs = Date.now()
  let evidence: readonly Evidence[] = []
  try {
    const result = await participant.sign({
      account: id,
      payload,
      ...(authority === undefined ? {} : { authority }),
      ...(signers === undefined ? {} : { signers }),
      deadlineMs: 1000 * seconds,
      signal: host.signal,
      onStep: (step) => status.show(stepText(step, others)),
      onEvidence: (kept) => {
        evidence = kept
      },
    })
    status.clear()
    const described = describeSignature(result)
    host.stdout.write(
      flags.json === true
        ? `${JSON.stringify({ ...described, ...parsedForm(payload, result) })}\n`
        : signatureText(described, payload, result),
    )
  } catch (error) {
    if (evidence.length > 0) throw withHint(error as Error, `evidence: ${(await keepEvidence(evidence)).join(', ')}`)
    if (!(error instanceof TransportError)) throw error
    const tokenProblem = client.tokenProblem()
    if (tokenProblem !== undefined) throw new TransportError(tokenProblem, [], { cause: error })
    if (isUnauthorized(error)) throw withHint(error, TOKEN_HINT)
    if (client.wasConnected()) throw withHint(error, `the gateway is there; is ${others} running and connected to it?`)
    if (Date.now() - startedMs < 1000 * seconds) throw error
    const message = `no connection to the gateway at ${config.gateway.url} within ${seconds} s`
    throw withHint(new TransportError(message, [], { cause: error }), 'is it running? --gateway says where')
  } finally {
    status.clear()
    participant.close()
  }
}

/** In the order of the roster; undefined without the flag. Throws CommandError. */
function readSigners(list: string | undefined, account: AccountInfo): readonly string[] | undefined {
  if (list === undefined) return undefined
  const { members, self, threshold } = account
  const names = list.split(',').map((name) => name.trim())
  const unknown = names.some((name) => !members.includes(name))
  if (unknown) throw new CommandError(`--signers: expected names among ${members.join(', ')}`)
  if (!names.includes(self)) throw new CommandError(`--signers: expected this party, ${self}, among them`)
  if (names.length !== threshold || new Set(names).size !== threshold) {
    throw new CommandError(`--signers: expected ${threshold} distinct names`)
  }
  return members.filter((name) => names.includes(name))
}

function stepText(step: SigningStep, others: string): string {
  switch (step) {
    case 'inviting':
      return `waiting for ${others}`
    case 'joined':
      return 'all signers are there'
    case 'presigning':
      return 'making a nonce together'
    case 'signing':
      return 'signing'
    default:
      return step satisfies never
  }
}

/** What was signed, of what can be parsed, and the signed transaction. */
function parsedForm(payload: Payload, { signature }: SignResult) {
  const signedAs = signedForm(payload, signature)
  const described = describePayload(payload)
  return {
    ...(Object.keys(described).length === 0 ? {} : { signed: described }),
    ...(signedAs === undefined ? {} : { signedTransaction: signedAs }),
  }
}

function signatureText(d: SignatureDescription, payload: Payload, { signature }: SignResult): string {
  const signedAs = signedForm(payload, signature)
  return table([
    ['account', d.account],
    ['address', d.address],
    ...payloadRows(payload),
    ['digest', d.digest],
    ['r', d.r],
    ['s', d.s],
    ['v', `${d.v} (recovery id ${d.recovery})`],
    ['signature', d.signature],
    ['der', d.der],
    ...(signedAs === undefined ? [] : [['signed transaction', signedAs] as const]),
  ])
}
