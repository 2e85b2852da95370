/** The command line of key-gen. */
import { join as joinPath } from 'node:path'
import type { Command } from 'commander'
import { CommandError } from '../config/failure.ts'
import { loadClientConfig } from '../config/load.ts'
import {
  addListOption,
  addOption,
  type Host,
  namingFlags,
  required,
  runProgram,
  wholeNumber,
} from '../config/program.ts'
import { progressBar, statusLine } from '../config/terminal.ts'
import type { AuxSecrets } from '../participant/key-share/deal.ts'
import { deal, makeSecrets } from './deal.ts'
import { confirmationOf, join } from './join.ts'
import { readAccounts, readGroup, readName, readNames, shareFileName } from './options.ts'
import { type Report, reportOf, reportText } from './report.ts'
import { defineSeal, defineUnseal } from './sealing.ts'
import { requireWritable, writeShares } from './targets.ts'

const DAY_SECONDS = 86_400
const DEFAULT_DEADLINE_SECONDS = 600

const DEALER_NOTE =
  'A dealer made these keys: this process has seen the whole private key of each account. ' +
  'With `key-gen join` it never exists in one place.'

/** After the last message nobody can know whether another party died before it wrote its file. */
const JOIN_NOTE =
  'These keys are good when every party has reported this fingerprint and these addresses. Use no address before that; ' +
  'if a party has not, all start again with a fresh --room, and those that have a file with --force.'

/** Where secret moduli come from; searching for them takes most of the time. */
export interface ModuliSource {
  readonly ofAll: typeof makeSecrets
  /** Our own, for `join`; made and reported by the ceremony itself when absent. */
  readonly own?: () => Promise<AuxSecrets>
}

const FRESH: ModuliSource = { ofAll: makeSecrets }

/** Resolves with the exit code. */
export function runKeyGen(host: Host, moduli: ModuliSource = FRESH): Promise<number> {
  return runProgram('key-gen', host, (program) => {
    program.description(
      'Makes key shares: by a dealer for a start, or together with the other parties. Seals and unseals them.',
    )
    defineDeal(program, host, moduli)
    defineJoin(program, host, moduli)
    defineSeal(program, host)
    defineUnseal(program, host)
  })
}

interface DealFlags {
  readonly account?: readonly string[]
  readonly threshold?: string
  readonly parties?: string
  readonly names?: string
  readonly outDir?: string
  readonly force?: boolean
  readonly json?: boolean
}

function defineDeal(program: Command, host: Host, moduli: ModuliSource): void {
  const command = program
    .command('deal')
    .description('makes the shares of all parties here; this process sees the whole key')
  addListOption(command, '--account <id>', 'account to make a key for; may be repeated')
  addOption(command, '--threshold <t>', 'how many parties it takes to sign (default: 2)')
  addOption(command, '--parties <n>', 'how many parties there are (default: 2)')
  addOption(command, '--names <list>', 'their names, with commas (default: client,service or party-1,party-2,…)')
  addOption(command, '--out-dir <folder>', 'where to write <name>_key_shares.json (default: this folder)')
  command
    .option('--force', 'overwrite files that exist')
    .option('--json', 'print one JSON object')
    .action(async (flags: DealFlags) => {
      const accounts = readAccounts(flags.account)
      const { parties: n, threshold } = readGroup(flags.parties, flags.threshold, flags.names?.split(',').length)
      const parties = readNames(flags.names, n)
      const force = flags.force === true
      const folder = flags.outDir ?? '.'
      if (folder === '') throw new CommandError('--out-dir: expected a folder')
      const pathOf = (party: string): string => joinPath(folder, shareFileName(party))
      await requireWritable(parties.map(pathOf), { flag: '--out-dir', force })

      const status = statusLine(host.stderr)
      const onProgress = (made: number, of: number): void => {
        const line = `making primes ${progressBar(made, of, 'moduli')}`
        if (host.stderr.isTTY === true) status.show(line)
        else status.print(`key-gen: making primes, ${made} of ${of} moduli`)
      }
      const secrets = await moduli.ofAll({ parties, signal: host.signal, onProgress }).finally(() => status.clear())
      const dealt = [...deal({ parties, threshold, accounts, secrets })].map(([party, shares]) => {
        return { party, path: pathOf(party), shares }
      })
      host.signal.throwIfAborted()
      await writeShares(dealt, force)

      const [first] = dealt
      if (first === undefined) throw new RangeError('expected at least one party')
      print(
        host,
        reportOf(
          first.shares,
          dealt.map(({ party, path }) => ({ party, path })),
        ),
        flags.json,
      )
      host.stderr.write(`key-gen: ${DEALER_NOTE}\n`)
    })
}

