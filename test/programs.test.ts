/**
 * gateway, sign-service and client as three processes with two key share files: signatures that another library takes,
 * refusals, restarts, interruptions, and the exit code of each end.
 */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { getAddress, hashMessage, keccak256, recoverAddress, sha256, toUtf8Bytes } from 'ethers'
import { linesOf, logLine, type Run, until, Workplace } from './programs-testing.ts'

const place = new Workplace()
after(() => place.close())

let gateway: Run & { readonly url: string }
let service: Run

before(async () => {
  await place.deal(['client', 'service'], 2, ['main', 'other'])
  gateway = await place.startGateway()
  service = place.start('sign-service', ['--gateway', gateway.url])
  const first = await logLine(service, 'serving')
  assert.deepEqual(first.accounts, ['main', 'other'])
  assert.deepEqual(first.parties, ['client', 'service'])
})

const signArgs = (...args: readonly string[]) => ['sign', '--gateway', gateway.url, '--account', 'main', ...args]
const signWith = (...args: readonly string[]) => place.run('cli', signArgs(...args))

interface Signed {
  readonly account: string
  readonly address: string
  readonly publicKey: string
  readonly digest: string
  readonly r: string
  readonly s: string
  readonly v: number
  readonly recovery: number
  readonly signature: string
  readonly der: string
}

function signedIn(stdout: string): Signed {
  assert.match(stdout, /^\{.*\}\n$/, 'one line, one object, nothing else')
  return JSON.parse(stdout) as Signed
}

test('a message, a file and standard input are signed, each with its hash', async () => {
  const bytes = Uint8Array.from([0, 1, 255, 10])
  writeFileSync(place.path('bytes'), bytes)
  const runs = [
    [signWith('--message', 'grüße', '--json'), hashMessage('grüße')],
    [signWith('--message-file', 'bytes', '--hash', 'sha256', '--json'), sha256(bytes)],
    [
      place.run('cli', signArgs('--message-file', '-', '--hash', 'keccak256', '--json'), 'from stdin'),
      keccak256(toUtf8Bytes('from stdin')),
    ],
  ] as const
  for (const [run, digest] of runs) {
    const { exitCode, stdout, stderr } = await run
    assert.equal(exitCode, 0, stderr)
    assert.equal(stderr, '', 'nothing on standard error without a terminal')
    const signed = signedIn(stdout)
    assert.deepEqual(Object.keys(signed), [
      'account',
      'address',
      'publicKey',
      'digest',
      'r',
      's',
      'v',
      'recovery',
      'signature',
      'der',
    ])
    assert.equal(signed.digest, digest)
    assert.equal(signed.v, 27 + signed.recovery)
    assert.equal(getAddress(signed.address), signed.address)
    assert.equal(recoverAddress(digest, signed.signature), signed.address)
    assert.equal(signed.signature, `${signed.r}${signed.s.slice(2)}${signed.v.toString(16)}`)
  }
})

test('text for people says the same', async () => {
  const { exitCode, stdout } = await signWith('--message', 'hello')
  assert.equal(exitCode, 0)
  const value = (label: string) => new RegExp(`^${label} +(\\S+)`, 'm').exec(stdout)?.[1] ?? ''
  assert.equal(value('digest'), hashMessage('hello'))
  assert.equal(recoverAddress(value('digest'), value('signature')), value('address'))
})

test('a bare digest is refused, and the client says so and ends with 4', async () => {
  const { exitCode, stdout, stderr } = await signWith('--digest', `0x${'11'.repeat(32)}`)
  assert.equal(exitCode, 4)
  assert.equal(stdout, '')
  assert.match(stderr, /^wallet-mpc: service stopped: RAW_DIGEST_REFUSED, .+\n$/)
  const refused = await logLine(service, 'refused')
  assert.equal(refused.code, 'RAW_DIGEST_REFUSED')
})

test('the log of the service is JSON and has neither messages nor anything of a key', async () => {
  const lines = linesOf(service.output.stdout)
  assert.ok(lines.filter((line) => line.msg === 'signed').length >= 4)
  const file = readFileSync(place.path('service_key_shares.json'), 'utf8')
  const shown = service.output.stdout + service.output.stderr
  assert.ok(!shown.includes('grüße') && !shown.includes('from stdin'))
  for (const [secret] of file.matchAll(/[0-9a-f]{64,}/g)) assert.ok(!shown.includes(secret))
})

