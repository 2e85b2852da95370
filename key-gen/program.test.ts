/**
 * key-gen from its arguments to its files, with stored primes: the search alone is left out. The whole program with a
 * real search runs in test/programs-deal.test.ts.
 */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Host } from '../config/program.ts'
import { runIn, testHost } from '../config/testing.ts'
import { CGGMP24_3072, systemRandom } from '../participant/index.ts'
import { readKeyShareFile } from '../participant/key-share/file.node.ts'
import { testAuxSecrets } from '../participant/key-share/testing.ts'
import { modQ, Point } from '../participant/math/curve.ts'
import { lagrange } from '../participant/math/polynomial.ts'
import { type ModuliSource, runKeyGen } from './program.ts'
import type { Report } from './report.ts'

const root = mkdtempSync(join(tmpdir(), 'key-gen-'))
after(() => rmSync(root, { recursive: true }))

let folders = 0
function freshFolder(): string {
  const path = join(root, String(folders++))
  mkdirSync(path)
  return path
}

const stored: ModuliSource = {
  async ofAll({ parties, onProgress }) {
    onProgress(2 * parties.length, 2 * parties.length)
    return new Map(parties.map((id, i) => [id, testAuxSecrets(i, CGGMP24_3072, systemRandom)]))
  },
}
const unused: ModuliSource = { ofAll: () => assert.fail('the search must not begin') }

const run = (argv: readonly string[], moduli = stored) => runIn(testHost(argv), (host: Host) => runKeyGen(host, moduli))
const read = (path: string) => readKeyShareFile(path, { levels: [CGGMP24_3072] })

test('deal writes what the reader accepts, mode 0600, and the shares make up the key', async () => {
  const folder = freshFolder()
  const { exitCode, stdout, stderr } = await run(['deal', '--account', 'a', '--account', 'b', '--out-dir', folder])
  assert.equal(exitCode, 0, stderr)
  assert.deepEqual(readdirSync(folder).sort(), ['client_key_shares.json', 'service_key_shares.json'])
  const [client, service] = await Promise.all(
    ['client', 'service'].map((name) => {
      const path = join(folder, `${name}_key_shares.json`)
      assert.equal(statSync(path).mode & 0o777, 0o600)
      return read(path)
    }),
  )
  assert.deepEqual([...(client?.keys() ?? [])], ['a', 'b'])
  for (const account of ['a', 'b']) {
    const [mine, theirs] = [client?.get(account), service?.get(account)]
    assert.ok(mine !== undefined && theirs !== undefined)
    assert.equal(mine.identity.id, 'client')
    const xs = [1n, 2n]
    const key = modQ(lagrange(xs, 0) * mine.core.x.expose() + lagrange(xs, 1) * theirs.core.x.expose())
    assert.ok(Point.BASE.multiply(key).equals(mine.core.publicKey))
    assert.ok(stdout.includes(`public key  0x${mine.core.publicKey.toHex(true)}\n`))
  }
  assert.notDeepEqual(client?.get('a')?.core.publicKey, client?.get('b')?.core.publicKey)
  assert.match(stdout, /\nfingerprint {2}([0-9a-f]{4}-){4}[0-9a-f]{4}\n/)
  assert.match(stderr, /this process has seen the whole private key/)
  assert.match(stderr, /key-gen: making primes, 4 of 4 moduli\n/)
})

test('deal for three parties, named, as JSON, into a folder that is not there yet', async () => {
  const folder = join(freshFolder(), 'new')
  const argv = ['deal', '--account', 'a', '--names', 'x,y,z', '--threshold', '2', '--out-dir', folder, '--json']
  const { exitCode, stdout } = await run(argv)
  assert.equal(exitCode, 0)
  const report = JSON.parse(stdout) as Report
  assert.deepEqual(report.parties, ['x', 'y', 'z'])
  assert.equal(report.threshold, 2)
  assert.deepEqual(
    report.files,
    ['x', 'y', 'z'].map((party) => ({ party, path: join(folder, `${party}_key_shares.json`) })),
  )
  assert.equal((await read(join(folder, 'y_key_shares.json'))).get('a')?.roster.members.length, 3)
})

test('deal overwrites nothing without --force, and finds out before the search', async () => {
  const folder = freshFolder()
  const there = join(folder, 'service_key_shares.json')
  writeFileSync(there, 'kept')
  const argv = ['deal', '--account', 'a', '--out-dir', folder]
  const refused = await run(argv, unused)
  assert.equal(refused.exitCode, 2)
  assert.match(refused.stderr, /^key-gen: \S+service_key_shares\.json: exists already\nhint: --force overwrites it\n$/)
  assert.equal(readFileSync(there, 'utf8'), 'kept')
  assert.deepEqual(readdirSync(folder), ['service_key_shares.json'])
  assert.equal((await run([...argv, '--force'])).exitCode, 0)
  assert.equal((await read(there)).size, 1)
})