interface JoinFlags {
  readonly gateway?: string
  readonly config?: string
  readonly room?: string
  readonly account?: readonly string[]
  readonly name?: string
  readonly parties?: string
  readonly threshold?: string
  readonly out?: string
  readonly force?: boolean
  readonly fingerprint?: string
  readonly yes?: boolean
  readonly deadline?: string
  readonly json?: boolean
}

function defineJoin(program: Command, host: Host, moduli: ModuliSource): void {
  const command = program
    .command('join')
    .description('makes our share together with the other parties, through the gateway; nobody ever sees the key')
  addOption(command, '--room <name>', 'name that all parties agreed on, a fresh one for each ceremony')
  addListOption(command, '--account <id>', 'account to make a key for; may be repeated, in the same order for all')
  addOption(command, '--name <name>', 'our own name')
  addOption(command, '--parties <n>', 'how many parties there are (default: 2)')
  addOption(command, '--threshold <t>', 'how many parties it takes to sign (default: 2)')
  addOption(command, '--gateway <url>', 'address of the gateway (default: from the configuration)')
  addOption(command, '--config <file>', 'YAML file (default: config/client.yaml if it is there)')
  addOption(command, '--out <file>', 'where to write our share (default: <name>_key_shares.json)')
  command.option('--force', 'overwrite a file that exists')
  addOption(command, '--fingerprint <source>', 'go on if standard input (-) says the fingerprint, instead of asking')
  command.option('--yes', 'go on without comparing the fingerprint')
  addOption(command, '--deadline <seconds>', `give up after this long (default: ${DEFAULT_DEADLINE_SECONDS})`)
  command.option('--json', 'print one JSON object').action(async (flags: JoinFlags) => {
    const room = required('--room', flags.room)
    if (!/^[A-Za-z0-9._-]{1,100}$/.test(room)) {
      throw new CommandError('--room: expected 1 to 100 letters, digits, dots, dashes or underscores')
    }
    const accounts = readAccounts(flags.account)
    const name = readName('--name', required('--name', flags.name))
    const group = readGroup(flags.parties, flags.threshold)
    const seconds = wholeNumber('--deadline', flags.deadline, 1, DAY_SECONDS, DEFAULT_DEADLINE_SECONDS)
    const { url, token_file } = namingFlags({ 'gateway.url': '--gateway' }, () =>
      loadClientConfig({ file: flags.config, flags: { 'gateway.url': flags.gateway }, env: host.env }),
    ).gateway
    const isTerminal = host.stdin.isTTY === true && host.stderr.isTTY === true
    const confirmation = confirmationOf(flags, isTerminal)
    const path = flags.out ?? shareFileName(name)
    const force = flags.force === true
    if (path === '') throw new CommandError('--out: expected a file name')
    await requireWritable([path], { flag: '--out', force })

    const status = statusLine(host.stderr)
    const shares = await join({
      ...group,
      gatewayUrl: url,
      tokenFile: token_file,
      room,
      name,
      accounts,
      deadlineMs: 1000 * seconds,
      confirmation,
      terminal: host,
      status,
      ...(moduli.own === undefined ? {} : { moduli: moduli.own() }),
    }).finally(() => status.clear())
    host.signal.throwIfAborted()
    await writeShares([{ path, shares }], force)
    print(host, reportOf(shares, [{ party: name, path }]), flags.json)
    host.stderr.write(`key-gen: ${JOIN_NOTE}\n`)
  })
}

function print(host: Host, report: Report, asJson = false): void {
  host.stdout.write(asJson ? `${JSON.stringify(report)}\n` : reportText(report))
}
