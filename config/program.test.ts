/** The command line: whoever finds a mistake, it is one line, advice at most, and exit code 2. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Command } from 'commander'
import { loadClientConfig } from './load.ts'
import { addListOption, addOption, namingFlags, required, runProgram, wholeNumber } from './program.ts'
import { runIn, type TestHost, testHost } from './testing.ts'

const seen: unknown[] = []

function define(program: Command): void {
  const command = program.command('go').description('goes')
  addOption(command, '--name <name>', 'name')
  addListOption(command, '--item <item>', 'item')
  command.action((flags: unknown) => {
    seen.push(flags)
  })
}

const run = (...argv: string[]) => runIn(testHost(argv), (host) => runProgram('prog', host, define))

test('flags arrive', async () => {
  seen.length = 0
  assert.deepEqual(await run('go', '--name', 'a', '--item', 'x', '--item', 'y'), {
    exitCode: 0,
    stdout: '',
    stderr: '',
  })
  assert.deepEqual(seen, [{ name: 'a', item: ['x', 'y'] }])
})

test('mistakes are one line with a hint, and no action runs', async () => {
  seen.length = 0
  const table: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /^prog: expected a command: go$/m],
    [['went'], /^prog: unknown command 'went'/m],
    [['go', '--nmae', 'a'], /^prog: unknown option '--nmae' \(Did you mean --name\?\)$/m],
    [['go', '--name'], /^prog: option '--name <name>' argument missing$/m],
    [['go', 'more'], /^prog: too many arguments/m],
    [['go', '--name', 'a', '--name', 'b'], /^prog: --name: expected once$/m],
  ]
  for (const [argv, expected] of table) {
    const { exitCode, stdout, stderr } = await run(...argv)
    assert.equal(exitCode, 2, argv.join(' '))
    assert.equal(stdout, '')
    assert.match(stderr, expected)
    assert.ok(stderr.split('\n').length <= 3, 'a line and a hint')
  }
  assert.deepEqual(seen, [])
})

test('a value that was given to a flag that does not exist is not repeated', async () => {
  const { stderr } = await run('go', '--pasword=hunter2')
  assert.match(stderr, /unknown option '--pasword'/)
  assert.ok(!stderr.includes('hunter2'))
})

test('help, of the program and of a command, lists the exit codes and ends with 0', async () => {
  for (const argv of [['--help'], ['go', '--help']]) {
    const { exitCode, stdout, stderr } = await run(...argv)
    assert.equal(exitCode, 0)
    assert.match(stdout, /Exit codes:\n {2}0 .*\n(?: {2}\d .*\n){7} {2}130 /)
    assert.equal(stderr, '')
  }
})

test('what an action throws after an interruption is the interruption', async () => {
  const throwing = (interrupt: boolean) => {
    const host: TestHost = testHost(['go'])
    return runIn(host, (h) =>
      runProgram('prog', h, (program) => {
        program.command('go').action(() => {
          if (interrupt) host.interrupt()
          throw new Error('secret')
        })
      }),
    )
  }
  assert.deepEqual(await throwing(true), { exitCode: 130, stdout: '', stderr: 'prog: interrupted\n' })
  assert.deepEqual(await throwing(false), { exitCode: 1, stdout: '', stderr: 'prog: internal error (Error)\n' })
})

test('numbers and missing flags name the flag', () => {
  assert.equal(wholeNumber('--n', '7', 1, 9, 3), 7)
  assert.equal(wholeNumber('--n', undefined, 1, 9, 3), 3)
  for (const text of ['', '0', '10', '1.5', '-1', '1e1', '0x5', ' 5', 'five', '99999999999999']) {
    assert.throws(() => wholeNumber('--n', text, 1, 9, 3), /^CommandError: --n: expected a whole number from 1 to 9$/)
  }
  assert.equal(required('--a', ''), '')
  assert.throws(() => required('--a', undefined), /--a: expected, but not given/)
})

test('a wrong value from the command line is told by its flag, from elsewhere by its key', () => {
  const names = { 'gateway.url': '--gateway' }
  const load = (url: string | undefined, env: Record<string, string> = {}) =>
    namingFlags(names, () => loadClientConfig({ cwd: '/', env, flags: { 'gateway.url': url } }))
  assert.equal(load('http://h').gateway.url, 'http://h')
  assert.throws(() => load('nonsense'), /^CommandError: --gateway: expected an http or https address/)
  assert.throws(() => load(undefined, { WALLET_MPC_GATEWAY_URL: 'nonsense' }), /variable WALLET_MPC_GATEWAY_URL/)
})
