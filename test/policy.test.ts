/**
 * A policy from a file behind a real gateway process: what is allowed is signed, from the start and from presignatures;
 * what is not comes back signed, with its code, before any round.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Transaction as EthersTransaction, hexlify } from 'ethers'
import { stringify } from 'yaml'
import { loadServiceConfig } from '../config/load.ts'
import { INSECURE_TEST as level } from '../participant/base/level.ts'
import { PeerStopped, Secret } from '../participant/index.ts'
import { dealTestShares } from '../participant/key-share/testing.ts'
import { connectGateway } from '../participant/room/gateway.ts'
import type { ServiceEvent } from '../participant/signer/answer.ts'
import { type Authority, approvalBytes, permitTag } from '../participant/signer/authority.ts'
import { approverOf } from '../participant/signer/authority-file.ts'
import { ethereumAddress } from '../participant/signer/describe.ts'
import type { Participant, SignOptions } from '../participant/signer/participant.ts'
import { digestOf, type Payload } from '../participant/signer/payload.ts'
import { openTestParticipant } from '../participant/signer/testing-participant.node.ts'
import { parseTransaction, signedTransaction } from '../participant/signer/transaction.ts'
import { curve25519 } from '../participant/wire/curve25519.ts'
import { freePort, type Program, startProgram } from '../scripts/processes.ts'
import { openPolicy, type Policy } from '../sign-service/policy.ts'

const folder = mkdtempSync(join(tmpdir(), 'policy-'))
const permitKey = new Secret(new Uint8Array(32).fill(3))
const approver = new Secret(new Uint8Array(32).fill(4))
const TO = `0x${'a1'.repeat(20)}`

let program: Program
let url: string
const ends: (() => Promise<void> | void)[] = []
before(async () => {
  const port = await freePort()
  url = `http://127.0.0.1:${port}`
  program = await startProgram(['gateway/main.ts', '--port', String(port), '--log-level', 'warn'], {
    readyUrl: `${url}/health`,
  })
})
after(async () => {
  for (const end of ends) await end()
  await program.stop()
  rmSync(folder, { recursive: true })
})

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const RULE = {
  name: 'main',
  accounts: ['main'],
  callers: ['client'],
  kinds: ['eip1559'],
  chains: [1],
  destinations: { allow: [{ address: TO }] },
  max_value: '100',
  max_value_per_day: '200',
  max_fee: 'unlimited',
}

let scenes = 0
function configOf(rules: readonly object[]) {
  const place = join(folder, `scene-${scenes++}`)
  const policy = `${place}.yaml`
  const key = `${place}.key`
  writeFileSync(policy, stringify({ version: 1, approvers: { ann: hex(approverOf(approver)) }, rules }))
  writeFileSync(key, `${hex(permitKey.expose())}\n`, { mode: 0o600 })
  const file = `${place}-service.yaml`
  writeFileSync(file, stringify({ mpc: { state_folder: place }, policy: { file: policy, permit_key_file: key } }))
  return loadServiceConfig({ file, env: {} })
}

async function scene(rules: readonly object[]) {
  const shares = dealTestShares({ parties: ['client', 'service'], threshold: 2, accounts: ['main', 'other'], level })
  const config = configOf(rules)
  const open = (id: string): Participant => {
    const keyShares = shares.get(id) ?? assert.fail('no shares')
    const pool = { low: 0, high: 0, refill: false }
    const p = openTestParticipant({ keyShares, gateway: connectGateway({ url }), pool })
    ends.push(() => p.close())
    return p
  }
  const events: ServiceEvent[] = []
  const serve = async () => {
    const policy: Policy = await openPolicy(config)
    const p = open('service')
    const onEvent = (e: ServiceEvent): void => void events.push(e)
    const service = p.serve({ ...policy, maxSessions: 32, maxSessionsPerPeer: 32, sessionMs: 60_000, onEvent })
    await service.ready
    const stop = async (): Promise<void> => {
      await service.stop()
      p.close()
      await policy.close()
    }
    return { p, stop }
  }
  const serving = await serve()
  ends.push(() => serving.stop())
  const client = open('client')
  return { client, serving, serve, events }
}

const transaction = (value: number, change: object = {}): Payload & { readonly kind: 'transaction' } => {
  const tx = EthersTransaction.from({ type: 2, chainId: 1n, nonce: value, gasLimit: 21_000n, to: TO, value, ...change })
  return { kind: 'transaction', transaction: Buffer.from(tx.unsignedSerialized.slice(2), 'hex') }
}
const signing = (payload: Payload, more: Partial<SignOptions> = {}): SignOptions => ({
  account: 'main',
  payload,
  deadlineMs: 40_000,
  ...more,
})
const refusedWith = (code: string) => (e: unknown) => {
  assert.ok(e instanceof PeerStopped, `${e}`)
  assert.equal(e.reason, code)
  assert.equal(e.peer, 'service')
  return true
}

function authority(payload: Payload, id: string, parts: { permit?: boolean; approve?: boolean }): Authority {
  const about = { id, account: 'main', digest: digestOf(payload) }
  const expires = Math.floor(Date.now() / 1000) + 600
  const signature = curve25519.sign(approvalBytes(about, 'eip1559', expires), approver)
  return {
    requestId: id,
    ...(parts.permit === true ? { permit: { expires, tag: permitTag(permitKey, about, expires) } } : {}),
    approvals: parts.approve === true ? [{ approver: approverOf(approver), expires, signature }] : [],
  }
}

test('a transaction that the policy allows is signed, from the start and with a presignature', async () => {
  const { client, events } = await scene([RULE])
  await client.prepare({ account: 'main', count: 1, deadlineMs: 40_000 })
  for (const value of [1, 2]) {
    const payload = transaction(value)
    const { signature, publicKey } = await client.sign(signing(payload))
    const signed = EthersTransaction.from(hexlify(signedTransaction(parseTransaction(payload.transaction), signature)))
    assert.equal(signed.from, ethereumAddress(publicKey), 'ethers finds our address')
    assert.equal(signed.value, BigInt(value))
  }
  // the service hears of the end a little later
  const kinds = () => events.flatMap((e) => (e.at === 'signed' ? [e.kind] : []))
  while (kinds().length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.deepEqual(kinds(), ['sign-presigned', 'sign'])
})

test('what it does not allow comes back with its code, on both ways; before any round, and nothing is counted', async () => {
  const { client, events } = await scene([RULE])
  const wrong: readonly (readonly [Payload, string])[] = [
    [transaction(101), 'VALUE_TOO_HIGH'],
    [transaction(1, { chainId: 5n }), 'CHAIN_NOT_ALLOWED'],
    [transaction(1, { to: `0x${'0b'.repeat(20)}` }), 'DESTINATION_NOT_ALLOWED'],
    [{ kind: 'eip191', message: Uint8Array.of(1) }, 'KIND_NOT_ALLOWED'],
    [{ kind: 'keccak256', message: transaction(101).transaction }, 'TRANSACTION_AS_BYTES'],
    [{ kind: 'digest', digest: new Uint8Array(32) }, 'KIND_NOT_ALLOWED'],
  ]
  for (const [payload, code] of wrong) await assert.rejects(client.sign(signing(payload)), refusedWith(code))
  const warm = wrong.slice(0, 2)
  await client.prepare({ account: 'main', count: warm.length, deadlineMs: 60_000 })
  for (const [payload, code] of warm) {
    await assert.rejects(client.sign(signing(payload)), refusedWith(code))
  }
  assert.deepEqual(client.pool()?.size, 0, 'each asked with a presignature')
  assert.deepEqual(
    events.flatMap((e) => (e.at === 'signed' || e.at === 'failed' ? [e.at] : [])),
    [],
  )
  await assert.rejects(client.sign(signing(transaction(1), { account: 'other' })), refusedWith('ACCOUNT_NOT_ALLOWED'))
  const other = client.prepare({ account: 'other', count: 1, deadlineMs: 40_000 })
  await assert.rejects(other, refusedWith('ACCOUNT_NOT_ALLOWED'), 'nor presignatures of that account')
  for (const n of [1, 2]) await client.sign(signing(transaction(100, { nonce: n })))
  await assert.rejects(client.sign(signing(transaction(1, { nonce: 9 }))), refusedWith('DAILY_VALUE_EXCEEDED'))
})

test('requests at once, some with presignatures, spend no more than the limit of a day', {
  timeout: 120_000,
}, async () => {
  const { client } = await scene([RULE])
  await client.prepare({ account: 'main', count: 1, deadlineMs: 60_000 })
  const all = await Promise.allSettled(
    Array.from({ length: 8 }, (_, nonce) => client.sign(signing(transaction(100, { nonce }), { deadlineMs: 100_000 }))),
  )
  const refused = all.flatMap((r) => (r.status === 'rejected' ? [r.reason as unknown] : []))
  for (const e of refused) refusedWith('DAILY_VALUE_EXCEEDED')(e)
  assert.equal(refused.length, 6)
})

test('a permit travels with the request and is good once, also after a restart', async () => {
  const { client, serving, serve } = await scene([{ ...RULE, permit: true }])
  const payload = transaction(1)
  await assert.rejects(client.sign(signing(payload)), refusedWith('PERMIT_REQUIRED'))
  const first = authority(payload, 'r1', { permit: true })
  await client.sign(signing(payload, { authority: first }))
  await assert.rejects(client.sign(signing(payload, { authority: first })), refusedWith('PERMIT_USED'))
  // of a request that never was, to the end of the service's presignatures
  await client.prepare({ account: 'main', count: 2, deadlineMs: 40_000 })
  const second = authority(payload, 'r2', { permit: true })
  await client.sign(signing(payload, { authority: second }))
  await serving.stop()
  const again = await serve()
  const third = authority(payload, 'r3', { permit: true })
  // the service has lost its part of the presignature; that used nothing up
  await client.sign(signing(payload, { authority: third }))
  for (const used of [first, second, third]) {
    await assert.rejects(client.sign(signing(payload, { authority: used })), refusedWith('PERMIT_USED'))
  }
  await again.stop()
})

test('an approval travels with the request; one for something else does not help', async () => {
  const { client } = await scene([{ ...RULE, approvals: { required: 1, of: ['ann'] } }])
  const payload = transaction(1)
  const approved = authority(payload, 'r1', { approve: true })
  await assert.rejects(client.sign(signing(payload)), refusedWith('APPROVAL_REQUIRED'))
  await assert.rejects(client.sign(signing(transaction(2), { authority: approved })), refusedWith('APPROVAL_REQUIRED'))
  await client.sign(signing(payload, { authority: approved }))
  await client.prepare({ account: 'main', count: 1, deadlineMs: 40_000 })
  await client.sign(signing(payload, { authority: approved }))
})

test('a new policy in a running service goes on counting where the old one was', async () => {
  const config = configOf([RULE])
  const old = await openPolicy(config)
  const ask = (policy: Policy, nonce: number) => {
    const payload = transaction(100, { nonce })
    return policy.decide({ account: 'main', from: 'client', signers: [], payload, digest: digestOf(payload) })
  }
  assert.equal(await ask(old, 1), undefined)
  const next = await old.reread(config)
  assert.equal(await ask(old, 2), undefined, 'a request that was under way')
  assert.equal((await ask(next, 3))?.code, 'DAILY_VALUE_EXCEEDED')
  await next.close()
  await old.close()
})