test('the service comes back to a gateway that was killed and started again', async () => {
  gateway.child.kill('SIGKILL')
  await gateway.ended
  gateway = await place.startGateway(Number(new URL(gateway.url).port))
  const { exitCode, stdout, stderr } = await signWith('--message', 'after', '--json')
  assert.equal(exitCode, 0, stderr)
  assert.equal(recoverAddress(hashMessage('after'), signedIn(stdout).signature), signedIn(stdout).address)
})

test('SIGTERM: the service ends with 0 in time, and then the client waits in vain and ends with 3', async () => {
  const startedMs = Date.now()
  service.child.kill('SIGTERM')
  assert.equal(await service.ended, 0)
  assert.ok(Date.now() - startedMs < 5_000)
  // then there is only the head of its record
  assert.deepEqual(
    linesOf(service.output.stdout)
      .slice(-2)
      .map((l) => l.msg),
    ['closed', 'record'],
  )
  assert.equal(service.output.stderr, '')
  const { exitCode, stdout, stderr } = await signWith('--message', 'a', '--deadline', '2')
  assert.equal(exitCode, 3)
  assert.equal(stdout, '')
  assert.match(stderr, /^wallet-mpc: .*service.*\nhint: the gateway is there; is service running/)
})

test('a service may start before its gateway, may be told to sign digests, and abandons what does not end', async () => {
  const port = Number(new URL(gateway.url).port)
  gateway.child.kill('SIGTERM')
  assert.equal(await gateway.ended, 0)
  const args = ['--gateway', gateway.url, '--key-shares', 'service_key_shares.json']
  service = place.start('sign-service', args, {
    SIGN_SERVICE_POLICY_ALLOW_RAW_DIGEST: 'true',
    SIGN_SERVICE_LOGGING_LEVEL: 'debug',
  })
  await logLine(service, 'gateway: lost')

  const lonely = await signWith('--message', 'a', '--deadline', '1')
  assert.equal(lonely.exitCode, 3)
  assert.match(lonely.stderr, /^wallet-mpc: no connection to the gateway at http\S+ within 1 s\nhint: is it running\?/)

  gateway = await place.startGateway(port)
  await logLine(service, 'serving')
  const digest = `0x${'11'.repeat(32)}`
  const { exitCode, stdout, stderr } = await signWith('--digest', digest, '--json')
  assert.equal(exitCode, 0, stderr)
  assert.equal(recoverAddress(digest, signedIn(stdout).signature), signedIn(stdout).address)

  // A client that dies in the middle leaves a session that can't end.
  const dying = place.start('cli', signArgs('--message', 'a'))
  const count = (msg: string) => linesOf(service.output.stdout).filter((line) => line.msg === msg).length
  await until(() => count('invited') === 2, 'the second invitation')
  dying.child.kill('SIGKILL')
  assert.equal(count('signed'), 1)
  const startedMs = Date.now()
  service.child.kill('SIGTERM')
  assert.equal(await service.ended, 0)
  assert.ok(Date.now() - startedMs < 5_000)
  assert.equal(count('failed'), 1)
})

test('Ctrl-C ends the client with 130, without a trace of anything', async () => {
  const run = place.start('cli', signArgs('--message', 'a', '--deadline', '60', '--log-level', 'debug'))
  await until(() => run.output.stderr.includes('gateway: open'), 'the connection')
  run.child.kill('SIGINT')
  assert.equal(await run.ended, 130)
  assert.equal(run.output.stdout, '')
  assert.match(run.output.stderr, /\nwallet-mpc: interrupted\n$/)
})

test('wrong input ends each real program with 2 and one line', async () => {
  const runs = [
    place.run('cli', ['sign', '--account', 'main', '--digest', '0x1234']),
    place.run('cli', ['accounts', '--bogus']),
    place.run('sign-service', ['none.yaml']),
    place.run('sign-service', ['--key-shares', 'none.json']),
    place.run('key-gen', ['deal', '--account', 'main']),
  ]
  const expected = [
    /^wallet-mpc: --digest: expected 32 bytes as 0x and 64 hex digits\n$/,
    /^wallet-mpc: unknown option '--bogus'\nhint: see wallet-mpc --help\n$/,
    /^sign-service: none\.yaml: no such file\n$/,
    /^sign-service: none\.json: no such key share file\n$/,
    /^key-gen: client_key_shares\.json: exists already\nhint: --force overwrites it\n$/,
  ]
  for (const [i, run] of runs.entries()) {
    const { exitCode, stdout, stderr } = await run
    assert.equal(exitCode, 2, stderr)
    assert.equal(stdout, '')
    assert.match(stderr, expected[i] ?? /never/)
  }
})
