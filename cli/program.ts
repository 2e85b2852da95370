/** The command line of wallet-mpc. */
import type { Command } from 'commander'
import { addListOption, addOption, type Host, required, runProgram } from '../config/program.ts'
import { table } from '../config/terminal.ts'
import { type AuditFlags, verifyAudit } from './audit.ts'
import { type AuthorityFlags, approve, permit } from './authority.ts'
import { verifyEvidence } from './evidence.ts'
import { type LockFlags, showLocks, unlock } from './locks.ts'
import { accountOf, type CommonFlags, openClient } from './open.ts'
import { accountText, describeAccount, describePublicKey } from './show.ts'
import { type SignFlags, sign } from './sign.ts'

/** Resolves with the exit code. */
export function runWalletMpc(host: Host): Promise<number> {
  return runProgram('wallet-mpc', host, (program) => {
    program.description('The client: shows accounts, and signs together with the other parties.')
    defineAccounts(program, host)
    definePublicKey(program, host)
    defineSign(program, host)
    defineAuthority(program, host)
    defineEvidence(program, host)
    defineAudit(program, host)
    defineLocks(program, host)
  })
}

function defineAccounts(program: Command, host: Host): void {
  const command = program.command('accounts').description('lists the accounts of the key share file')
  addCommonOptions(command).action(async (flags: CommonFlags) => {
    const { participant } = await openClient(host, flags)
    const accounts = participant.accounts()
    host.stdout.write(
      flags.json === true
        ? `${JSON.stringify(accounts.map(describeAccount))}\n`
        : accounts.map((a) => accountText(a)).join('\n'),
    )
  })
}

function definePublicKey(program: Command, host: Host): void {
  const command = program.command('public-key').description("prints an account's public key")
  addOption(command, '--account <id>', 'account')
  addCommonOptions(command).action(async (flags: CommonFlags & { readonly account?: string }) => {
    const id = required('--account', flags.account)
    const described = describePublicKey(accountOf(await openClient(host, flags), id))
    host.stdout.write(
      flags.json === true
        ? `${JSON.stringify(described)}\n`
        : table([
            ['account', described.account],
            ['address', described.address],
            ['public key', described.publicKey],
            ['uncompressed', described.publicKeyUncompressed],
          ]),
    )
  })
}

function defineSign(program: Command, host: Host): void {
  const command = program
    .command('sign')
    .description('signs a message, transaction or digest together with the other parties')
  addOption(command, '--account <id>', 'account')
  addPayloadOptions(command)
  addOption(command, '--permit <file>', 'a permit for it, from `wallet-mpc permit` or a system that makes them')
  addListOption(command, '--approval <file>', 'an approval of it, from `wallet-mpc approve`; may be given again')
  addOption(command, '--signers <list>', 'who signs, with commas, when there are more parties than it takes')
  addOption(command, '--deadline <seconds>', 'give up after this long (default: from the configuration, else 30)')
  addCommonOptions(command).action((flags: SignFlags) => sign(host, flags))
}

function defineAuthority(program: Command, host: Host): void {
  const define = (name: string, description: string, key: string, newKey: string) => {
    const command = program.command(name).description(description)
    addOption(command, '--new-key <file>', newKey)
    addOption(command, '--key <file>', key)
    addOption(command, '--account <id>', 'account')
    addOption(command, '--request-id <id>', 'id of the request; a permit is good for one signature of each id')
    addPayloadOptions(command)
    addOption(command, '--expires <seconds>', 'how long it is good for (default: 600)')
    return addOption(command, '--out <file>', 'where to write it (default: standard output)')
  }
  const key = 'file with the secret that permits are made with, mode 0600'
  define('permit', 'makes a permit to sign something once', key, 'make such a secret').action((flags: AuthorityFlags) =>
    permit(host, flags),
  )
  const own = 'file with the key of the approver, mode 0600'
  const made = 'make such a key, and print its public part for the policy'
  define('approve', 'shows what is to be signed, and approves it', own, made).action((flags: AuthorityFlags) =>
    approve(host, flags),
  )
}

function addPayloadOptions(command: Command): void {
  addOption(command, '--message <text>', 'sign this text')
  addOption(command, '--message-file <file>', 'sign the bytes of this file; - is standard input')
  addOption(command, '--transaction <0x…|file>', 'sign this unsigned Ethereum transaction, serialized')
  addOption(command, '--typed-data <file>', 'sign this typed data (EIP-712), as JSON')
  addOption(command, '--digest <0x…>', 'sign these 32 bytes as they are; the other party may refuse that')
  addOption(command, '--hash <name>', 'eip191, keccak256 or sha256, for a message or file (default: eip191)')
}

function defineEvidence(program: Command, host: Host): void {
  const evidence = program.command('evidence').description('judges what a party kept of an abort')
  const command = evidence
    .command('verify')
    .description('checks an evidence file offline and says who did what; exit code 5 when it proves nothing')
    .argument('<file>', 'a file that `sign` wrote when a peer made it abort')
    .option('--json', 'print JSON')
  command.action((file: string, flags: { readonly json?: boolean }) => verifyEvidence(host, file, flags.json === true))
}

function defineAudit(program: Command, host: Host): void {
  const audit = program.command('audit').description('looks at the record that a sign-service keeps')
  const command = audit
    .command('verify')
    .description('checks that no line of the record was changed, moved, or taken out')
    .argument('<file...>', 'audit.jsonl; several files are one record, the oldest first')
    .option('--json', 'print JSON')
  addOption(command, '--head <line>', 'a head that was kept elsewhere: number and hash of a line that must be there')
  addOption(command, '--after <line>', 'the last line of the files before, when those are not at hand')
  command.action((files: string[], flags: AuditFlags) => verifyAudit(host, files, flags))
}

function defineLocks(program: Command, host: Host): void {
  const folder = ['--folder <folder>', 'folder of the locks, for instance those of a sign-service'] as const
  const locks = program.command('locks').description('lists the accounts and peers that are locked after a failure')
  addOption(locks, ...folder)
  addCommonOptions(locks).action((flags: LockFlags) => showLocks(host, flags))
  const command = program
    .command('unlock')
    .description('lets an account sign with a peer again, after you looked why not')
  addOption(command, '--account <id>', 'account')
  addOption(command, '--peer <name>', 'the other party')
  addOption(command, ...folder)
  addCommonOptions(command).action((flags: LockFlags) => unlock(host, flags))
}

function addCommonOptions(command: Command): Command {
  addOption(command, '--gateway <url>', 'address of the gateway (default: from the configuration)')
  addOption(command, '--key-shares <file>', 'key share file (default: from the configuration)')
  addOption(command, '--keystore <folder>', 'folder of sealed key shares (default: from the configuration)')
  addOption(command, '--passphrase-file <file>', 'file with their passphrase, mode 0600 (default: asks for it)')
  addOption(command, '--passphrase-fd <n>', 'open file descriptor to read their passphrase from')
  addOption(command, '--age-identity-file <file>', 'age identities to open them with, mode 0600')
  addOption(command, '--config <file>', 'YAML file (default: config/client.yaml if it is there)')
  addOption(command, '--log-level <level>', 'trace, debug, info, warn, error, fatal or silent')
  addOption(command, '--log-format <format>', 'json or pretty')
  return command.option('--json', 'print JSON')
}
