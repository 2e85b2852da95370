/**
 * Cheating with presignatures. Real participants over a gateway in memory; the service changes one thing in its answer,
 * or the client asks for what it must not get.
 */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { type FaultCode, MpcError, PeerStopped, ProtocolAbort, StateError } from '../../participant/base/errors.ts'
import { INSECURE_TEST as level } from '../../participant/base/level.ts'
import { systemRandom } from '../../participant/base/random.ts'
import type { KeyShare } from '../../participant/key-share/key-share.ts'
import { dealTestShares } from '../../participant/key-share/testing.ts'
import { modQ } from '../../participant/math/curve.ts'
import { viewed } from '../../participant/party/view.ts'
import { convicts } from '../../participant/protocols/evidence.ts'
import { one } from '../../participant/protocols/sign/protocol.ts'
import { inboxRoom } from '../../participant/room/gateway.ts'
import type { ServiceEvent } from '../../participant/signer/answer.ts'
import { type Evidence, formatEvidence, parseEvidence } from '../../participant/signer/evidence-file.ts'
import { type Ask, makeInvitation, sealInvitation } from '../../participant/signer/invitation.ts'
import type { Participant } from '../../participant/signer/participant.ts'
import { openTestParticipant } from '../../participant/signer/testing-participant.node.ts'
import { decode, encode } from '../../participant/wire/codec.ts'
import { decodePacket, type Envelope } from '../../participant/wire/envelope.ts'
import { Rooms } from '../hostile/memory-gateway.ts'
import { checkSignature } from '../hostile/sessions.ts'
import { cheatingGateway } from './cheating-gateway.ts'

const shares = dealTestShares({ parties: ['client', 'service'], threshold: 2, accounts: ['main'], level })
const share = (id: string): KeyShare => shares.get(id)?.get('main') ?? assert.fail('no share')
const payload = { kind: 'sha256', message: Uint8Array.of(1) } as const
const options = { account: 'main', payload, deadlineMs: 60_000 }
const opened: Participant[] = []
after(() => {
  for (const p of opened) p.close()
})

async function scene(change: (e: Envelope) => Uint8Array = (e) => e.body) {
  const posted: Uint8Array[] = []
  const rooms = new Rooms().end((_packet, show) => show())
  const gateway: typeof rooms = {
    ...rooms,
    post: (id, packet, o) => {
      posted.push(packet)
      return rooms.post(id, packet, o)
    },
    openRoom: (id, o) => {
      const room = rooms.openRoom(id, o)
      const post = (packet: Uint8Array): Promise<void> => {
        posted.push(packet)
        return room.post(packet)
      }
      return { ...room, post }
    },
  }
  const pool = { low: 0, high: 0, refill: false }
  const open = (id: string, over: typeof gateway): Participant => {
    const p = openTestParticipant({ keyShares: shares.get(id) ?? assert.fail(), gateway: over, pool })
    opened.push(p)
    return p
  }
  const client = open('client', gateway)
  const service = open('service', cheatingGateway(gateway, share('service').identity, change))
  const events: ServiceEvent[] = []
  const decide = () => undefined
  const serving = service.serve({ decide, maxSessions: 8, sessionMs: 30_000, onEvent: (e) => void events.push(e) })
  await serving.ready
  await client.prepare({ ...options, count: 1 })
  while (service.pool()?.size !== 1) await new Promise((resolve) => setTimeout(resolve, 2))
  return { client, service, serving, gateway, events, posted }
}

const partialOf = (e: Envelope) => decode(viewed(one.codec), e.body)
const saying = (e: Envelope, sigma: bigint, view = partialOf(e).view): Uint8Array =>
  encode(viewed(one.codec), { view, message: { sigma } })

const ROWS: readonly (readonly [string, (e: Envelope) => Uint8Array, FaultCode, RegExp, boolean])[] = [
  ['#41 a wrong σ', (e) => saying(e, modQ(partialOf(e).message.sigma + 1n)), 'PARTIAL_SIG', /^eq sigma Gamma$/, true],
  ['#41 a random σ', (e) => saying(e, 12345n), 'PARTIAL_SIG', /^eq sigma Gamma$/, true],
  ['an answer that is none', () => Uint8Array.of(0xff), 'DECODE', /^decode: /, true],
  [
    'another view than when it was made',
    (e) => saying(e, partialOf(e).message.sigma, new Uint8Array(32).fill(9)),
    'VIEW',
    /^view$/,
    false,
  ],
]

