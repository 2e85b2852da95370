/**
 * A signature that fails although every proof held: the account and the peer are locked, on the side that saw it, until
 * an operator clears the lock. Real participants over a gateway in memory; the cheater changes its last message alone.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { PeerStopped, ProtocolAbort, StateError } from '../../participant/base/errors.ts'
import { INSECURE_TEST as level } from '../../participant/base/level.ts'
import type { KeyShare } from '../../participant/key-share/key-share.ts'
import { dealTestShares } from '../../participant/key-share/testing.ts'
import { modQ } from '../../participant/math/curve.ts'
import { viewed } from '../../participant/party/view.ts'
import { convicts } from '../../participant/protocols/evidence.ts'
import { one as signRound } from '../../participant/protocols/sign/protocol.ts'
import type { Gateway } from '../../participant/room/gateway.ts'
import type { ServiceEvent } from '../../participant/signer/answer.ts'
import type { Evidence } from '../../participant/signer/evidence-file.ts'
import { fileLocks } from '../../participant/signer/locks.node.ts'
import type { Participant } from '../../participant/signer/participant.ts'
import { openTestParticipant, type TestOptions } from '../../participant/signer/testing-participant.node.ts'
import { decode, encode } from '../../participant/wire/codec.ts'
import type { Envelope } from '../../participant/wire/envelope.ts'
import { Rooms } from '../hostile/memory-gateway.ts'
import { checkSignature } from '../hostile/sessions.ts'
import { cheatingGateway } from './cheating-gateway.ts'

const folder = mkdtempSync(join(tmpdir(), 'lock-'))
const opened: Participant[] = []
after(() => {
  for (const p of opened) p.close()
  rmSync(folder, { recursive: true })
})

const shares = dealTestShares({ parties: ['client', 'service'], threshold: 2, accounts: ['main', 'other'], level })
const sharesOf = (id: string): ReadonlyMap<string, KeyShare> => shares.get(id) ?? assert.fail('no shares')
const payload = { kind: 'sha256', message: new Uint8Array(1) } as const

/** σ + 1 in place of σ. */
function wrongPartial(e: Envelope): Uint8Array {
  if (e.protocol !== 'sign') return e.body
  const { view, message } = decode(viewed(signRound.codec), e.body)
  return encode(viewed(signRound.codec), { view, message: { sigma: modQ(message.sigma + 1n) } })
}

/** The two parties, of which the client cheats or not, with locks in a folder of this name. */
function scene(name: string, { cheats, ...o }: { readonly cheats: boolean } & Pick<TestOptions, 'pool'>) {
  const gateway = new Rooms().end((_packet, show) => show())
  const identity = sharesOf('client').get('main')?.identity ?? assert.fail('no identity')
  const open = (id: string, over: Gateway): Participant => {
    const locks = fileLocks(join(folder, name, id))
    const p = openTestParticipant({ keyShares: sharesOf(id), gateway: over, locks, ...o })
    opened.push(p)
    return p
  }
  return {
    client: open('client', cheats ? cheatingGateway(gateway, identity, wrongPartial) : gateway),
    service: open('service', gateway),
    locks: fileLocks(join(folder, name, 'service')),
  }
}

function serving(p: Participant, onEvidence?: (evidence: readonly Evidence[]) => void) {
  const events: ServiceEvent[] = []
  const options = {
    decide: () => undefined,
    maxSessions: 4,
    sessionMs: 60_000,
    onEvent: (e: ServiceEvent) => void events.push(e),
  }
  const service = p.serve({ ...options, ...(onEvidence === undefined ? {} : { onEvidence }) })
  const ended = async (): Promise<ServiceEvent | undefined> => {
    while (service.sessions > 0) await new Promise((resolve) => setTimeout(resolve, 5))
    return events.at(-1)
  }
  return { service, ended }
}

const sign = (p: Participant, account = 'main') => p.sign({ account, payload, deadlineMs: 60_000 })
const refusedWith = (reason: string) => (e: unknown) => e instanceof PeerStopped && e.reason === reason

test('#42 a service whose peer made the signature fail signs with it no more: LOCKED', async () => {
  const evidence: Evidence[] = []
  // with a presignature the one who starts says nothing that could be wrong
  const first = scene('service', { cheats: true, pool: 'none' })
  const cheated = serving(first.service, (kept) => void evidence.push(...kept))
  // the cheater itself has both partial signatures
  await sign(first.client).catch(() => undefined)
  const event = await cheated.ended()
  assert.ok(event?.at === 'failed', `${event?.at}`)
  assert.deepEqual([event.code, event.culprits], ['ABORT', ['client']])
  assert.deepEqual(
    evidence.map(({ fault }) => [fault.culprit, fault.code, fault.check]),
    [['client', 'PARTIAL_SIG', 'eq sigma Gamma']],
  )
  for (const { fault, context } of evidence) assert.ok(await convicts(fault, context), 'the evidence convicts')
  await assert.rejects(sign(first.client), refusedWith('LOCKED'))
  await cheated.service.stop()

  // after a restart, and although the client is honest now
  const second = scene('service', { cheats: false })
  const restarted = serving(second.service)
  await assert.rejects(sign(second.client), refusedWith('LOCKED'))
  checkSignature(await sign(second.client, 'other'))
  const key = { account: 'main', self: 'service', peer: 'client' }
  assert.equal((await second.locks.find(key))?.code, 'PARTIAL_SIG')
  assert.ok(await second.locks.clear(key), 'there was a lock')
  checkSignature(await sign(second.client))
  await restarted.service.stop()
})

test('#42 whoever starts does not try again with a peer that made the signature fail: LOCKED', async () => {
  const { client, service, locks } = scene('initiator', { cheats: true })
  const cheater = serving(client)
  await assert.rejects(sign(service), (e) => {
    assert.ok(e instanceof ProtocolAbort, `${e}`)
    assert.deepEqual(
      e.faults.map((f) => [f.culprit, f.code]),
      [['client', 'PARTIAL_SIG']],
    )
    return true
  })
  const key = { account: 'main', self: 'service', peer: 'client' }
  assert.equal((await locks.find(key))?.code, 'PARTIAL_SIG')
  await assert.rejects(sign(service), (e) => e instanceof StateError && e.reason === 'LOCKED')
  await cheater.service.stop()
})

test('#42 a failure that the network could have made locks nothing', async () => {
  const { client, service, locks } = scene('nothing', { cheats: false })
  await assert.rejects(client.sign({ account: 'main', payload, deadlineMs: 200 }))
  assert.deepEqual(await locks.list(), [])
  const { service: honest } = serving(service)
  checkSignature(await sign(client))
  assert.deepEqual(await locks.list(), [])
  await honest.stop()
})
