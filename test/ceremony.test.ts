/** Key shares without a dealer, between participants over a gateway in memory: what they agree on before they have any. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PeerStopped, ProtocolAbort, StateError, TransportError, UsageError } from '../participant/base/errors.ts'
import { INSECURE_TEST as level } from '../participant/base/level.ts'
import { systemRandom } from '../participant/base/random.ts'
import { secret } from '../participant/base/secret.ts'
import { testAuxSecrets } from '../participant/key-share/testing.ts'
import { identityOf } from '../participant/party/roster.ts'
import { viewed } from '../participant/party/view.ts'
import type { Gateway } from '../participant/room/gateway.ts'
import { type CeremonyOptions, generateShares } from '../participant/signer/ceremony.ts'
import { decode, encode, fixed, struct } from '../participant/wire/codec.ts'
import { decodePacket, encodePacket, signEnvelope } from '../participant/wire/envelope.ts'
import { testWork } from '../participant/zk/testing-work.node.ts'
import { Rooms } from './hostile/memory-gateway.ts'

const PARTIES = ['a', 'b']
/** A test that waits for what never comes fails instead of hanging. */
const LIMIT = { timeout: 10_000 }

function optionsOf(name: string, gateway: Gateway): CeremonyOptions {
  return {
    gateway,
    room: 'r',
    name,
    parties: 2,
    threshold: 2,
    accounts: ['x', 'y'],
    level,
    deadlineMs: 60_000,
    confirm: async () => true,
    work: testWork,
    moduli: Promise.resolve(testAuxSecrets(PARTIES.indexOf(name), level, systemRandom)),
  }
}

/** What a and b end with. */
async function ceremony(change: (name: string, gateway: Gateway) => Partial<CeremonyOptions>) {
  const rooms = new Rooms()
  const results = await Promise.allSettled(
    PARTIES.map((name) => {
      const gateway = rooms.end((_packet, show) => show())
      return generateShares({ ...optionsOf(name, gateway), ...change(name, gateway) })
    }),
  )
  return results.map((r) => (r.status === 'fulfilled' ? r.value : (r.reason as Error)))
}

test('all end with the same key of each account, after a person has seen the same fingerprint', async () => {
  const seen: string[] = []
  const shares = await ceremony(() => ({
    confirm: async (fingerprint, members) => {
      seen.push(`${fingerprint} ${members.join()}`)
      return true
    },
  }))
  const keys = shares.map((s) =>
    s instanceof Error ? assert.fail(s) : [...s].map(([account, { core }]) => `${account} ${core.publicKey.toHex()}`),
  )
  assert.deepEqual(keys[0], keys[1])
  assert.equal(new Set(keys[0]).size, 2)
  assert.match(seen[0] ?? '', /^([0-9a-f]{4}-){4}[0-9a-f]{4} a,b$/)
  assert.equal(seen[0], seen[1])
})

test('a fingerprint that one person does not confirm makes no shares, for anybody', async () => {
  const [a, b] = await ceremony((name) => ({ confirm: async () => name === 'b' }))
  assert.ok(a instanceof StateError && /fingerprint was not confirmed/.test(a.message), `${a}`)
  assert.ok(b instanceof PeerStopped && b.reason === 'FINGERPRINT', `${b}`)
})

test('a question that nobody answers ends with the ceremony, and one that fails with its error', LIMIT, async () => {
  for (const cancel of [(end: () => void) => end(), (end: () => void) => void setTimeout(end, 20)]) {
    const ending = new AbortController()
    const { signal } = ending
    const confirm = (): Promise<boolean> => {
      cancel(() => ending.abort())
      return new Promise(() => undefined)
    }
    const [a] = await ceremony(() => ({ confirm, signal }))
    assert.ok(a instanceof TransportError, `${a}`)
  }
  const failing = async (): Promise<boolean> => Promise.reject(new RangeError('no terminal'))
  const [c] = await ceremony((name) => (name === 'a' ? { confirm: failing, deadlineMs: 2_000 } : { deadlineMs: 500 }))
  assert.ok(c instanceof RangeError, `${c}`)
})

test('one that ended with something else keeps the others from writing shares', async () => {
  const codec = viewed(struct<{ digest: Uint8Array }>({ digest: fixed(32) }))
  // b's identity keys are its first two draws
  const draws: Uint8Array[] = []
  const random = {
    bytes: (n: number): Uint8Array => {
      const drawn = systemRandom.bytes(n)
      draws.push(drawn)
      return drawn
    },
  }
  const lying = (packet: Uint8Array): Uint8Array => {
    const p = decodePacket(packet)
    if (p.kind !== 'clear' || p.envelope.round !== 'finish') return packet
    const [signing, sealing] = draws as [Uint8Array, Uint8Array]
    const { signingKey } = identityOf('b', secret(signing), secret(sealing))
    const { view } = decode(codec, p.envelope.body)
    const body = encode(codec, { view, message: { digest: new Uint8Array(32) } })
    return encodePacket({ kind: 'clear', envelope: signEnvelope({ ...p.envelope, body }, signingKey) })
  }
  const [a] = await ceremony((name, gateway) => {
    if (name === 'a') return {}
    const openRoom: Gateway['openRoom'] = (id, o) => {
      const room = gateway.openRoom(id, o)
      return { ...room, post: (packet) => room.post(lying(packet)) }
    }
    return { random, gateway: { ...gateway, openRoom } }
  })
  assert.ok(a instanceof ProtocolAbort && /different keys/.test(a.message), `${a}`)
  assert.deepEqual(a.faults, [])
})

const IMPOSSIBLE: readonly (readonly [what: string, change: Partial<CeremonyOptions>, message: RegExp])[] = [
  ['an empty room', { room: '' }, /^room: /],
  ['a room with a slash', { room: 'a/b' }, /^room: /],
  ['a long room', { room: 'x'.repeat(101) }, /^room: /],
  ['one party', { parties: 1, threshold: 1 }, /^parties: /],
  ['33 parties', { parties: 33 }, /^parties: /],
  ['half a party', { parties: 2.5 }, /^parties: /],
  ['a threshold of 1', { threshold: 1 }, /^threshold: /],
  ['a threshold above the parties', { threshold: 3 }, /^threshold: /],
  ['half a threshold', { parties: 3, threshold: 2.5 }, /^threshold: /],
  ['no account', { accounts: [] }, /^account: /],
  ['an account twice', { accounts: ['x', 'x'] }, /^account: /],
  ['an account without a name', { accounts: ['x', ''] }, /^account: /],
  ['a long account', { accounts: ['x', 'é'.repeat(65)] }, /^account: /],
  ['an account that no file could hold', { accounts: ['x '] }, /^account: /],
  ['a name that is none', { name: 'a b' }, /^party name: /],
]

for (const [what, change, message] of IMPOSSIBLE) {
  test(`refused before anybody is met: ${what}`, async () => {
    let opened = 0
    const gateway = new Rooms().end(() => undefined)
    const openRoom: Gateway['openRoom'] = (id, o) => {
      opened++
      return gateway.openRoom(id, o)
    }
    await assert.rejects(
      generateShares({ ...optionsOf('a', { ...gateway, openRoom }), deadlineMs: 500, ...change }),
      (e) => e instanceof UsageError && message.test(e.message),
    )
    assert.ok(what === 'a name that is none' || opened === 0, 'no room is opened')
  })
}
