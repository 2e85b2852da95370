/**
 * `key-gen join`: makes key shares together with the other parties, through the gateway. The private key never exists
 * anywhere. Who came is shown as a fingerprint that people compare over another channel than this one.
 */
import { CommandError, withHint } from '../config/failure.ts'
import { type Asking, ask, progressBar, type StatusLine } from '../config/terminal.ts'
import { isUnauthorized, openTokenFile, TOKEN_HINT } from '../config/token-file.ts'
import {
  type CeremonyEvent,
  CGGMP24_3072,
  connectGateway,
  generateShares,
  type KeyShare,
  PeerStopped,
  ProtocolAbort,
  TransportError,
} from '../participant/index.ts'
import type { AuxSecrets } from '../participant/key-share/deal.ts'
import { createWorkerPool } from '../participant/zk/work-pool.node.ts'

/** How the fingerprint is confirmed: by a person here, by a line on standard input, or not at all. */
export type Confirmation = 'ask' | 'stdin' | 'yes'

export interface JoinOptions {
  readonly gatewayUrl: string
  readonly tokenFile: string | undefined
  readonly room: string
  readonly name: string
  readonly parties: number
  readonly threshold: number
  readonly accounts: readonly string[]
  readonly deadlineMs: number
  readonly confirmation: Confirmation
  readonly terminal: Asking
  readonly status: StatusLine
  /** Made already, and used nowhere else. */
  readonly moduli?: Promise<AuxSecrets>
}

const START_AGAIN =
  'nothing was written here; all parties start again with a fresh --room, and with --force where one did write its file'

/** Our shares by account. Throws what `generateShares` throws. */
export async function join(o: JoinOptions): Promise<ReadonlyMap<string, KeyShare>> {
  const { gatewayUrl, room, name, parties, threshold, accounts, deadlineMs, terminal, status } = o
  let connected = false
  let tokenProblem: string | undefined
  const headers = await openTokenFile(o.tokenFile, (problem) => {
    tokenProblem = problem
  })
  const gateway = connectGateway({
    url: gatewayUrl,
    trace: (event) => (connected ||= event.at === 'open'),
    ...(headers !== undefined && { headers }),
  })
  status.show(`waiting for ${parties - 1} more`)
  const startedMs = Date.now()
  const work = createWorkerPool()
  try {
    return await generateShares({
      gateway,
      room,
      name,
      parties,
      threshold,
      accounts,
      level: CGGMP24_3072,
      deadlineMs,
      work,
      signal: terminal.signal,
      confirm: (fingerprint, members) => confirm(o, fingerprint, members),
      onProgress: (event) => report(event, o),
      ...(o.moduli === undefined ? {} : { moduli: o.moduli }),
    })
  } catch (error) {
    if (error instanceof TransportError && tokenProblem !== undefined) {
      throw new TransportError(tokenProblem, [], { cause: error })
    }
    if (error instanceof TransportError && isUnauthorized(error)) throw withHint(error, TOKEN_HINT)
    if (connected && !terminal.signal.aborted && isFailedCeremony(error)) throw withHint(error, START_AGAIN)
    if (!(error instanceof TransportError) || connected || Date.now() - startedMs < deadlineMs) throw error
    const message = `no connection to the gateway at ${gatewayUrl} within ${deadlineMs / 1000} s`
    throw withHint(new TransportError(message, [], { cause: error }), 'is it running? --gateway says where')
  } finally {
    await work.close()
  }
}

/** Broken off by the network, a deadline or another party; it may go well the next time. */
function isFailedCeremony(error: unknown): error is Error {
  return error instanceof TransportError || error instanceof PeerStopped || error instanceof ProtocolAbort
}

async function confirm(o: JoinOptions, fingerprint: string, members: readonly string[]): Promise<boolean> {
  const { status, terminal, confirmation } = o
  status.clear()
  status.print(`parties      ${members.join(', ')}`)
  status.print(`fingerprint  ${fingerprint}`)
  if (confirmation === 'yes') {
    status.print('The fingerprint was not compared (--yes): whoever runs the gateway could be between the parties.')
    return true
  }
  if (confirmation === 'stdin') return sameFingerprint((await ask('', terminal)) ?? '', fingerprint)
  status.print('Compare it with all others over another channel, for example by telephone.')
  const answer = await ask('Do all of them see this fingerprint? Type yes: ', terminal)
  return answer?.trim().toLowerCase() === 'yes'
}

export function sameFingerprint(given: string, fingerprint: string): boolean {
  return given.trim().toLowerCase() === fingerprint
}

function report(event: CeremonyEvent, o: JoinOptions): void {
  if (event.at === 'other-terms') {
    o.status.print(`key-gen: ${event.member} came with other ${event.term}; waiting for it to come with ours`)
    return
  }
  const text = stepText(event, o)
  if (text === undefined) o.status.clear()
  else o.status.show(text)
}

function stepText(
  event: Exclude<CeremonyEvent, { at: 'other-terms' }>,
  { name, parties }: JoinOptions,
): string | undefined {
  switch (event.at) {
    case 'primes':
      return `making primes ${progressBar(event.made, event.of, 'moduli')}`
    case 'hello': {
      const others = event.members.filter((id) => id !== name)
      return `here: ${others.join(', ') || 'nobody else'}; ${others.length} of ${parties - 1} others`
    }
    case 'aux-info':
      return 'proving the moduli'
    case 'keygen':
      return `making the key of ${event.account}`
    case 'agreed':
    case 'done':
      return undefined
    default:
      return event satisfies never
  }
}

/** Throws CommandError when nobody could answer. */
export function confirmationOf(
  flags: { readonly yes?: boolean; readonly fingerprint?: string },
  isTerminal: boolean,
): Confirmation {
  if (flags.fingerprint !== undefined) {
    if (flags.yes === true) throw new CommandError('--yes, --fingerprint: expected one of them')
    if (flags.fingerprint !== '-') {
      throw new CommandError(
        '--fingerprint: expected - for standard input',
        'every ceremony makes fresh keys, so that a fingerprint is known only once all parties are there',
      )
    }
    return 'stdin'
  }
  if (flags.yes === true) return 'yes'
  if (!isTerminal) {
    throw new CommandError(
      'the fingerprint has to be confirmed, and this is no terminal',
      '--fingerprint - takes it from standard input; --yes goes on without comparing',
    )
  }
  return 'ask'
}
