/** What people give to the programs: flags, files and what they say, and that nothing is overwritten or lost. */
import { type Mutant, mutants, type Tests } from './mutant.ts'

const cli = (name: string): string => `cli/${name}.ts`
const keyGen = (name: string): string => `key-gen/${name}.ts`
const AUTHORITY = cli('authority.test')
const PAYLOAD = cli('payload.test')
const PROGRAM = cli('program.test')
const OPTIONS = keyGen('options.test')
const SEALING = keyGen('sealing.test')
const KEY_GEN = keyGen('program.test')
const DOCTOR: Tests = { file: 'sign-service/doctor/doctor.test.ts' }

export const programs: readonly Mutant[] = [
  ...mutants(
    'cli/audit',
    cli('audit'),
    [cli('audit.test')],
    [
      ['a problem', 'if (problem !== undefined) {', 'if (false) {'],
      ['a head', 'if (text !== undefined && head === undefined)'],
      ['a head that is given', "expected: headOf('--head', flags.head)", 'expected: undefined'],
      ['a head before', "after: headOf('--after', flags.after)", 'after: undefined'],
    ],
  ),
  ...mutants(
    'cli/authority',
    cli('authority'),
    [AUTHORITY],
    [
      ['a disguised payload', "if (kind === 'disguised') {", 'if (false) {'],
      [
        'a permit is none of an approval',
        "if ((found?.permit !== undefined) !== (flag === '--permit')) {",
        'if (false) {',
      ],
      [
        'each alone',
        'const found = inFile(`',
        'const found = ((_: string, read: () => ReturnType<typeof authorityOf>) => { try { return read() } catch { return flag === "--permit" ? { permit: {} } as never : undefined } })(`',
      ],
      ['request id', 'if (!REQUEST_ID.test(id)) {', 'if (false) {'],
      [
        'expires',
        "wholeNumber('--expires', flags.expires, 1, DAY_SECONDS, DEFAULT_SECONDS)",
        'Number(flags.expires ?? DEFAULT_SECONDS)',
      ],
      [
        'nothing is overwritten',
        'await writeFileAtomic(out, json, { force: false })',
        'await writeFileAtomic(out, json, { force: true })',
      ],
      ['no key is overwritten', "toString('hex')}\\n`, { force: false })", "toString('hex')}\\n`, { force: true })"],
      ['a new key alone', 'if (Object.values(others).some((v) => v !== undefined)) throw'],
      [
        'a key',
        'if (key === undefined) throw',
        'if (key === undefined) return new Secret(new Uint8Array(32))\n  if (false) throw',
      ],
      ['a file', 'if (e instanceof MpcError) throw new CommandError(`', 'if (false) throw new CommandError(`'],
      ['length of a file', 'if (content.length > MAX_FILE_BYTES)'],
    ],
  ),
  ...mutants(
    'cli/keystore',
    cli('keystore'),
    [cli('keystore.test')],
    [
      ['a descriptor without a folder', 'if (flags.passphraseFd !== undefined)'],
      ['a file beside a folder', 'if (flags.keyShares !== undefined) {', 'if (false) {'],
      [
        'a descriptor before a file',
        'passphrase_file !== undefined && flags.passphraseFd === undefined',
        'passphrase_file !== undefined',
      ],
    ],
  ),
  ...mutants(
    'cli/locks',
    cli('locks'),
    [{ file: PROGRAM, only: '^locks' }],
    [
      ['account', 'lock.account === account && ', ''],
      ['peer', ' && lock.peer === peer', ''],
      ['no such lock', 'if (found.length === 0) throw'],
      ['cleared', 'for (const lock of found) await store.clear(lock)', ''],
    ],
  ),
  ...mutants(
    'cli/open',
    cli('open'),
    [{ file: PROGRAM, only: '^locks|^a wrong account' }],
    [
      ['locks', 'locks: fileLocks(lockFolder(config)) })', '})'],
      ['an account', 'if (found !== undefined) return found', 'return all[0] as AccountInfo'],
    ],
  ),
  ...mutants(
    'cli/payload',
    cli('payload'),
    [PAYLOAD],
    [
      ['one of them', 'if (given.length !== 1) {', 'if (false) {'],
      [
        'a hash of its own',
        'if (flags.hash !== undefined && (transaction ?? typedData) !== undefined) {',
        'if (false) {',
      ],
      ['hex', "if (given.startsWith('0x') && !isHex) throw"],
      ['what can be hashed', 'digestOf(payload)\n    return payload', 'return payload'],
      ['a digest has no hash', 'if (hash !== undefined) throw'],
      ['a digest', 'if (!/^0x[0-9a-fA-F]{64}$/.test(digest)) {', 'if (false) {'],
      ['a hash', 'if (found === undefined) throw', "if (found === undefined) return 'eip191'\n  if (false) throw"],
      ['well-formed text', 'if (/[\\ufffd\\p{Cs}]/u.test(message)) {', 'if (false) {'],
      ['length of a text', 'if (bytes.length > PAYLOAD_LIMIT) throw'],
      ['length of a file', 'if (length > PAYLOAD_LIMIT) throw'],
    ],
  ),
  ...mutants(
    'key-gen/options',
    keyGen('options'),
    [OPTIONS],
    [
      [
        'parties',
        "wholeNumber('--parties', parties, 2, MAX_PARTIES, names ?? DEFAULT_PARTIES)",
        'Number(parties ?? names ?? DEFAULT_PARTIES)',
      ],
      [
        'threshold',
        "wholeNumber('--threshold', threshold, 2, n, DEFAULT_THRESHOLD)",
        'Number(threshold ?? DEFAULT_THRESHOLD)',
      ],
      ['not more than parties', 'threshold, 2, n, DEFAULT_THRESHOLD', 'threshold, 2, MAX_PARTIES, DEFAULT_THRESHOLD'],
      ['accounts', 'if (given.length > MAX_ACCOUNTS) throw'],
      ['each once', 'if (new Set(given).size !== given.length) throw'],
      ['no white space', 'account.trim() === account && ', ''],
      ['printable', '!UNPRINTABLE.test(account) && ', ''],
      ['no name of the language', " && account !== '__proto__'", ''],
      ['not empty', 'bytes < 1 || ', ''],
      ['not too long', 'bytes > ACCOUNT_LIMIT || ', ''],
      ['names', 'if (!PARTY_ID.test(name)) {', 'if (false) {'],
      ['as many names', 'if (list.length !== parties) throw'],
      ['distinct names', 'if (new Set(list.map((name) => name.toLowerCase())).size !== parties) {', 'if (false) {'],
      ['names that a file system takes for the same', 'list.map((name) => name.toLowerCase())', 'list'],
    ],
  ),
  ...mutants(
    'key-gen/join',
    keyGen('join'),
    [OPTIONS],
    [
      ['one way to confirm', 'if (flags.yes === true) throw'],
      ['standard input only', "if (flags.fingerprint !== '-') {", 'if (false) {'],
      ['a terminal', 'if (!isTerminal) {', 'if (false) {'],
      ['the same', 'return given.trim().toLowerCase() === fingerprint', 'return true'],
    ],
  ),
  ...mutants(
    'key-gen/join',
    keyGen('join'),
    [{ file: 'test/programs-join.test.ts' }],
    [
      [
        'what standard input says',
        "return sameFingerprint((await ask('', terminal)) ?? '', fingerprint)",
        'return true',
      ],
    ],
  ),
  ...mutants(
    'key-gen/program',
    keyGen('program'),
    [KEY_GEN],
    [
      ['room', 'if (!/^[A-Za-z0-9._-]{1,100}$/.test(room)) {', 'if (false) {'],
      ['a folder', "if (folder === '') throw"],
      ['a file', "if (path === '') throw"],
      ['looked at before: deal', "await requireWritable(parties.map(pathOf), { flag: '--out-dir', force })", ''],
      ['looked at before: join', "await requireWritable([path], { flag: '--out', force })", ''],
      ['interrupted', 'host.signal.throwIfAborted()\n      await', 'await'],
    ],
  ),
  ...mutants(
    'key-gen/targets',
    keyGen('targets'),
    ['key-gen/targets.test.ts', KEY_GEN, SEALING],
    [
      ['nothing is overwritten', 'if (found !== undefined && !force) throw'],
      ['no folder', 'if (found?.isDirectory()) throw'],
      ['in a folder', 'if (found !== undefined && !found.isDirectory()) throw'],
      ['one that can be written to', 'access(existing, constants.W_OK | constants.X_OK)', 'Promise.resolve()'],
      ['a folder of a command that failed', 'for (const folder of made) await rmdir(folder).catch(() => {})', ''],
      ['a folder of its own', 'mkdir(path, { mode: 0o700 })', 'mkdir(path)'],
    ],
  ),
  ...mutants(
    'key-gen/methods',
    keyGen('methods'),
    [{ file: SEALING, only: '^one way' }, SEALING],
    [
      ['one way to seal', 'if (ways.filter((way) => way).length > 1) {', 'if (false) {'],
      ['identities with recipients', 'if (ageIdentityFile !== undefined && !toAge) {', 'if (false) {'],
      ['region', 'if (kmsRegion !== undefined) throw'],
      ['endpoint', 'if (kmsEndpoint !== undefined) throw'],
      ['an address', 'if (kmsEndpoint !== undefined && !URL.canParse(kmsEndpoint)) {', 'if (false) {'],
      ['without KMS: sealing', 'requireNoKms(flags)\n  const passphrase', 'const passphrase'],
      ['without KMS: opening', 'if (kmsKeyId === undefined) requireNoKms(flags)'],
    ],
  ),
  ...mutants(
    'key-gen/sealing',
    keyGen('sealing'),
    [SEALING],
    [
      ['all of it is sealed', 'if (shares.size < all.size) throw'],
      ['it can be opened again', 'if (sealer.reader === undefined) {', 'if (false) {'],
      ['opened again', 'if (sealer.reader !== undefined) await compare(paths, shares, sealer.reader)'],
      ['removed only when told to', 'if (flags.remove === true) await remove([source])', 'await remove([source])'],
      ['removed', 'if (flags.remove === true) await remove([source])'],
      [
        'alone',
        'const lock = await lockStore(folder)',
        'const lock = { release: async () => {} } as Awaited<ReturnType<typeof lockStore>>',
      ],
      ['alone, opening', 'flags.remove === true ? await lockStore(folder) : undefined', 'undefined'],
      ['looked at before', "await requireWritable([out], { flag: '--out', force })", ''],
      ['an account', 'if (unknown !== undefined) throw'],
      ['accounts', '[...all].filter(([account]) => accounts.includes(account))', 'all'],
      [
        'removed when it was opened',
        'flags.remove === true ? removable(all, shares, paths, recordFolder ?? folder) : []',
        'removable(all, shares, paths, recordFolder ?? folder)',
      ],
      ['records are removed', 'return [resolve(recordFolder, recordName(account)), path]', 'return [path]'],
      ['a file of several accounts', 'path === undefined || kept.has(path)', 'path === undefined'],
    ],
  ),
  ...mutants(
    'sign-service/doctor/keystore',
    'sign-service/doctor/keystore.ts',
    [DOCTOR],
    [
      ['shares from elsewhere', "if (keystore.type === 'memory') {", 'if (false) {'],
      ['opened', "const opened = await attempt('open'", "const opened = 1 > 0 ? [] : await attempt('open'"],
      ['without taking the lock', '{ owns: false }', '{ owns: true }'],
      ['the folder', "const found = await privateFolder('folder', folder)", 'const found: readonly Finding[] = []'],
      ['can be written to', "...(await writableFolder('folder', folder)),", ''],
      ['records', 'recordFolder === undefined\n', 'true\n'],
      ['shares in the clear beside it', '(await exists(plain))', 'false'],
      ['files', "findings.push(...(await privateFile('file', join(folder, name))))", ''],
      [
        'format',
        'const file = await readSealedFile(join(folder, name))\n',
        "const file = { method: 'age' } as Awaited<ReturnType<typeof readSealedFile>>\n",
      ],
      ['what does not belong there', '...strayFindings(folder, names),', ''],
      ['shares in the clear in it', "if (name.endsWith('.json'))"],
      ['what was cut off', "if (name.endsWith('.tmp') || name.endsWith('.new')) {", 'if (false) {'],
      ['who has it', "...(await attempt('lock', () => lockFindings(folder))),", ''],
      ['dead locks', 'return dead === 0 ? [held] :', 'return true ? [held] :'],
      ['passphrase', "findings.push(...(await privateFile('passphrase', passphrase_file, isCredential)))", ''],
      ['a credential', 'credentials !== undefined && dirname', 'dirname'],
      ['age identity', 'if (age_identity_file !== undefined) findings'],
    ],
  ),
]
