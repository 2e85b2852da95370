/**
 * `wallet-mpc permit` and `wallet-mpc approve`: files that show that a request may be signed, for signers whose policy asks
 * for them. `sign` takes them with --permit and --approval.
 */
import { readFile } from 'node:fs/promises'
import { CommandError } from '../config/failure.ts'
import { type Host, required, wholeNumber } from '../config/program.ts'
import { readKeptFile } from '../config/secret-file.ts'
import { table } from '../config/terminal.ts'
import { type Authority, digestOf, MpcError, type Payload, Secret, systemRandom } from '../participant/index.ts'
import { writeFileAtomic } from '../participant/key-share/file.node.ts'
import { REQUEST_ID } from '../participant/signer/authority.ts'
import {
  approverOf,
  authorityOf,
  makeApprovalFile,
  makePermitFile,
  parseApproverKey,
  parsePermitKey,
} from '../participant/signer/authority-file.ts'
import { payloadKind } from '../participant/signer/kind.ts'
import { messageRows, payloadRows } from './describe-payload.ts'
import { type PayloadFlags, readPayload } from './payload.ts'

export interface AuthorityFlags extends PayloadFlags {
  readonly account?: string
  readonly requestId?: string
  readonly key?: string
  readonly newKey?: string
  readonly expires?: string
  readonly out?: string
}

const DAY_SECONDS = 86_400
const DEFAULT_SECONDS = 600
const MAX_FILE_BYTES = 65_536

/** Makes a permit, or a key for permits. Throws CommandError, ConfigError or StateError. */
export async function permit(host: Host, flags: AuthorityFlags): Promise<void> {
  if (flags.newKey !== undefined) {
    await writeKey(flags, flags.newKey, new Secret(systemRandom.bytes(32)))
    host.stdout.write(`written: ${flags.newKey}\n`)
    return
  }
  const { request, expires } = await about(host, flags)
  const key = await readKey(flags, parsePermitKey, '64 to 128 hex digits')
  await put(host, flags, makePermitFile(key, request, expires))
}

/** Approves a request, or makes a key of an approver and prints its public part. Throws as `permit` does. */
export async function approve(host: Host, flags: AuthorityFlags): Promise<void> {
  if (flags.newKey !== undefined) {
    const made = new Secret(systemRandom.bytes(32))
    await writeKey(flags, flags.newKey, made)
    host.stdout.write(`${Buffer.from(approverOf(made)).toString('hex')}\n`)
    return
  }
  const { request, payload, expires } = await about(host, flags)
  const key = await readKey(flags, parseApproverKey, '64 hex digits')
  const kind = payloadKind(payload)
  if (kind === 'disguised') {
    throw new CommandError(
      'these bytes look like a transaction or typed data, and no policy takes them as anything else',
      '--transaction and --typed-data take them as what they are',
    )
  }
  // on standard error, so that a person sees it and a file that standard output goes to does not
  host.stderr.write(
    table([
      ['approved', kind],
      ['account', request.account],
      ['request', request.id],
      ...payloadRows(payload),
      ...messageRows(payload),
      ['digest', `0x${Buffer.from(request.digest).toString('hex')}`],
      ['until', new Date(1000 * expires).toISOString()],
    ]),
  )
  await put(host, flags, makeApprovalFile(key, request, kind, expires))
}

/** What the files of `sign` give together; undefined without any. Throws CommandError naming the flag and the file. */
export async function readAuthority(
  flags: { readonly permit?: string; readonly approval?: readonly string[] },
  account: string,
  payload: Payload,
): Promise<Authority | undefined> {
  const named = [
    ...(flags.permit === undefined ? [] : [['--permit', flags.permit] as const]),
    ...(flags.approval ?? []).map((path) => ['--approval', path] as const),
  ]
  const digest = digestOf(payload)
  const texts: string[] = []
  for (const [flag, path] of named) {
    const text = await readText(flag, path)
    // each alone, for the name of the one that is wrong
    const found = inFile(`${flag}: ${path}`, () => authorityOf([text], { account, digest }))
    if ((found?.permit !== undefined) !== (flag === '--permit')) {
      throw new CommandError(`${flag}: ${path}: expected ${flag === '--permit' ? 'a permit' : 'an approval'}`)
    }
    texts.push(text)
  }
  return inFile('--permit and --approval', () => authorityOf(texts, { account, digest }))
}

async function about(host: Host, flags: AuthorityFlags) {
  const account = required('--account', flags.account)
  const id = required('--request-id', flags.requestId)
  if (!REQUEST_ID.test(id)) {
    throw new CommandError('--request-id: expected 1 to 64 letters, digits, dots, dashes, underscores and colons')
  }
  const seconds = wholeNumber('--expires', flags.expires, 1, DAY_SECONDS, DEFAULT_SECONDS)
  const payload = await readPayload(flags, host.stdin)
  const expires = Math.floor(Date.now() / 1000) + seconds
  return { request: { id, account, digest: digestOf(payload) }, payload, expires }
}

async function put(host: Host, { out }: AuthorityFlags, file: object): Promise<void> {
  const json = `${JSON.stringify(file)}\n`
  if (out === undefined) host.stdout.write(json)
  else await writeFileAtomic(out, json, { force: false })
}

async function writeKey(flags: AuthorityFlags, path: string, key: Secret<Uint8Array>): Promise<void> {
  const { newKey: _, ...others } = flags
  if (Object.values(others).some((v) => v !== undefined)) throw new CommandError('--new-key: expected no other flag')
  await writeFileAtomic(path, `${Buffer.from(key.expose()).toString('hex')}\n`, { force: false })
}

async function readKey(
  flags: AuthorityFlags,
  parse: (text: string) => Uint8Array | undefined,
  form: string,
): Promise<Secret<Uint8Array>> {
  const path = required('--key', flags.key, '--new-key makes one')
  const content = await readKeptFile(path, { key: '--key', maxBytes: 4096 })
  const key = parse(content.toString('latin1'))
  content.fill(0)
  if (key === undefined) throw new CommandError(`--key: ${path}: expected ${form}`)
  return new Secret(key)
}

async function readText(flag: string, path: string): Promise<string> {
  try {
    const content = await readFile(path)
    if (content.length > MAX_FILE_BYTES)
      throw new CommandError(`${flag}: ${path}: expected at most ${MAX_FILE_BYTES} bytes`)
    return content.toString('utf8')
  } catch (e) {
    if (e instanceof CommandError) throw e
    const { code } = e as NodeJS.ErrnoException
    throw new CommandError(`${flag}: ${path}: ${code === 'ENOENT' ? 'no such file' : `can't be read (${code})`}`)
  }
}

function inFile<T>(what: string, read: () => T): T {
  try {
    return read()
  } catch (e) {
    if (e instanceof MpcError) throw new CommandError(`${what}: ${e.message}`)
    throw e
  }
}
