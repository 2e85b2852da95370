/**
 * The four protocols among honest parties, over rooms that shuffle, delay, repeat and add packets of their own: shares
 * fit together, and signatures are taken by three other implementations.
 */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { bytesToHex, equalBytes } from '../participant/base/bytes.ts'
import { UsageError } from '../participant/base/errors.ts'
import { type Random, systemRandom } from '../participant/base/random.ts'
import { combine, G, mul } from '../participant/math/curve.ts'
import { evaluateInExponent, lagrange } from '../participant/math/polynomial.ts'
import type { Channel } from '../participant/party/channel.ts'
import { openConnection } from '../participant/party/connection.ts'
import type { Party } from '../participant/party/party.ts'
import { createIdentity, memberOf, type PartyId } from '../participant/party/roster.ts'
import { memoryRoom } from '../participant/party/simulation.ts'
import { allValues, hostileSchedule } from '../participant/party/testing.ts'
import { keygen } from '../participant/protocols/keygen/protocol.ts'
import { keygenRounds } from '../participant/protocols/keygen/rounds.ts'
import type { AuxInfo, CoreShare, Presignature } from '../participant/protocols/material.ts'
import {
  type Fixture,
  fixture,
  type Run,
  runAux,
  runKeygen,
  runPresign,
  runSign,
} from '../participant/protocols/testing.ts'
import { decodePacket, encodePacket, signEnvelope } from '../participant/wire/envelope.ts'
import { seededRandom } from '../participant/zk/testing.ts'
import { inProcess } from '../participant/zk/work.ts'
import { expectSignature, openssl } from './protocols-signature.ts'

const STRANGER = createIdentity('p0', systemRandom)

/** Packets of sessions that are over, to be sent again. */
const old: Uint8Array[] = []

/** Adds to each packet what a hostile room can make of it without a key. */
function noisy(room: Channel, random: Random): Channel {
  const sent: Uint8Array[] = []
  const pick = (from: readonly Uint8Array[]): Uint8Array =>
    from[(random.bytes(1)[0] as number) % from.length] ?? new Uint8Array(0)
  return {
    subscribe: room.subscribe,
    async post(packet) {
      sent.push(packet)
      const noise = [
        random.bytes(50),
        packet.slice(0, -1),
        packet.map((b, i) => (i === packet.length - 1 ? b ^ 1 : b)),
        packet.map((b, i) => (i === 2 ? b ^ 1 : b)),
        pick(sent),
        pick(old),
        ...unsigned(packet),
      ]
      for (const p of noise) await room.post(p)
      await room.post(packet)
      if (old.length < 40) old.push(packet)
    },
  }
}

/** The message with another body, and signed by a stranger. */
function unsigned(packet: Uint8Array): readonly Uint8Array[] {
  const p = decodePacket(packet)
  if (p.kind !== 'clear') return [encodePacket({ ...p, session: systemRandom.bytes(32) })]
  const { envelope } = p
  return [
    encodePacket({ kind: 'clear', envelope: { ...envelope, body: new Uint8Array(envelope.body.length) } }),
    encodePacket({
      kind: 'clear',
      envelope: signEnvelope({ ...envelope, body: new Uint8Array(1) }, STRANGER.signingKey),
    }),
  ]
}

function hostile(seed: string): Run {
  const random = seededRandom(`protocols ${seed}`)
  const room = noisy(memoryRoom(hostileSchedule(random)), random)
  return { channelOf: () => room }
}

function expectConsistent(f: Fixture, shares: ReadonlyMap<PartyId, CoreShare>): void {
  const all = [...shares]
  const [, first] = all[0] as [PartyId, CoreShare]
  for (const [id, s] of all) {
    assert.ok(mul(G, s.x.expose()).equals(s.publicShares.get(id) as typeof G), `${id}: x·G is not X`)
    assert.ok(s.publicKey.equals(first.publicKey), 's.publicKey.equals(first.publicKey)')
    assert.deepEqual([s.threshold, s.feldman.length], [f.threshold, f.threshold])
    assert.ok(s.feldman[0]?.equals(s.publicKey), 's.feldman[0]?.equals(s.publicKey)')
    assert.deepEqual(s.chainCode, first.chainCode)
    for (const m of f.roster.members) {
      assert.ok(
        s.publicShares.get(m.id)?.equals(evaluateInExponent(first.feldman, BigInt(m.index))),
        `${id}: F(${m.index}) is not X of ${m.id}`,
      )
    }
  }
  assert.equal(first.chainCode.length, 32)
  for (const subset of subsets(f.parties, f.threshold)) {
    const xs = subset.map((id) => BigInt(memberOf(f.roster, id).index))
    const key = combine(subset.map((id, i) => [lagrange(xs, i), first.publicShares.get(id) as typeof G]))
    assert.ok(key.equals(first.publicKey), `${subset}: does not interpolate to the public key`)
  }
}

