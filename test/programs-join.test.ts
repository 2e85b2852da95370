/**
 * `key-gen join` of two parties through a real gateway, with stored primes, and a signature with what they made. Then what
 * can go wrong: a fingerprint that isn't confirmed, other terms, nobody there. A failed ceremony writes nothing.
 */
import assert from 'node:assert/strict'
import { existsSync, statSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import { after, before, test } from 'node:test'
import { recoverAddress } from 'ethers'
import { runIn, type TestHostOptions, testHost } from '../config/testing.ts'
import { runKeyGen } from '../key-gen/program.ts'
import type { Report } from '../key-gen/report.ts'
import { CGGMP24_3072, systemRandom } from '../participant/index.ts'
import { testAuxSecrets } from '../participant/key-share/testing.ts'
import { logLine, type Run, until, Workplace } from './programs-testing.ts'

const place = new Workplace()
after(() => place.close())

let gateway: Run & { readonly url: string }
before(async () => {
  gateway = await place.startGateway()
})

let rooms = 0
const freshRoom = (): string => `room-${rooms++}`

/** key-gen join in this process; party i takes the i-th stored primes. */
function joining(i: number, name: string, room: string, args: readonly string[], o: TestHostOptions = {}) {
  const out = ['--out', place.path(`${name}_key_shares.json`)]
  const host = testHost(
    ['join', '--gateway', gateway.url, '--room', room, '--name', name, '--account', 'main', ...out, ...args],
    o,
  )
  const ended = runIn(host, (h) =>
    runKeyGen(h, {
      ofAll: () => assert.fail('not for join'),
      own: async () => testAuxSecrets(i, CGGMP24_3072, systemRandom),
    }),
  )
  return { host, ended }
}

const FINGERPRINT = /fingerprint {2}(\S+)/

test('a person and a script join, each confirms in its own way, and the two sign', async () => {
  const room = freshRoom()
  const typed = new PassThrough()
  const person = joining(0, 'alice', room, [], { isTTY: true, stdin: typed })
  const piped = new PassThrough()
  const script = joining(1, 'bob', room, ['--fingerprint', '-', '--json'], { stdin: piped })

  await until(() => /Type yes: $/.test(person.host.output.stderr), 'the question')
  typed.end('yes\n')
  await until(() => FINGERPRINT.test(script.host.output.stderr), 'the fingerprint')
  piped.end(`${FINGERPRINT.exec(person.host.output.stderr)?.[1]}\n`)

  const [alice, bob] = await Promise.all([person.ended, script.ended])
  for (const { exitCode, stderr } of [alice, bob]) assert.equal(exitCode, 0, stderr)
  const report = JSON.parse(bob.stdout) as Report
  const [account] = report.accounts
  assert.ok(account !== undefined)
  assert.deepEqual(report.parties, ['alice', 'bob'])
  assert.ok(alice.stdout.includes(report.fingerprint))
  assert.ok(alice.stdout.includes(account.publicKey))
  assert.equal(statSync(place.path('bob_key_shares.json')).mode & 0o777, 0o600)

  const service = place.start('sign-service', ['--gateway', gateway.url, '--key-shares', 'bob_key_shares.json'])
  await logLine(service, 'serving')
  const args = ['sign', '--gateway', gateway.url, '--key-shares', 'alice_key_shares.json', '--account', 'main']
  const { exitCode, stdout, stderr } = await place.run('cli', [...args, '--message', 'hello', '--json'])
  assert.equal(exitCode, 0, stderr)
  const signed = JSON.parse(stdout) as { address: string; digest: string; signature: string }
  assert.equal(recoverAddress(signed.digest, signed.signature), account.address)
})

test('whoever does not confirm the fingerprint ends with 6, and nothing is written on either side', async () => {
  const room = freshRoom()
  const wary = joining(0, 'dora', room, ['--fingerprint', '-'], { stdin: '0000-0000-0000-0000-0000\n' })
  const other = joining(1, 'emil', room, ['--yes'])
  const refused = await wary.ended
  assert.equal(refused.exitCode, 6)
  assert.match(refused.stderr, /key-gen: the fingerprint was not confirmed: no shares were made\n$/)
  await until(() => /was not compared \(--yes\)/.test(other.host.output.stderr), 'the other side to go on')
  other.host.interrupt()
  const left = await other.ended
  assert.equal(left.exitCode, 130)
  assert.equal(refused.stdout + left.stdout, '')
  for (const name of ['dora', 'emil']) assert.ok(!existsSync(place.path(`${name}_key_shares.json`)))
})

test('who comes for something else is named, and the deadline ends it with 3', async () => {
  const room = freshRoom()
  const [two, three] = [
    joining(0, 'fred', room, ['--yes', '--deadline', '5']),
    joining(1, 'gina', room, ['--yes', '--deadline', '5', '--parties', '3']),
  ]
  const [fred, gina] = await Promise.all([two.ended, three.ended])
  assert.equal(fred.exitCode, 3)
  assert.equal(gina.exitCode, 3)
  assert.match(fred.stderr, /^key-gen: gina came with other parties; waiting for it to come with ours$/m)
  assert.match(fred.stderr, /\nkey-gen: 2 parties did not meet in time/)
})

test('without a gateway it ends with 3 and says which was not reached; interrupted, with 130', async () => {
  const argv = ['join', '--account', 'a', '--name', 'hans', '--room', 'r', '--yes', '--deadline', '1']
  const nowhere = testHost([...argv, '--gateway', 'http://127.0.0.1:9', '--out', place.path('hans.json')])
  const moduli = {
    ofAll: () => assert.fail('not for join'),
    own: async () => testAuxSecrets(0, CGGMP24_3072, systemRandom),
  }
  const { exitCode, stderr } = await runIn(nowhere, (h) => runKeyGen(h, moduli))
  assert.equal(exitCode, 3)
  assert.match(
    stderr,
    /^key-gen: no connection to the gateway at http:\/\/127\.0\.0\.1:9 within 1 s\nhint: is it running/,
  )

  const { host, ended } = joining(0, 'ida', freshRoom(), ['--yes'])
  setTimeout(host.interrupt, 300)
  assert.deepEqual(await ended, { exitCode: 130, stdout: '', stderr: 'key-gen: interrupted\n' })
  for (const file of ['hans.json', 'ida_key_shares.json']) assert.ok(!existsSync(place.path(file)))
})
