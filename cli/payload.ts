/** What `wallet-mpc sign` signs: exactly one of a message, a file, a transaction, typed data and a digest. */
import { open } from 'node:fs/promises'
import { CommandError } from '../config/failure.ts'
import { digestOf, MpcError, type Payload } from '../participant/index.ts'
import { PAYLOAD_LIMIT } from '../participant/signer/payload.ts'

export interface PayloadFlags {
  readonly message?: string
  readonly messageFile?: string
  readonly digest?: string
  readonly transaction?: string
  readonly typedData?: string
  readonly hash?: string
}

const HASHES = ['eip191', 'keccak256', 'sha256'] as const
type Hash = (typeof HASHES)[number]

/** Throws CommandError naming the flag. `stdin` is read for the file name `-`. */
export async function readPayload(flags: PayloadFlags, stdin: AsyncIterable<unknown>): Promise<Payload> {
  const { message: text, messageFile, digest, transaction, typedData } = flags
  const given = [text, messageFile, transaction, typedData, digest].filter((value) => value !== undefined)
  if (given.length !== 1) {
    throw new CommandError(
      'expected exactly one of --message, --message-file, --transaction, --typed-data and --digest',
    )
  }
  if (flags.hash !== undefined && (transaction ?? typedData) !== undefined) {
    throw new CommandError(
      '--hash: expected only with a message; a transaction and typed data have a hash of their own',
    )
  }
  if (transaction !== undefined) return transactionPayload(transaction, stdin)
  if (typedData !== undefined) return typedPayload(typedData, stdin)
  if (flags.digest !== undefined) return digestPayload(flags.digest, flags.hash)
  const kind = readHash(flags.hash)
  const message =
    flags.messageFile === undefined
      ? textOf(flags.message ?? '')
      : await fileContent('--message-file', flags.messageFile, stdin)
  return { kind, message }
}

/** Hex, or a file with hex or with the bytes themselves. */
async function transactionPayload(given: string, stdin: AsyncIterable<unknown>): Promise<Payload> {
  const flag = '--transaction'
  const content = given.startsWith('0x') ? new TextEncoder().encode(given) : await fileContent(flag, given, stdin)
  const text = Buffer.from(content).toString('latin1').trim()
  const isHex = /^0x([0-9a-fA-F]{2})+$/.test(text)
  if (given.startsWith('0x') && !isHex) throw new CommandError(`${flag}: expected 0x and hex digits, or a file`)
  const payload = { kind: 'transaction', transaction: isHex ? bytesOf(text) : content } as const
  return named(flag, payload)
}

async function typedPayload(path: string, stdin: AsyncIterable<unknown>): Promise<Payload> {
  return named('--typed-data', { kind: 'typed-data', json: await fileContent('--typed-data', path, stdin) })
}

/** The payload, when it can be hashed. */
function named(flag: string, payload: Payload): Payload {
  try {
    digestOf(payload)
    return payload
  } catch (e) {
    if (e instanceof MpcError) throw new CommandError(`${flag}: ${e.message}`)
    throw e
  }
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.slice(2), 'hex'))
}

function digestPayload(digest: string, hash: string | undefined): Payload {
  if (hash !== undefined) throw new CommandError('--hash: a digest is hashed already; leave it out with --digest')
  if (!/^0x[0-9a-fA-F]{64}$/.test(digest)) {
    throw new CommandError('--digest: expected 32 bytes as 0x and 64 hex digits')
  }
  return { kind: 'digest', digest: bytesOf(digest) }
}

function readHash(hash = 'eip191'): Hash {
  const found = HASHES.find((name) => name === hash)
  if (found === undefined) throw new CommandError(`--hash: expected one of ${HASHES.join(', ')}`)
  return found
}

/** Node puts U+FFFD where an argument is not UTF-8: what would be signed is not what was typed. */
function textOf(message: string): Uint8Array {
  if (/[\ufffd\p{Cs}]/u.test(message)) {
    throw new CommandError('--message: expected well-formed UTF-8', '--message-file takes any bytes')
  }
  const bytes = new TextEncoder().encode(message)
  if (bytes.length > PAYLOAD_LIMIT) throw new CommandError(`--message: expected at most ${PAYLOAD_LIMIT} bytes`)
  return bytes
}

async function fileContent(flag: string, path: string, stdin: AsyncIterable<unknown>): Promise<Uint8Array> {
  try {
    if (path === '-') return await limited(flag, stdin)
    const file = await open(path)
    try {
      return await limited(flag, file.createReadStream({ autoClose: false }))
    } finally {
      await file.close()
    }
  } catch (error) {
    if (error instanceof CommandError) throw error
    throw new CommandError(`${flag}: ${readProblem((error as NodeJS.ErrnoException).code)}`)
  }
}

async function limited(flag: string, chunks: AsyncIterable<unknown>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const chunk of chunks) {
    const bytes = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : (chunk as Uint8Array)
    length += bytes.length
    if (length > PAYLOAD_LIMIT) throw new CommandError(`${flag}: expected at most ${PAYLOAD_LIMIT} bytes`)
    parts.push(bytes)
  }
  return Uint8Array.from(Buffer.concat(parts))
}

function readProblem(code: string | undefined): string {
  if (code === 'ENOENT') return 'no such file'
  if (code === 'EISDIR') return 'is a folder, expected a file'
  if (code === 'EACCES' || code === 'EPERM') return 'no permission to read this file'
  return `can't be read (${code ?? 'unknown error'})`
}
