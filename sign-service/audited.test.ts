/** A decision counts when it is recorded, and not before; what can't be recorded is refused. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openAuditLog } from '../config/audit/writer.ts'
import { digestOf, type Payload, type ServiceEvent, type SignRequest } from '../participant/index.ts'
import { currentCaller } from './api/caller.ts'
import { audited, recordEnd } from './audited.ts'
import { policyOf } from './policy.ts'

const folder = mkdtempSync(join(tmpdir(), 'audited-'))
after(() => rmSync(folder, { recursive: true }))

const payload: Payload = { kind: 'sha256', message: new Uint8Array([1]) }
const request = (account: string): SignRequest => ({
  account,
  from: 'client',
  signers: ['client', 'service'],
  payload,
  digest: digestOf(payload),
})
const policy = policyOf({ allow_raw_digest: false, accounts: ['main'] })
const linesOf = (path: string) =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

test('what was decided is in the record when the decision is known', async () => {
  const path = join(folder, 'decided.jsonl')
  const log = await openAuditLog(path)
  const { decide, decidePresign } = audited(policy, log)
  assert.equal(
    await currentCaller.run({ name: 'jwt:wallet', rights: new Set(), accounts: undefined }, () =>
      decide(request('main')),
    ),
    undefined,
  )
  const [allowed] = linesOf(path)
  assert.equal(allowed?.['event'], 'allowed')
  const { account, from, caller, signers, kind, digest } = allowed ?? {}
  assert.deepEqual(
    [account, from, caller, signers, kind],
    ['main', 'client', 'jwt:wallet', ['client', 'service'], 'sha256'],
  )
  assert.equal(digest, Buffer.from(digestOf(payload)).toString('hex'))
  assert.equal((await decide(request('other')))?.code, 'ACCOUNT_NOT_SERVED')
  const [, refused] = linesOf(path)
  assert.deepEqual(
    [refused?.['event'], refused?.['code'], refused?.['caller']],
    ['refused', 'ACCOUNT_NOT_SERVED', undefined],
  )
  assert.equal(decidePresign({ account: 'other', from: 'client', signers: [] })?.code, 'ACCOUNT_NOT_SERVED')
  await log.close()
})

test('what can’t be recorded is refused, and what was refused stays so', async () => {
  const path = join(folder, 'full.jsonl')
  symlinkSync('/dev/full', path)
  const log = await openAuditLog(path)
  const { decide } = audited(policy, log)
  assert.equal((await decide(request('main')))?.code, 'NO_RECORD')
  assert.equal((await decide(request('other')))?.code, 'NO_RECORD')
  await log.close()
  assert.equal(audited(policy, undefined), policy)
})

test('closing closes the policy', async () => {
  const log = await openAuditLog(join(folder, 'closed.jsonl'))
  let closed = 0
  await audited({ ...policy, close: async () => void closed++ }, log).close()
  assert.equal(closed, 1)
  await log.close()
})

test('how signatures ended is recorded, and of nothing else; that it could not be is logged', async () => {
  const path = join(folder, 'ended.jsonl')
  const log = await openAuditLog(path)
  const logged: string[] = []
  const logger = { error: (text: string) => void logged.push(text) } as never
  const facts = { session: 's', account: 'main', from: 'client', ms: 7 }
  const events: readonly object[] = [
    { at: 'signed', kind: 'sign', ...facts },
    { at: 'failed', kind: 'sign-presigned', ...facts, code: 'ABORT', culprits: ['client'] },
    { at: 'refused', kind: 'sign', ...facts, code: 'NO' },
    { at: 'failed', kind: 'presign', ...facts, code: 'ABORT' },
    { at: 'presigned', kind: 'presign', ...facts },
    { at: 'listening' },
  ]
  for (const event of events) recordEnd(log, logger, event as ServiceEvent)
  recordEnd(undefined, logger, events[0] as ServiceEvent)
  await log.close()
  const found = linesOf(path).map(({ event, way, code, culprits, ms }) => [event, way, code, culprits, ms])
  assert.deepEqual(found, [
    ['signed', 'sign', undefined, undefined, 7],
    ['failed', 'sign-presigned', 'ABORT', ['client'], 7],
  ])
  const full = join(folder, 'end-full.jsonl')
  symlinkSync('/dev/full', full)
  const broken = await openAuditLog(full)
  recordEnd(broken, logger, events[0] as ServiceEvent)
  await broken.close()
  await new Promise((resolve) => setTimeout(resolve, 0))
  assert.deepEqual(logged, ['the end of a signature could not be recorded'])
})