describe('a presigned signature', () => {
  for (const [what, change, code, check, isProven] of ROWS) {
    test(`${what}: ${code}`, async () => {
      const { client, serving } = await scene((e) => (e.protocol === 'sign' ? change(e) : e.body))
      const kept: Evidence[] = []
      await assert.rejects(client.sign({ ...options, onEvidence: (evidence) => void kept.push(...evidence) }), (e) => {
        assert.ok(e instanceof ProtocolAbort, `${e}`)
        assert.deepEqual(
          e.faults.map((f) => [f.culprit, f.code]),
          [['service', code]],
        )
        return true
      })
      assert.match(kept[0]?.fault.check ?? '', check)
      for (const evidence of kept) {
        const { fault, context } = parseEvidence(formatEvidence(evidence))
        assert.equal(await convicts(fault, context), isProven)
      }
      if (code === 'PARTIAL_SIG') {
        await assert.rejects(client.sign(options), (e) => e instanceof StateError && e.reason === 'LOCKED')
      }
      await serving.stop()
    })
  }

  test('an honest answer that is shown as wrong convicts nobody', async () => {
    const { client, serving, posted } = await scene()
    const result = await client.sign(options)
    checkSignature(result)
    const answers = posted.map(decodePacket).filter((p) => p.kind === 'clear' && p.envelope.protocol === 'sign')
    assert.equal(answers.length, 1)
    // the same through the eyes of an accuser: its own record, and a check that it says failed
    const lying = await scene((e) => (e.protocol === 'sign' ? saying(e, partialOf(e).message.sigma + 1n) : e.body))
    const kept: Evidence[] = []
    await assert.rejects(lying.client.sign({ ...options, onEvidence: (evidence) => void kept.push(...evidence) }))
    const [guilty] = kept
    assert.ok(guilty !== undefined, 'no evidence')
    const { fault, context } = guilty
    assert.ok(await convicts(fault, context), 'the guilty one')
    const digest = new Uint8Array(32).fill(1)
    assert.equal(await convicts(fault, { ...context, digest }), false)
    assert.equal(await convicts({ ...fault, record: fault.record?.slice(1) ?? [] }, context), false)
    await lying.serving.stop()
    await serving.stop()
  })
})

/** What the service does with this request of the client, written by hand. */
async function asked(at: Awaited<ReturnType<typeof scene>>, ask: Ask): Promise<ServiceEvent> {
  const invitation = makeInvitation(share('client'), ['client', 'service'], ask, Date.now() + 30_000)
  const packet = sealInvitation(share('client'), systemRandom.bytes(32), 'service', invitation, systemRandom)
  const before = at.events.length
  await at.gateway.post(inboxRoom(share('service').identity.verifyKey), packet)
  for (;;) {
    const said = at.events.slice(before).find((e) => e.at !== 'invited')
    if (said !== undefined) return said
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

const reply = `replies-${'0'.repeat(32)}`
/** The id of the presignature that the client has. */
function idOf(at: Awaited<ReturnType<typeof scene>>): Uint8Array {
  const last = at.posted.map(decodePacket).find((p) => p.kind === 'clear' && p.envelope.protocol === 'presign')
  return last?.kind === 'clear' ? last.envelope.session : assert.fail('no presigning')
}
const codeOf = (e: ServiceEvent): unknown => [e.at, 'code' in e ? e.code : undefined]

test('#43 a presignature is not used for a second message, nor when its request comes again', async () => {
  const at = await scene()
  const presignature = idOf(at)
  const ask = { kind: 'sign-presigned', presignature, reply } as const
  assert.deepEqual(codeOf(await asked(at, { ...ask, payload })), ['signed', undefined])
  const other = { kind: 'sha256', message: Uint8Array.of(2) } as const
  assert.deepEqual(codeOf(await asked(at, { ...ask, payload: other })), ['refused', 'PRESIGNATURE_GONE'])
  assert.deepEqual(codeOf(await asked(at, { ...ask, payload })), ['refused', 'PRESIGNATURE_GONE'])
  assert.equal(at.service.pool()?.size, 0)
  await at.serving.stop()
})

test('#46 a digest that the client chose is not signed with a presignature', async () => {
  const at = await scene()
  const ask = { kind: 'sign-presigned', presignature: idOf(at), reply } as const
  const digest = { kind: 'digest', digest: new Uint8Array(32).fill(3) } as const
  assert.deepEqual(codeOf(await asked(at, { ...ask, payload: digest })), ['refused', 'PRESIGNED_DIGEST'])
  assert.equal(at.service.pool()?.size, 1)
  await at.serving.stop()
})

test('an answer goes to no room but one for answers', async () => {
  const at = await scene()
  const inbox = inboxRoom(share('client').identity.verifyKey)
  const before = at.posted.length
  const ask = { kind: 'sign-presigned', presignature: idOf(at), reply: inbox, payload } as const
  await asked(at, ask)
  assert.equal(at.posted.length, before + 1, 'something was posted besides the request')
  await at.serving.stop()
})

test('what the gateway makes up is no answer', async () => {
  const at = await scene()
  await at.serving.stop()
  const late = at.client.sign({ ...options, deadlineMs: 1_500 })
  await assert.rejects(
    late,
    (e) => e instanceof MpcError && !(e instanceof PeerStopped) && !(e instanceof ProtocolAbort),
  )
})
