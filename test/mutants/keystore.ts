/** What sealed key shares, their folder, its lock and its records are protected by. */
import { type Mutant, mutants } from './mutant.ts'

const at = (name: string): string => `participant/key-share/seal/${name}.ts`
const SEALING = at('sealing.test')
const KMS = at('kms.node.test')
const LOCK = at('store-lock.node.test')
/** All but the kills. */
const FOLDER = {
  file: at('folder.node.test'),
  only: '^(what|a |an |nothing|permissions|without|records|names)',
}
const KILLS = { file: at('folder.node.test'), only: '^killed' }
const SERVICE = 'sign-service/keystore.test.ts'
const DOCTOR = 'sign-service/doctor/doctor.test.ts'

export const keystore: readonly Mutant[] = [
  ...mutants(
    'seal/header',
    at('header'),
    [SEALING],
    [
      ['size of a file', 'if (bytes.length > SEALED_LIMIT)'],
      ['size of the header', '.subarray(0, HEADER_LIMIT).indexOf(0x0a)', '.indexOf(0x0a)'],
      ['most work', 'whole(MIN_LOG_N, MAX_LOG_N)', 'whole(MIN_LOG_N, 1000)'],
      ['least work', 'whole(MIN_LOG_N, MAX_LOG_N)', 'whole(1, MAX_LOG_N)'],
      ['r', 'r: exactly(8)', 'r: z.number()'],
      ['p', 'p: exactly(1)', 'p: z.number()'],
      ['format', 'format: exactly(FORMAT),', 'format: z.string(),'],
      ['version', 'version: exactly(VERSION),', 'version: z.number(),'],
      ['account', ".refine(isAccountId, 'expected an account id')", ''],
      ['cut off', "if (!rest.endsWith('\\n'))"],
      ['the start first', 'if (!start.success)'],
    ],
  ),
  ...mutants(
    'seal/method',
    at('method'),
    [SEALING, KMS],
    [
      [
        'the header is bound',
        'xchacha20poly1305(key, nonce, associated).decrypt',
        'xchacha20poly1305(key, nonce).decrypt',
      ],
      ['a fresh nonce', 'random.bytes(NONCE_BYTES)', 'new Uint8Array(NONCE_BYTES)'],
    ],
  ),
  ...mutants(
    'seal/passphrase',
    at('passphrase'),
    [SEALING],
    [
      ['work of our own files', 'logN < MIN_LOG_N || logN > MAX_LOG_N', 'false'],
      ['a salt for each method', 'bytesToHex(random.bytes(16))', "'00'.repeat(16)"],
      ['default work', 'logN = 17', 'logN = 15'],
      ['wiped', 'passphrase.expose().fill(0)'],
      ['nothing after it', 'if (isClosed)'],
      [
        'only its own files',
        "if (file.method === 'age' || file.header.method !== 'passphrase') {",
        "if (file.method === 'age' || file.header.method === 'kms') return new Uint8Array()\n      if (false) {",
      ],
    ],
  ),
  ...mutants(
    'seal/age',
    at('age'),
    [SEALING],
    [
      ['recipients', 'if (recipients.length === 0)'],
      [
        'identity',
        'if (identities === undefined)',
        'if (identities === undefined) return new Uint8Array()\n      if (false)',
      ],
      ['form of identities', '!lines.every((line) => IDENTITY.test(line))', 'false'],
      ['form of recipients', '!lines.every((line) => RECIPIENT.test(line))', 'false'],
      ['armour', "if (bytes[0] !== utf8ToBytes('-')[0]) return bytes", 'if (bytes.length > 0) return bytes'],
    ],
  ),
  ...mutants(
    'seal/kms',
    at('kms'),
    [KMS],
    [
      [
        'account in the context',
        'return { account, epoch: String(epoch),',
        "return { account: 'all', epoch: String(epoch),",
      ],
      ['epoch in the context', 'epoch: String(epoch), purpose', "epoch: '0', purpose"],
    ],
  ),
  ...mutants(
    'seal/kms.node',
    at('kms.node'),
    [KMS],
    [
      ['the key is asked for', 'new DecryptCommand({ KeyId: keyId, ', 'new DecryptCommand({ '],
      ['endpoint', 'if (endpoint !== undefined) requireSafeEndpoint(endpoint)'],
      [
        'https',
        "if (protocol === 'https:' || (protocol === 'http:' && isLocal)) return",
        "if (protocol !== 'ftp:') return",
      ],
      [
        'errors in our own words',
        'if (reason !== undefined) throw new StateError(',
        'if (reason !== undefined) throw new Error(',
      ],
      ['what may pass', "if (UNREACHED.includes(name) || typeof code === 'string')"],
    ],
  ),
  ...mutants(
    'seal/folder',
    at('folder.node'),
    [FOLDER],
    [
      ['an account once', 'if (other !== undefined) {', 'if (false) {'],
      ['an account that was here', 'if (!entries.has(account)) {', 'if (false) {'],
      ['at least one file', 'if (entries.size === 0)'],
      ['ways that were asked for', 'methods.find((m) => m.name === file.method)', 'methods[0]'],
      ['the account of the header', 'entries[0]?.[0] !== head.account', 'false'],
      ['one account under a header', 'entries.length !== 1 || ', ''],
      ['epoch of the header', 'if (share.epoch !== head.epoch)'],
      ['digest of the header', 'if (shareDigest(share) !== head.digest)'],
      ['rollback', 'advance(seen, found)', 'advance(undefined, found)'],
      ['what is new', 'if (next !== seen) news', 'if (false) news'],
      ['private folder', 'await requirePrivateFolder(folder)\n  const names', 'const names'],
    ],
  ),
  ...mutants(
    'seal/private-folder',
    at('private-folder.node'),
    [FOLDER],
    [
      ['mode', 'if ((found.mode & NOT_OWNER) !== 0) {', 'if (false) {'],
      ['a folder', 'if (!found.isDirectory())'],
    ],
  ),
  ...mutants(
    'seal/digest',
    at('digest'),
    [at('digest.test')],
    [
      ['chain code', '    bytesToHex(core.chainCode),\n', ''],
      ['epoch', '    epoch,\n    core.threshold,', '    core.threshold,'],
    ],
  ),
  ...mutants(
    'seal/names',
    at('names'),
    [FOLDER],
    [
      ['a hash of the account', '.slice(0, 16)', '.slice(0, 0)'],
      ['nothing but letters', ".replace(/[^A-Za-z0-9_-]+/g, '-')", ''],
    ],
  ),
  ...mutants(
    'seal/record',
    at('record'),
    [FOLDER],
    [
      ['authenticated', '!equalBytes(fromHex(record.mac), macOf(record, identity))', 'false'],
      ['of this account', 'record.account !== account ||', ''],
      ['epoch', 'if (epoch < seen.epoch)'],
      ['the same share', 'if (digest !== seen.digest)'],
      ['revision', 'if (revision < seen.revision)'],
    ],
  ),
  ...mutants(
    'seal/write',
    at('write.node'),
    [FOLDER],
    [
      ['the lock of this folder', 'if (o.lock.folder !== o.folder)'],
      ['no older share', 'advance(seen, next)', 'advance(undefined, next)'],
      ['force', '{ force: o.force }', '{ force: true }'],
      ['counts on from the record', 'Math.max(seen?.revision ?? 0, await revisionOf(path))', 'await revisionOf(path)'],
      ['records', 'await remember(o, o.lock, sealed)'],
      ['mode of the folder', 'await mkdir(folder, { mode: 0o700 })', 'await mkdir(folder)'],
    ],
  ),
  ...mutants(
    'seal/write, killed',
    at('folder.node'),
    [KILLS],
    [['one epoch at a time', 'epochs.get(epoch) ?? []), [account', 'epochs.get(0) ?? []), [account']],
  ),
  ...mutants(
    'seal/store-lock',
    at('store-lock.node'),
    [LOCK],
    [
      ['others', 'if (holder === undefined) return', 'if (true) return'],
      ['only a refusal is an end', "end(code === 'ECONNREFUSED' ? 'dead'", "end(code !== 'ENOENT' ? 'dead'"],
      [
        'a process that is silent',
        'socket.setTimeout(ANSWER_MS, () => end(holder()))',
        "socket.setTimeout(ANSWER_MS, () => end('dead'))",
      ],
      ['looking removes nothing', 'if (tidy) await rm', 'await rm'],
      ['dead ones are removed', 'if (tidy) await rm', 'if (false) await rm'],
      ['long paths', 'if (longest <= PATH_LIMIT) return', 'if (longest > 0) return'],
      ['a private folder', 'await requirePrivateFolder(folder)\n  const at', 'const at'],
    ],
  ),
  ...mutants(
    'config/keystore',
    'config/keystore.ts',
    ['config/keystore.test.ts'],
    [
      ['openers only of files', "if (keystore[key] !== undefined && type !== 'file')"],
      ['a key only with kms', "if (keystore[key] !== undefined && type !== 'kms')"],
      ['no folder in memory', "if (type === 'memory' && folder !== undefined)"],
      ['kms: folder', "if (type === 'kms' && folder === undefined)"],
      ['kms: key', "if (type === 'kms' && keystore.kms_key_id === undefined) {", 'if (false) {'],
      ['an opener for a folder', "if (type === 'file' && folder !== undefined && !isOpened) {", 'if (false) {'],
      [
        'a folder for an opener',
        'if (keystore.folder !== undefined) return []',
        'if (keystore !== undefined) return []',
      ],
      ['safe endpoint', '.refine(isSafe, { error })', ''],
    ],
  ),
  ...mutants(
    'config/passphrase',
    'config/passphrase.ts',
    ['config/passphrase.test.ts'],
    [
      ['one source', 'if (passphraseFile !== undefined && passphraseFd !== undefined) {', 'if (false) {'],
      ['private file', 'secret: !isCredential', 'secret: false'],
      ["systemd's credentials", 'dirname(resolve(path)) === resolve(credentials)', 'false'],
      ['one line', ' && !passphrase.includes(0x0a)', ''],
      ['newline', 'if (read[end - 1] === 0x0a) end -='],
      ['length', 'end >= 1 && end <= MAX_BYTES && ', ''],
      ['no output', 'if (fd === 1 || fd === 2)'],
      ['new ones are long', '!isNew || passphrase.length >= MIN_NEW_BYTES', 'true'],
      [
        'the same twice',
        'const same = first.length === second.length',
        'const same = true || first.length === second.length',
      ],
      ['the terminal comes back', 'terminal.setRawMode(false)', ''],
      ['interrupted', 'if (byte === INTERRUPT || byte === END) {', 'if (false) {'],
      ['erase by characters', 'while (at > 0 && ((line[at] ?? 0) & 0xc0) === 0x80) at--', ''],
      ['a signal before', 'if (host.signal.aborted) onEnd()'],
    ],
  ),
  ...mutants(
    'sign-service/keystore',
    'sign-service/keystore.ts',
    [SERVICE],
    [
      ['locked', 'owns ? await lockStore(folder) : undefined', 'undefined'],
      ['a check takes no lock', 'owns ? await lockStore(folder) : undefined', 'await lockStore(folder)'],
      ['a failed start lets go', '  } catch (e) {\n    await lock?.release()', '  } catch (e) {'],
      ['records', 'await remember(options, lock, news)'],
    ],
  ),
  ...mutants(
    'sign-service/keystore-changes',
    'sign-service/keystore-changes.ts',
    [SERVICE],
    [
      ['no other share in the file', 'if (shares.has(account))'],
      ['only what was added: file', 'if (ours.delete(account)) shares.delete(account)', 'shares.delete(account)'],
      ['only what was added: folder', 'if (!ours.delete(account)) continue'],
      ['no other share in the folder', 'lock, force: false })', 'lock, force: true })'],
    ],
  ),
  ...mutants(
    'sign-service/shares',
    'sign-service/shares.ts',
    [SERVICE],
    [['lets go', '    await keystore.close()\n', '']],
  ),
  ...mutants(
    'sign-service/doctor',
    'sign-service/doctor/files.ts',
    [DOCTOR],
    [
      ['mode of a file', 'if (!isCredential && (found.mode & NOT_OWNER) !== 0) {', 'if (false) {'],
      ['mode of a folder', '  if ((found.mode & NOT_OWNER) !== 0) {', '  if (false) {'],
      ['disk: fail', 'if (free < DISK_FAIL)'],
      ['disk: warn', 'if (free < DISK_WARN)'],
      ['inodes: fail', 'if (filesLeft === 0)'],
      ['inodes: warn', 'if (filesLeft < FILES_WARN)'],
      ['leaves nothing', 'await rm(probe, { force: true }).catch(() => {})'],
    ],
  ),
  ...mutants(
    'sign-service/doctor/clock',
    'sign-service/doctor/clock.ts',
    [DOCTOR],
    [
      ['fail', 'if (seconds > FAIL_SECONDS)'],
      ['warn', 'return seconds > WARN_SECONDS ?', 'return false ?'],
      ['ahead', 'if (startedMs > theirsMs + 1000)'],
      ['behind', 'if (endedMs < theirsMs)'],
      ['no date', 'if (Number.isNaN(theirs))'],
    ],
  ),
  ...mutants(
    'sign-service/doctor/command',
    'sign-service/doctor/command.ts',
    [DOCTOR],
    [['exit code', 'if (failed > 0)']],
  ),
]
