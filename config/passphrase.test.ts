/** Where a passphrase may come from, and that it is neither shown nor kept. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { after, test } from 'node:test'
import { type PassphraseFlags, readPassphrase, readPassphraseFile } from './passphrase.ts'
import { testHost } from './testing.ts'

const folder = mkdtempSync(join(tmpdir(), 'passphrase-'))
after(() => rmSync(folder, { recursive: true }))

let files = 0
function file(content: string | Uint8Array, mode = 0o600): string {
  const path = join(folder, String(files++))
  writeFileSync(path, content)
  chmodSync(path, mode)
  return path
}

const OPEN = { prompt: 'Passphrase: ', isNew: false }
const NEW = { prompt: 'New passphrase: ', isNew: true }
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString()
const get = async (flags: PassphraseFlags, use = OPEN, stdin = '') =>
  textOf(await readPassphrase(testHost([], { stdin }), flags, use))
const fd = (content: string): string => String(openSync(file(content), 'r'))

test('from a file, a descriptor or standard input, without one newline at the end', async () => {
  for (const [content, expected] of [
    ['correct horse', 'correct horse'],
    ['correct horse\n', 'correct horse'],
    ['correct horse\r\n', 'correct horse'],
    [' spaces are part of it ', ' spaces are part of it '],
    ['ünïcödé', 'ünïcödé'],
    ['x'.repeat(1024), 'x'.repeat(1024)],
  ] as const) {
    assert.equal(await get({ passphraseFile: file(content) }), expected)
    assert.equal(await get({ passphraseFd: fd(content) }), expected)
    assert.equal(await get({ passphraseFd: '0' }, OPEN, content), expected)
  }
})

test('mistakes name the source and quote nothing', async () => {
  const secret = 'hunter2 hunter2'
  const table: readonly (readonly [PassphraseFlags, RegExp])[] = [
    [{ passphraseFile: join(folder, 'none') }, /^--passphrase-file: \S+none: no such file$/],
    [{ passphraseFile: file(secret, 0o640) }, /mode is 0640, use chmod 600$/],
    [{ passphraseFile: folder }, /expected a regular file$/],
    [{ passphraseFile: file('') }, /expected one line of 1 to 1024 bytes$/],
    [{ passphraseFile: file('\n') }, /expected one line of 1 to 1024 bytes$/],
    [{ passphraseFile: file(`${secret}\n${secret}\n`) }, /expected one line/],
    [{ passphraseFile: file('x'.repeat(1025)) }, /expected one line|expected at most/],
    [{ passphraseFile: file('x'.repeat(3000)) }, /expected at most/],
    [{ passphraseFd: fd('') }, /^--passphrase-fd: expected one line/],
    [{ passphraseFd: fd(`a\n${secret}`) }, /^--passphrase-fd: expected one line/],
    [{ passphraseFd: fd('x'.repeat(5000)) }, /^--passphrase-fd: expected one line/],
    [{ passphraseFd: '987' }, /^--passphrase-fd: can't be read; is it open\?$/],
    [{ passphraseFd: secret }, /^--passphrase-fd: expected the number of an open file descriptor$/],
    [{ passphraseFd: '1' }, /^--passphrase-fd: expected no output of this program$/],
    [{ passphraseFd: '3', passphraseFile: 'x' }, /^--passphrase-fd: expected either this or --passphrase-file$/],
    [{}, /^passphrase: there is no terminal to ask for it on$/],
  ]
  for (const [flags, expected] of table) {
    await assert.rejects(get(flags), (error: Error) => {
      assert.match(error.message, expected)
      assert.ok(!error.message.includes('hunter2'), 'no secret')
      return true
    })
  }
})

test('a new passphrase is not short; one to open with may be', async () => {
  const short = { passphraseFile: file('elevenbytes') }
  await assert.rejects(get(short, NEW), { message: '--passphrase-file: expected at least 12 bytes to seal with' })
  assert.equal(await get(short), 'elevenbytes')
  assert.equal(await get({ passphraseFile: file('twelve bytes') }, NEW), 'twelve bytes')
})

test("a credential of systemd's may show a bit for the group; a file beside it may not", async () => {
  const credentials = join(folder, 'credentials')
  mkdirSync(credentials)
  const path = join(credentials, 'passphrase')
  writeFileSync(path, 'correct horse')
  chmodSync(path, 0o440)
  const env = { CREDENTIALS_DIRECTORY: credentials }
  assert.equal(textOf(await readPassphraseFile(path, 'key', env)), 'correct horse')
  for (const other of [{}, { CREDENTIALS_DIRECTORY: folder }, { CREDENTIALS_DIRECTORY: '' }]) {
    await assert.rejects(readPassphraseFile(path, 'key', other), { message: /^key: .*mode is 0440, use chmod 600$/ })
  }
})

/** A terminal that somebody types on. */
function terminal() {
  const modes: boolean[] = []
  const stdin = Object.assign(new PassThrough(), { setRawMode: (on: boolean) => modes.push(on) })
  const host = testHost([], { stdin, isTTY: true })
  const type = async (text: string | Uint8Array): Promise<void> => {
    stdin.write(text)
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { stdin, host, modes, type }
}

test('typed: shown is the question alone; erasing works by characters', async () => {
  const { host, modes, type } = terminal()
  const got = readPassphrase(host, {}, OPEN)
  await type('wrong\u0015corrég')
  await type('\u007f\u007f\u007fr')
  await type(Uint8Array.from([0xc3]))
  await type(Uint8Array.from([0xa9, 0x08]))
  await type('ect\r')
  assert.equal(textOf(await got), 'correct')
  assert.equal(host.output.stderr, 'Passphrase: \n')
  assert.equal(host.output.stdout, '')
  assert.deepEqual(modes, [true, false], 'the terminal is as it was')
})

test('a new one is asked for twice, and both have to be the same', async () => {
  for (const [typed, expected] of [
    ['correct horse\rcorrect horse\r', 'correct horse'],
    ['correct horse\rcorrect mouse\r', undefined],
    ['correct horse\rcorrect horses\r', undefined],
  ] as const) {
    const { host, type } = terminal()
    const got = readPassphrase(host, {}, NEW).then(textOf, (e: Error) => e.message)
    await type(typed)
    assert.equal(await got, expected ?? 'passphrase: the two are not the same')
    assert.equal(host.output.stderr, 'New passphrase: \nThe same again: \n')
  }
})

test('Ctrl-C, Ctrl-D, the end of input and a signal end the question, and the terminal is as it was', async () => {
  const endings: readonly ((t: ReturnType<typeof terminal>) => unknown)[] = [
    ({ type }) => type('secret\u0003'),
    ({ type }) => type('secret\u0004'),
    ({ stdin }) => stdin.end(),
    ({ host }) => host.interrupt(),
  ]
  for (const end of endings) {
    const t = terminal()
    const refused = assert.rejects(readPassphrase(t.host, {}, OPEN), { message: 'passphrase: none was given' })
    await end(t)
    await refused
    assert.deepEqual(t.modes, [true, false])
  }
  const { host, type } = terminal()
  const empty = assert.rejects(readPassphrase(host, {}, OPEN), { message: 'passphrase: expected 1 byte or more' })
  await type('\r')
  await empty
  const late = terminal()
  late.host.interrupt()
  await assert.rejects(readPassphrase(late.host, {}, OPEN), { message: 'passphrase: none was given' })
})