function subsets<T>(of: readonly T[], size: number): readonly (readonly T[])[] {
  if (size === 0) return [[]]
  return of.flatMap((v, i) => subsets(of.slice(i + 1), size - 1).map((rest) => [v, ...rest]))
}

/** Presigns and signs; every signer ends with one and the same valid signature. */
async function sign(
  f: Fixture,
  signers: readonly PartyId[],
  material: (id: PartyId) => { readonly core: CoreShare; readonly aux: AuxInfo },
  digest: Uint8Array,
  seed: string,
): Promise<void> {
  const presignatures = allValues(await runPresign(f, { signers, ...hostile(`presign ${seed}`) }, material))
  expectFits(presignatures)
  const signatures = allValues(await runSign(f, presignatures, digest, hostile(`sign ${seed}`)))
  const [signature, ...others] = [...signatures.values()]
  assert.ok(signature, 'signature')
  for (const other of others) assert.deepEqual(other, signature)
  expectSignature(signature, digest, material(signers[0] as PartyId).core.publicKey)
}

/** Each signer's public view of all is the same, and fits its secrets. */
function expectFits(presignatures: ReadonlyMap<PartyId, Presignature>): void {
  for (const [id, p] of presignatures) {
    assert.ok(
      mul(p.Gamma, p.kTilde.expose()).equals(p.DeltaTilde.get(id) as typeof G),
      'mul(p.Gamma, p.kTilde.expose()).equals(p.DeltaTilde.get(id))',
    )
    assert.ok(
      mul(p.Gamma, p.chiTilde.expose()).equals(p.STilde.get(id) as typeof G),
      'mul(p.Gamma, p.chiTilde.expose()).equals(p.STilde.get(id))',
    )
    for (const other of presignatures.values()) assert.ok(other.Gamma.equals(p.Gamma), 'other.Gamma.equals(p.Gamma)')
  }
}

const DIGEST = new Uint8Array(32).fill(7)

test(
  'openssl is here to verify signatures',
  { skip: openssl === undefined && 'no openssl command on this machine' },
  () => assert.match(openssl ?? '', /\d/),
)

describe('2 of 2, from key generation to signature', () => {
  const f = fixture(2, 2)
  let cores: ReadonlyMap<PartyId, CoreShare>
  let aux: ReadonlyMap<PartyId, AuxInfo>
  const material = (id: PartyId) => ({ core: cores.get(id) as CoreShare, aux: aux.get(id) as AuxInfo })
  before(async () => {
    cores = allValues(await runKeygen(f, hostile('keygen 2')))
    aux = allValues(await runAux(f, hostile('aux 2')))
  })

  test('shares fit together', () => expectConsistent(f, cores))

  test('everybody ends with the moduli that the others brought', () => {
    for (const [id, a] of aux) {
      const own = f.shares.get(id)?.aux
      assert.equal(a.paillier.N, own?.paillier.N)
      for (const [peer, p] of a.peers) {
        const theirs = f.shares.get(peer)?.aux
        assert.deepEqual(
          [p.paillier.N, p.pedersen.NHat, p.pedersen.s, p.pedersen.t],
          [theirs?.paillier.N, theirs?.pedersen.NHat, theirs?.pedersen.s, theirs?.pedersen.t],
        )
      }
      assert.deepEqual(
        [...a.peers.keys()],
        f.parties.filter((p) => p !== id),
      )
    }
  })

  for (const [what, digest] of [
    ['of zeros', new Uint8Array(32)],
    ['of ones', new Uint8Array(32).fill(0xff)],
    ['with leading zeros', new Uint8Array(32).map((_, i) => (i < 3 ? 0 : i))],
  ] as const) {
    test(`a digest ${what} is signed`, () => sign(f, f.parties, material, digest, `2 ${what}`))
  }
})

