/**
 * A passphrase from a file, from a file descriptor, or from a person who types it without seeing it. There is no flag and
 * no variable that holds one: process lists and environments are read by others.
 *
 * It stays bytes from where it is read to where it is used, so that it can be wiped. One newline at its end is not part of
 * it, since editors and `echo` put one there; a second line is a mistake.
 */
import { createReadStream } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { CommandError } from './failure.ts'
import { ConfigError } from './load.ts'
import type { Host } from './program.ts'
import { readKeptFile } from './secret-file.ts'

const MAX_BYTES = 1024

/** A person who chooses one should not choose a short one. */
const MIN_NEW_BYTES = 12

export interface PassphraseFlags {
  readonly passphraseFile?: string | undefined
  readonly passphraseFd?: string | undefined
}

export interface PassphraseUse {
  /** What to ask a person. */
  readonly prompt: string
  /** Chosen now: asked for twice, and not short. */
  readonly isNew: boolean
}

/** By flag, else from a person. Throws CommandError or ConfigError; the caller wipes what it gets. */
export async function readPassphrase(host: Host, flags: PassphraseFlags, use: PassphraseUse): Promise<Uint8Array> {
  const { passphraseFile, passphraseFd } = flags
  if (passphraseFile !== undefined && passphraseFd !== undefined) {
    throw new CommandError('--passphrase-fd: expected either this or --passphrase-file')
  }
  if (passphraseFile !== undefined) {
    return checked('--passphrase-file', await readPassphraseFile(passphraseFile, '--passphrase-file', host.env), use)
  }
  if (passphraseFd !== undefined) {
    return checked('--passphrase-fd', await fromDescriptor(host, passphraseFd), use)
  }
  const first = checked('passphrase', await typed(host, use.prompt), use)
  if (!use.isNew) return first
  const second = await typed(host, 'The same again: ')
  const same = first.length === second.length && first.every((b, i) => b === second[i])
  second.fill(0)
  if (same) return first
  first.fill(0)
  throw new CommandError('passphrase: the two are not the same')
}

/**
 * From a file that only its owner can read. Systemd gives a credential to its service through an access list, which shows
 * as a bit for the group; nobody else can enter the folder that it is in. Throws ConfigError that names the key.
 */
export async function readPassphraseFile(path: string, key: string, env: Host['env']): Promise<Uint8Array> {
  const credentials = env['CREDENTIALS_DIRECTORY']
  const isCredential =
    credentials !== undefined && credentials !== '' && dirname(resolve(path)) === resolve(credentials)
  const read = await readKeptFile(path, { key, maxBytes: MAX_BYTES + 2, secret: !isCredential })
  return passphraseIn(read, () => new ConfigError(`${key}: ${path}: expected one line of 1 to ${MAX_BYTES} bytes`))
}

async function fromDescriptor(host: Host, text: string): Promise<Uint8Array> {
  if (!/^\d{1,4}$/.test(text)) throw new CommandError('--passphrase-fd: expected the number of an open file descriptor')
  const fd = Number(text)
  if (fd === 1 || fd === 2) throw new CommandError('--passphrase-fd: expected no output of this program')
  const stream = fd === 0 ? host.stdin : createReadStream('', { fd })
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of stream) {
      const bytes = Buffer.from(chunk as Buffer)
      chunks.push(bytes)
      length += bytes.length
      if (length > MAX_BYTES + 2) break
    }
  } catch {
    throw new CommandError("--passphrase-fd: can't be read; is it open?")
  }
  const all = Buffer.concat(chunks)
  for (const chunk of chunks) chunk.fill(0)
  return passphraseIn(all, () => new CommandError(`--passphrase-fd: expected one line of 1 to ${MAX_BYTES} bytes`))
}

/** A copy without the newline at the end; `read` is wiped. */
function passphraseIn(read: Uint8Array, problem: () => Error): Uint8Array {
  let end = read.length
  if (read[end - 1] === 0x0a) end -= read[end - 2] === 0x0d ? 2 : 1
  const passphrase = Uint8Array.from(read.subarray(0, end))
  read.fill(0)
  if (end >= 1 && end <= MAX_BYTES && !passphrase.includes(0x0a)) return passphrase
  passphrase.fill(0)
  throw problem()
}

function checked(source: string, passphrase: Uint8Array, { isNew }: PassphraseUse): Uint8Array {
  if (!isNew || passphrase.length >= MIN_NEW_BYTES) return passphrase
  passphrase.fill(0)
  throw new CommandError(`${source}: expected at least ${MIN_NEW_BYTES} bytes to seal with`)
}

/** What a terminal has besides being a stream. */
interface Terminal {
  setRawMode?(on: boolean): unknown
}

const ENTER: readonly number[] = [0x0a, 0x0d]
const ERASE: readonly number[] = [0x08, 0x7f]
const INTERRUPT = 0x03
const END = 0x04
const KILL_LINE = 0x15

/** One line from the terminal, without showing it. */
async function typed(host: Host, prompt: string): Promise<Uint8Array> {
  const terminal = host.stdin as Host['stdin'] & Terminal
  if (terminal.isTTY !== true || terminal.setRawMode === undefined) {
    throw new CommandError(
      'passphrase: there is no terminal to ask for it on',
      '--passphrase-file names a file that holds it, --passphrase-fd an open file descriptor',
    )
  }
  // before the question: what is typed at once must not be shown either
  terminal.setRawMode(true)
  host.stderr.write(prompt)
  const line = Buffer.alloc(MAX_BYTES)
  let length = 0
  try {
    await new Promise<void>((done, fail) => {
      const stop = (error?: Error): void => {
        terminal.off('data', onData)
        terminal.off('end', onEnd)
        host.signal.removeEventListener('abort', onEnd)
        terminal.pause()
        if (error === undefined) done()
        else fail(error)
      }
      const onEnd = (): void => stop(new CommandError('passphrase: none was given'))
      const onData = (chunk: Buffer | string): void => {
        const bytes = Buffer.from(chunk as Buffer)
        for (const [i, byte] of bytes.entries()) {
          if (ENTER.includes(byte)) {
            // what was typed ahead is for the next question
            const rest = bytes.subarray(i + 1)
            stop()
            if (rest.length > 0) terminal.unshift(Buffer.from(rest))
            break
          }
          if (byte === INTERRUPT || byte === END) {
            onEnd()
            break
          }
          if (byte === KILL_LINE) length = 0
          else if (ERASE.includes(byte)) length = startOfLast(line, length)
          else if (length < MAX_BYTES) line[length++] = byte
        }
        bytes.fill(0)
      }
      terminal.on('data', onData)
      terminal.on('end', onEnd)
      host.signal.addEventListener('abort', onEnd)
      terminal.resume()
      if (host.signal.aborted) onEnd()
    })
    if (length === 0) throw new CommandError('passphrase: expected 1 byte or more')
    return Uint8Array.from(line.subarray(0, length))
  } finally {
    line.fill(0)
    terminal.setRawMode(false)
    host.stderr.write('\n')
  }
}

/** Where the last character of the line begins: bytes that go on with one in UTF-8 begin with the bits 10. */
function startOfLast(line: Uint8Array, length: number): number {
  let at = Math.max(0, length - 1)
  while (at > 0 && ((line[at] ?? 0) & 0xc0) === 0x80) at--
  return at
}
