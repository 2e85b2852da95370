/** What is to be signed: each form, and each mistake with the flag that it is in. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, test } from 'node:test'
import { CommandError } from '../config/failure.ts'
import { type PayloadFlags, readPayload } from './payload.ts'

const folder = mkdtempSync(join(tmpdir(), 'cli-'))
after(() => rmSync(folder, { recursive: true }))

const read = (flags: PayloadFlags, stdin: Uint8Array = new Uint8Array()) => readPayload(flags, Readable.from([stdin]))
const utf8 = (text: string) => new TextEncoder().encode(text)
const digest = `0x${'ab'.repeat(32)}`

test('text, file, standard input and digest', async () => {
  const path = join(folder, 'bytes')
  const bytes = Uint8Array.of(0, 255, 10, 13)
  writeFileSync(path, bytes)
  assert.deepEqual(await read({ message: 'grüße' }), { kind: 'eip191', message: utf8('grüße') })
  assert.deepEqual(await read({ message: '' }), { kind: 'eip191', message: utf8('') })
  assert.deepEqual(await read({ message: 'a', hash: 'sha256' }), { kind: 'sha256', message: utf8('a') })
  assert.deepEqual(await read({ messageFile: path, hash: 'keccak256' }), { kind: 'keccak256', message: bytes })
  assert.deepEqual(await read({ messageFile: '-' }, bytes), { kind: 'eip191', message: bytes })
  assert.deepEqual(await read({ digest }), { kind: 'digest', digest: new Uint8Array(32).fill(0xab) })
  assert.deepEqual(await read({ digest: digest.replaceAll('ab', 'AB') }), await read({ digest }))
})

const TRANSACTION = '0xe980850218711a00825208944592d8f8d7b001e72cb26a73e4fa1806a51ac79d880de0b6b3a764000080'
const TYPED = {
  types: { Order: [{ name: 'n', type: 'uint8' }] },
  primaryType: 'Order',
  domain: { name: 'x' },
  message: { n: 1 },
}

test('a transaction, as hex, in a file of hex, and as bytes; typed data', async () => {
  const raw = Uint8Array.from(Buffer.from(TRANSACTION.slice(2), 'hex'))
  const [text, binary, typed] = ['tx.hex', 'tx.bin', 'typed.json'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  writeFileSync(text, `${TRANSACTION}\n`)
  writeFileSync(binary, raw)
  writeFileSync(typed, JSON.stringify(TYPED))
  const expected = { kind: 'transaction', transaction: raw }
  for (const transaction of [TRANSACTION, text, binary]) assert.deepEqual(await read({ transaction }), expected)
  assert.deepEqual(await read({ transaction: '-' }, raw), expected)
  assert.deepEqual(await read({ typedData: typed }), { kind: 'typed-data', json: utf8(JSON.stringify(TYPED)) })
})

test('what is no transaction, or no typed data, is told by its flag', async () => {
  const path = join(folder, 'nothing')
  writeFileSync(path, 'hello')
  const table: readonly (readonly [PayloadFlags, RegExp])[] = [
    [{ transaction: '0x1' }, /^--transaction: expected 0x and hex digits, or a file$/],
    [{ transaction: '0x03c0' }, /^--transaction: transaction: expected type 1, 2 or 4/],
    [{ transaction: path }, /^--transaction: transaction: expected type/],
    [{ transaction: join(folder, 'none') }, /^--transaction: no such file$/],
    [{ typedData: path }, /^--typed-data: typed data: expected JSON$/],
    [{ typedData: join(folder, 'none') }, /^--typed-data: no such file$/],
    [{ transaction: TRANSACTION, hash: 'sha256' }, /^--hash: expected only with a message/],
    [{ transaction: TRANSACTION, typedData: path }, /^expected exactly one of/],
  ]
  for (const [flags, expected] of table) {
    await assert.rejects(read(flags), (e) => e instanceof CommandError && expected.test(e.message), expected.source)
  }
})

test('mistakes name the flag', async () => {
  const large = join(folder, 'large')
  writeFileSync(large, new Uint8Array(256 * 1024 + 1))
  const one = /^expected exactly one of --message, --message-file, --transaction, --typed-data and --digest$/
  const form = /^--digest: expected 32 bytes as 0x and 64 hex digits$/
  const table: readonly (readonly [PayloadFlags, RegExp])[] = [
    [{}, one],
    [{ message: 'a', digest }, one],
    [{ message: '', messageFile: '-' }, one],
    [{ digest: digest.slice(2) }, form],
    [{ digest: `${digest}00` }, form],
    [{ digest: digest.slice(0, -2) }, form],
    [{ digest: digest.slice(0, -1) }, form],
    [{ digest: digest.replace('ab', 'xy') }, form],
    [{ digest: '' }, form],
    [{ digest: ` ${digest}` }, form],
    [{ digest: `${digest}\n` }, form],
    [{ digest: digest.replace('0x', '0X') }, form],
    [{ digest, hash: 'sha256' }, /^--hash: a digest is hashed already/],
    [{ message: 'a', hash: 'md5' }, /^--hash: expected one of eip191, keccak256, sha256$/],
    [{ message: 'a\ufffd' }, /^--message: expected well-formed UTF-8$/],
    [{ message: 'a'.repeat(256 * 1024 + 1) }, /^--message: expected at most 262144 bytes$/],
    [{ messageFile: join(folder, 'none') }, /^--message-file: no such file$/],
    [{ messageFile: folder }, /^--message-file: is a folder/],
    [{ messageFile: large }, /^--message-file: expected at most 262144 bytes$/],
  ]
  for (const [flags, message] of table) {
    await assert.rejects(
      read(flags),
      (error: Error & { code?: string }) => error.code === 'USAGE' && message.test(error.message),
      JSON.stringify(flags).slice(0, 100),
    )
  }
  await assert.rejects(read({ messageFile: '-' }, new Uint8Array(256 * 1024 + 1)), CommandError)
})