test('a file that comes up while primes are searched stays, and no other is written', async () => {
  const folder = join(freshFolder(), 'new')
  const there = join(folder, 'service_key_shares.json')
  const late: ModuliSource = {
    ofAll(o) {
      mkdirSync(folder)
      writeFileSync(there, 'kept')
      return stored.ofAll(o)
    },
  }
  const { exitCode, stdout, stderr } = await run(['deal', '--account', 'a', '--out-dir', folder], late)
  assert.equal(exitCode, 6)
  assert.match(stderr, /\nkey-gen: \S+service_key_shares\.json: exists already/)
  assert.equal(stdout, '')
  assert.deepEqual(readdirSync(folder), ['service_key_shares.json'])
  assert.equal(readFileSync(there, 'utf8'), 'kept')
})

test('an interrupted deal leaves nothing, not even its folder', async () => {
  const folder = join(freshFolder(), 'new')
  const host = testHost(['deal', '--account', 'a', '--out-dir', folder])
  const interrupting: ModuliSource = {
    ofAll(o) {
      host.interrupt()
      return stored.ofAll(o)
    },
  }
  const { exitCode, stdout, stderr } = await runIn(host, (h) => runKeyGen(h, interrupting))
  assert.equal(exitCode, 130)
  assert.equal(stdout, '')
  assert.ok(stderr.endsWith('key-gen: interrupted\n'))
  assert.ok(!existsSync(folder))
})

test('wrong flags are one line, before anything happens', async () => {
  const folder = freshFolder()
  const deal = ['deal', '--out-dir', folder]
  const join_ = ['join', '--account', 'a', '--room', 'r', '--name', 'n', '--yes', '--out', join(folder, 'f')]
  const file = join(freshFolder(), 'file')
  writeFileSync(file, '')
  const table: readonly (readonly [readonly string[], RegExp])[] = [
    [['make'], /^unknown command 'make'/],
    [deal, /^--account: expected, but not given$/],
    [[...deal, '--account', ''], /^--account: expected 1 to 128 bytes/],
    [[...deal, '--account', 'a', '--account', 'a'], /^--account: expected each id once$/],
    [[...deal, '--account', 'a', '--threshold', '3'], /^--threshold: expected a whole number from 2 to 2$/],
    [[...deal, '--account', 'a', '--parties', '1'], /^--parties: expected a whole number from 2 to 32$/],
    [[...deal, '--account', 'a', '--parties', '3', '--names', 'a,b'], /^--names: expected 3 names/],
    [['deal', '--account', 'a', '--out-dir', file], /^--out-dir: \S+file is not a folder$/],
    [['deal', '--account', 'a', '--out-dir', join(folder, 'no', 'where')], /^--out-dir: \S+no: no such folder/],
    [['deal', '--account', 'a', '--out-dir', ''], /^--out-dir: expected a folder$/],
    [[...join_.slice(0, -1), ''], /^--out: expected a file name$/],
    [[...join_.slice(0, -1), file], /file: exists already$/],
    [['join', '--account', 'a', '--name', 'n', '--yes'], /^--room: expected, but not given$/],
    [[...join_.slice(0, 3), '--room', 'a/b', '--name', 'n', '--yes'], /^--room: expected 1 to 100 letters/],
    [[...join_.slice(0, 5), '--yes'], /^--name: expected, but not given$/],
    [[...join_.slice(0, 5), '--yes', '--name', '../n'], /^--name: expected names of 1 to 32/],
    [[...join_, '--deadline', '0'], /^--deadline: expected a whole number from 1 to 86400$/],
    [[...join_, '--gateway', 'nonsense'], /^--gateway: expected an http or https address/],
    [join_.filter((flag) => flag !== '--yes'), /^the fingerprint has to be confirmed, and this is no terminal$/],
  ]
  for (const [argv, expected] of table) {
    const { exitCode, stdout, stderr } = await run(argv, unused)
    assert.equal(exitCode, 2, `${argv.join(' ')}: ${stderr}`)
    assert.equal(stdout, '')
    assert.match(stderr.split('\n')[0]?.replace(/^key-gen: /, '') ?? '', expected)
  }
  assert.deepEqual(readdirSync(folder), [])
})
