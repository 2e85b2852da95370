/**
 * The canary in the real programs, at full size and at their lowest log level: gateway, sign-service and client as three
 * processes, each of which notes its own draws and secrets (secrecy-preload.ts). Searched are standard output and error
 * of all, and everything that went through the gateway.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { CGGMP24_3072 } from '../participant/index.ts'
import { parseKeyShares } from '../participant/key-share/format.ts'
import { logLine, Workplace } from './programs-testing.ts'
import { recordingProxy } from './secrecy-proxy.ts'
import { judge, noteShare, openPackets } from './secrecy-record.ts'
import { Canary, Channels } from './secrecy-search.ts'

const place = new Workplace()
after(() => place.close())

const PRELOAD = ['tsx', './secrecy-preload.ts'].map((m) => `--import=${import.meta.resolve(m)}`).join(' ')
const TRACE = ['--log-level', 'trace']

const noting = (name: string, leak = false) => ({
  NODE_OPTIONS: PRELOAD,
  CANARY_FILE: place.path(`${name}.secrets`),
  ...(leak ? { CANARY_LEAK: '1' } : {}),
})

function noteFile(canary: Canary, name: string): void {
  const path = place.path(`${name}.secrets`)
  if (!existsSync(path)) return
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (line === '') continue
    const bytes = Buffer.from(line, 'hex')
    canary.note(`${name}, ${bytes.length} bytes`, bytes)
  }
}

test('signing, refusing and waiting in vain, and a leaky program as control', async () => {
  await place.deal(['client', 'service'], 2, ['main'])
  const gateway = place.start('gateway', ['--port', '0', ...TRACE])
  const proxy = await recordingProxy(String((await logLine(gateway, 'listening')).url))
  const at = ['--gateway', proxy.url, ...TRACE]
  const service = place.start('sign-service', at, noting('service'))
  await logLine(service, 'serving')
  const client = async (name: string, args: readonly string[], leak = false) => {
    const run = place.start('cli', ['sign', '--account', 'main', ...at, ...args], noting(name, leak))
    run.child.stdin?.end()
    return { exitCode: await run.ended, ...run.output }
  }
  const signed = await client('client', ['--message', 'hello'])
  assert.equal(signed.exitCode, 0, signed.stderr)
  const refused = await client('refused', ['--digest', `0x${'11'.repeat(32)}`])
  assert.equal(refused.exitCode, 4, refused.stderr)
  service.child.kill('SIGTERM')
  await service.ended
  const vain = await client('vain', ['--message', 'hello', '--deadline', '1'])
  assert.equal(vain.exitCode, 3, vain.stderr)
  const leaky = await client('leaky', ['--message', 'hello', '--deadline', '1'], true)
  gateway.child.kill('SIGTERM')
  await gateway.ended

  const canary = new Canary()
  const shares = ['client', 'service'].flatMap((name) => [
    ...parseKeyShares(readFileSync(place.path(`${name}_key_shares.json`), 'utf8'), { levels: [CGGMP24_3072] }).values(),
  ])
  for (const share of shares) noteShare(canary, share)
  for (const name of ['client', 'service', 'refused', 'vain', 'leaky']) noteFile(canary, name)
  const said = openPackets(
    proxy.packets(),
    shares.map((s) => s.identity),
  )
  assert.ok(said.direct.some((e) => e.protocol === 'presign'))
  judge(canary, said, CGGMP24_3072)
  assert.ok(canary.size > 100, `${canary.size}`)

  const seen = new Channels()
  proxy.search(seen)
  proxy.close()
  const runs = { gateway: gateway.output, service: service.output, signed, refused, vain }
  for (const [name, { stdout, stderr }] of Object.entries(runs)) seen.text(name, `${stdout}\n${stderr}`)
  assert.deepEqual(seen.leaks(canary), [])
  // the logs have debug lines, or nothing was shown that it stays out of the log
  for (const { output } of [gateway, service]) assert.match(output.stdout, /"level":"debug"/)

  seen.text('leaky', leaky.stderr)
  assert.deepEqual([...new Set(seen.leaks(canary).map((leak) => leak.split(':')[0]))], ['leaky'])
})
