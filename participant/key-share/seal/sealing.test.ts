/** Sealed files alone: what comes back, and that no changed, cut or greedy file opens. */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { scrypt } from '@noble/hashes/scrypt.js'
import { armor, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { bytesToHex, fromHex, fromUtf8, utf8ToBytes } from '../../base/bytes.ts'
import { secret } from '../../base/secret.ts'
import { ageMethod, parseAgeIdentities, parseAgeRecipients } from './age.ts'
import { readSealed, SEALED_LIMIT, sealedText } from './header.ts'
import { NOT_OPENED, passphraseMethod } from './passphrase.ts'

const folder = mkdtempSync(join(tmpdir(), 'sealing-'))
after(() => rmSync(folder, { recursive: true }))

const HEAD = { account: 'tréasury "1"', epoch: 3, revision: 7, digest: 'ab'.repeat(32) }
const PLAIN = utf8ToBytes('{"this is": "what was sealed"}')
const method = (text: string) => passphraseMethod(secret(utf8ToBytes(text)), { logN: 14 })
const right = method('correct horse battery')
const sealed = await right.seal(PLAIN, HEAD)
const [line = '', body = ''] = fromUtf8(sealed).split('\n')
const again = (header: object, rest = body) =>
  right.open(readSealed(utf8ToBytes(`${JSON.stringify(header)}\n${rest}\n`)))
const header = JSON.parse(line) as Record<string, unknown> & { kdf: Record<string, unknown> }

test('what is sealed under a passphrase opens with it, also in another process, and with no other', async () => {
  assert.deepEqual(await right.open(readSealed(sealed)), PLAIN)
  assert.deepEqual(await method('correct horse battery').open(readSealed(sealed)), PLAIN)
  for (const wrong of ['correct horse batterx', 'correct horse battery ', 'x']) {
    await assert.rejects(method(wrong).open(readSealed(sealed)), { name: 'DecodeError', message: NOT_OPENED })
  }
  assert.ok(!fromUtf8(sealed).includes('what was sealed'), 'the content is not in the clear')
})

test('the header says what is inside, and the file is scrypt and XChaCha20-Poly1305 with the header as associated data', () => {
  const { kdf, nonce, ...rest } = header
  assert.deepEqual(rest, {
    format: 'wallet-mpc/sealed-key-share',
    version: 1,
    ...HEAD,
    method: 'passphrase',
    cipher: 'xchacha20-poly1305',
  })
  assert.deepEqual({ ...kdf, salt: '' }, { name: 'scrypt', log_n: 14, r: 8, p: 1, salt: '' })
  const salt = fromHex(String(kdf['salt']))
  const key = scrypt(utf8ToBytes('correct horse battery'), salt, { N: 16384, r: 8, p: 1, dkLen: 32 })
  const cipher = xchacha20poly1305(key, fromHex(String(nonce)), utf8ToBytes(line))
  assert.deepEqual(cipher.decrypt(Uint8Array.from(Buffer.from(body, 'base64'))), PLAIN)
})

test('files sealed together have one salt and different nonces; another method has another salt', async () => {
  const of = async (m = right) => JSON.parse(fromUtf8(await m.seal(PLAIN, HEAD)).split('\n')[0] ?? '') as typeof header
  const second = await of()
  assert.equal(second.kdf['salt'], header.kdf['salt'])
  assert.notEqual(second['nonce'], header['nonce'])
  assert.notEqual((await of(method('correct horse battery'))).kdf['salt'], header.kdf['salt'])
})

test('by default scrypt takes N = 2^17', async () => {
  const file = await passphraseMethod(secret(utf8ToBytes('a'))).seal(PLAIN, HEAD)
  assert.equal((JSON.parse(fromUtf8(file).split('\n')[0] ?? '') as typeof header).kdf['log_n'], 17)
})

test('no field of the header can be changed', async () => {
  const changed: readonly (readonly [Record<string, unknown>, string])[] = [
    [{ format: 'other' }, 'sealed file: format: expected wallet-mpc/sealed-key-share'],
    [{ version: 2 }, 'sealed file: version: expected 1'],
    [{ account: 'treasury' }, NOT_OPENED],
    [{ account: ' ' }, 'sealed file: account: expected an account id'],
    [{ epoch: 4 }, NOT_OPENED],
    [{ epoch: -1 }, 'sealed file: epoch: expected a whole number from 0 to 4294967295'],
    [{ revision: 8 }, NOT_OPENED],
    [{ revision: 0 }, 'sealed file: revision: expected a whole number from 1 to 9007199254740991'],
    [{ digest: 'cd'.repeat(32) }, NOT_OPENED],
    [{ digest: 'AB'.repeat(32) }, 'sealed file: digest: expected 64 lower-case hex digits'],
    [{ method: 'kms' }, 'sealed file: kms: expected an object'],
    [{ method: 'none' }, 'sealed file: method: expected passphrase or kms'],
    [{ cipher: 'none' }, 'sealed file: cipher: expected xchacha20-poly1305'],
    [{ nonce: '00'.repeat(24) }, NOT_OPENED],
    [{ nonce: '00' }, 'sealed file: nonce: expected 48 lower-case hex digits'],
    [{ note: 'hello' }, 'sealed file: entry: expected no field note'],
    [{ kdf: { ...header.kdf, name: 'argon2id' } }, 'sealed file: kdf.name: expected scrypt'],
    [{ kdf: { ...header.kdf, log_n: 15 } }, NOT_OPENED],
    [{ kdf: { ...header.kdf, salt: '00'.repeat(16) } }, NOT_OPENED],
    [{ kdf: { ...header.kdf, salt: '00' } }, 'sealed file: kdf.salt: expected 32 lower-case hex digits'],
  ]
  for (const [change, message] of changed) {
    const opened = async () => again({ ...header, ...change })
    await assert.rejects(opened, { name: 'DecodeError', message }, JSON.stringify(change))
  }
  for (const field of Object.keys(header)) {
    await assert.rejects(async () => again({ ...header, [field]: undefined }), { name: 'DecodeError' }, field)
  }
  await assert.rejects(async () => again({ ...header }, `${body.slice(0, -4)}AAAA`), { message: NOT_OPENED })
  const spaced = utf8ToBytes(`${line.replace(',"epoch"', ', "epoch"')}\n${body}\n`)
  await assert.rejects(right.open(readSealed(spaced)), { message: NOT_OPENED }, 'the same header written otherwise')
})

test('a file that asks for much work or memory is refused before any of it', async () => {
  const range = 'sealed file: kdf.log_n: expected a whole number from 14 to 18'
  const greedy: readonly (readonly [object, string])[] = [
    [{ log_n: 19 }, range],
    [{ log_n: 1e9 }, range],
    [{ log_n: 13 }, range],
    [{ log_n: 14.5 }, range],
    [{ r: 1024 }, 'sealed file: kdf.r: expected 8'],
    [{ p: 4096 }, 'sealed file: kdf.p: expected 1'],
  ]
  for (const [kdf, message] of greedy) {
    await assert.rejects(async () => again({ ...header, kdf: { ...header.kdf, ...kdf } }), {
      name: 'DecodeError',
      message,
    })
  }
  assert.throws(() => readSealed(new Uint8Array(SEALED_LIMIT + 1)), { message: /expected at most 1048576 bytes/ })
  assert.throws(() => passphraseMethod(secret(new Uint8Array(9)), { logN: 19 }), { name: 'UsageError' })
})

test('a file that is cut off anywhere is refused in one line', async () => {
  for (let n = 0; n < sealed.length; n += 1 + Math.floor(n / 9)) {
    const cut = async () => right.open(readSealed(sealed.slice(0, n)))
    await assert.rejects(cut, (e: Error) => e.name === 'DecodeError' && !e.message.includes('\n'), `${n} bytes`)
  }
  assert.throws(() => readSealed(sealed.slice(0, -1)), { message: 'sealed file: is cut off' })
  assert.throws(() => readSealed(utf8ToBytes('{}\n')), {
    message: 'sealed file: format: expected wallet-mpc/sealed-key-share',
  })
  assert.throws(() => readSealed(utf8ToBytes('x'.repeat(30_000))), {
    message: /expected a header line, or an age file/,
  })
  assert.throws(() => readSealed(utf8ToBytes(`{"format":"${'x'.repeat(20_000)}"}\n`)), { message: /header line/ })
})

test('closing wipes the passphrase, and nothing opens after it', async () => {
  const bytes = utf8ToBytes('correct horse battery')
  const closed = passphraseMethod(secret(bytes), { logN: 14 })
  assert.deepEqual(await closed.open(readSealed(sealed)), PLAIN)
  closed.close()
  assert.ok(
    bytes.every((b) => b === 0),
    'wiped',
  )
  await assert.rejects(async () => closed.open(readSealed(sealed)), { message: 'passphrase: is wiped' })
})

test('each method refuses the files of the others', async () => {
  const identity = await generateX25519Identity()
  const age = ageMethod({ recipients: [await identityToRecipient(identity)], identities: secret([identity]) })
  await assert.rejects(age.open(readSealed(sealed)), {
    message: /expected an age file; this one is sealed with passphrase/,
  })
  const file = await age.seal(PLAIN, HEAD)
  await assert.rejects(right.open(readSealed(file)), { message: /this one is sealed with age/ })
})

const identity = await generateX25519Identity()
const recipient = await identityToRecipient(identity)
const age = ageMethod({ recipients: [recipient], identities: secret([identity]) })

test('what is sealed to age recipients opens with one of their identities and no other', async () => {
  const other = await generateX25519Identity()
  const both = ageMethod({ recipients: [recipient, await identityToRecipient(other)] })
  const file = await both.seal(PLAIN, HEAD)
  for (const each of [identity, other]) {
    assert.deepEqual(await ageMethod({ identities: secret([each]) }).open(readSealed(file)), PLAIN)
  }
  assert.deepEqual(await age.open(readSealed(utf8ToBytes(armor.encode(file)))), PLAIN, 'with armour')
  const stranger = ageMethod({ identities: secret([await generateX25519Identity()]) })
  const message = 'sealed to other age recipients, or the file is damaged'
  await assert.rejects(stranger.open(readSealed(file)), { name: 'DecodeError', message })
  const last = file.slice()
  last[last.length - 1] = (last[last.length - 1] ?? 0) ^ 1
  for (const bad of [last, file.slice(0, -1), file.slice(0, 60)]) {
    await assert.rejects(age.open(readSealed(bad)), { name: 'DecodeError', message })
  }
  await assert.rejects(both.open(readSealed(file)), { message: 'age: expected an identity to open with' })
  await assert.rejects(stranger.seal(PLAIN, HEAD), { message: 'age: expected recipients to seal to' })
})

test('identity and recipient files are read as age-keygen writes them; mistakes are not quoted', () => {
  assert.deepEqual(parseAgeIdentities(`# public key: ${recipient}\n\n${identity}\r\n`).expose(), [identity])
  assert.deepEqual(parseAgeRecipients(`# mine\n${recipient}\n`), [recipient])
  for (const text of ['', '# nothing\n', 'hunter2-hunter2', `${identity}\nhunter2`]) {
    assert.throws(
      () => parseAgeIdentities(text),
      (e: Error) => e.name === 'DecodeError' && !e.message.includes('hunter2'),
    )
    assert.throws(() => parseAgeRecipients(text), { name: 'DecodeError' })
  }
})

test('an identity or recipient with a wrong checksum is told without quoting it', async () => {
  const wrong = `${identity.slice(0, -1)}${identity.endsWith('Q') ? 'P' : 'Q'}`
  const opened = ageMethod({ identities: secret([wrong]) }).open(readSealed(await age.seal(PLAIN, HEAD)))
  await assert.rejects(opened, (e: Error) => e.name === 'UsageError' && !e.message.includes(wrong.slice(20)))
})

const hasAge = spawnSync('age', ['--version']).status === 0

test("age itself opens our files, and we open age's", { skip: hasAge ? false : 'age is not installed' }, async () => {
  const keys = join(folder, 'identity')
  writeFileSync(keys, `${identity}\n`, { mode: 0o600 })
  const ours = join(folder, 'ours.sealed')
  writeFileSync(ours, await age.seal(PLAIN, HEAD))
  assert.equal(bytesToHex(execFileSync('age', ['-d', '-i', keys, ours])), bytesToHex(PLAIN))
  const plain = join(folder, 'plain')
  writeFileSync(plain, PLAIN)
  for (const flags of [[], ['-a']]) {
    const theirs = join(folder, `theirs${flags.length}`)
    execFileSync('age', [...flags, '-r', recipient, '-o', theirs, plain])
    assert.deepEqual(await age.open(readSealed(Uint8Array.from(readFileSync(theirs)))), PLAIN)
  }
  const passphrase = sealedText(line, new Uint8Array(20))
  writeFileSync(plain, passphrase)
  assert.notEqual(spawnSync('age', ['-d', '-i', keys, plain]).status, 0, 'age opens no file with a header of ours')
})