describe('2 of 3', () => {
  const f = fixture(3, 2)
  let cores: ReadonlyMap<PartyId, CoreShare>
  before(async () => {
    cores = allValues(await runKeygen(f, hostile('keygen 3')))
  })
  const material = (id: PartyId) => ({ core: cores.get(id) as CoreShare, aux: f.shares.get(id)?.aux as AuxInfo })

  test('shares fit together', () => expectConsistent(f, cores))

  for (const signers of subsets(f.parties, 2)) {
    test(`${signers.join(' and ')} sign`, () => sign(f, signers, material, DIGEST, signers.join()))
  }

  test('auxiliary information among three', async () => {
    const aux = allValues(await runAux(f, hostile('aux 3')))
    for (const a of aux.values()) assert.equal(a.peers.size, 2)
  })

  test('other sets of signers are refused before anything is sent', async () => {
    for (const signers of [['p0'], ['p0', 'p1', 'p2']]) {
      for (const [, r] of await runPresign(f, { signers }, material)) {
        assert.ok(
          r.status === 'rejected' && r.reason instanceof UsageError,
          "r.status === 'rejected' && r.reason instanceof UsageError",
        )
      }
    }
    const elsewhere = (party: Party): Party => ({ ...party, peers: ['p2'] })
    const inAnother = await runPresign(f, { signers: ['p0', 'p1'], cheats: { p0: elsewhere } }, material)
    const p0 = inAnother.get('p0')
    assert.ok(p0?.status === 'rejected' && p0.reason instanceof UsageError, 'p0 presigned with the wrong parties')
    const room = memoryRoom()
    for (const [, r] of await runPresign({ ...f, parties: ['p1', 'p0'] }, { channelOf: () => room }, material)) {
      assert.ok(
        r.status === 'rejected' && r.reason instanceof UsageError,
        "r.status === 'rejected' && r.reason instanceof UsageError",
      )
    }
    assert.ok(
      room.log.every((raw) => decodePacket(raw).kind === 'sealed'),
      'more than a stop was sent',
    )
  })
})

describe('3 of 5', () => {
  const f = fixture(5, 3)
  let cores: ReadonlyMap<PartyId, CoreShare>
  before(async () => {
    cores = allValues(await runKeygen(f, hostile('keygen 5')))
  })
  const material = (id: PartyId) => ({ core: cores.get(id) as CoreShare, aux: f.shares.get(id)?.aux as AuxInfo })

  test('shares fit together', () => expectConsistent(f, cores))
  test('three sign', () => sign(f, ['p0', 'p2', 'p4'], material, DIGEST, '5'))
})

test('two runs of key generation share nothing', async () => {
  const f = fixture(2, 2)
  const [a, b] = [allValues(await runKeygen(f)), allValues(await runKeygen(f))]
  assert.ok(
    !a.get('p0')?.publicKey.equals(b.get('p0')?.publicKey as typeof G),
    "!a.get('p0')?.publicKey.equals(b.get('p0')?.publicKey)",
  )
  assert.ok(
    !equalBytes(a.get('p0')?.chainCode as Uint8Array, b.get('p0')?.chainCode as Uint8Array),
    'one chain code twice',
  )
})

test('the room never holds a sub-share in the clear', async () => {
  const f = fixture(2, 2)
  const room = memoryRoom()
  const cores = allValues(await runKeygen(f, { channelOf: () => room }))
  const log = room.log.map(bytesToHex).join('\n')
  for (const { x } of cores.values())
    assert.ok(
      !log.includes(x.expose().toString(16).padStart(64, '0')),
      "!log.includes(x.expose().toString(16).padStart(64, '0'))",
    )
  const rounds = room.log.map((raw) => decodePacket(raw)).map((p) => (p.kind === 'clear' ? p.envelope.round : 'sealed'))
  assert.deepEqual(rounds.sort(), ['1', '1', '2', '2', '3', '3', '4', '4', 'sealed', 'sealed'])
})

test('key generation refuses an impossible threshold and a part of the roster', async () => {
  const f = fixture(3, 2)
  for (const threshold of [0, 1, 4, 2.5, Number.NaN]) {
    for (const [, r] of await runKeygen({ ...f, threshold })) {
      assert.ok(r.status === 'rejected' && r.reason instanceof UsageError, `${threshold}`)
    }
  }
  const connection = openConnection({
    identity: f.identities.get('p0') as Parameters<typeof openConnection>[0]['identity'],
    roster: f.roster,
    signers: ['p0', 'p1'],
    session: systemRandom.bytes(32),
    epoch: 0,
    level: f.level,
    channel: memoryRoom(),
    protocols: [keygenRounds],
    random: systemRandom,
    work: inProcess,
    deadlineMs: 1_000,
  })
  await assert.rejects(
    connection.run((party) => keygen({ threshold: 2 }, party('keygen'))),
    UsageError,
  )
})
