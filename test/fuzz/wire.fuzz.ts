/** Everything that comes out of a room: packets, envelopes, seals, and the message of every round of every protocol. */
import assert from 'node:assert/strict'
import { bytesToHex, fromBase64, fromHex, fromUtf8, toBase64, utf8ToBytes } from '../../participant/base/bytes.ts'
import { DecodeError, type Fault, PeerStopped, TransportError, UsageError } from '../../participant/base/errors.ts'
import { INSECURE_TEST } from '../../participant/base/level.ts'
import { dealTestShares } from '../../participant/key-share/testing.ts'
import { G, mul, type Point } from '../../participant/math/curve.ts'
import { accusationsCodec } from '../../participant/party/accusation.ts'
import { echoCodec, openingCodec } from '../../participant/party/echo.ts'
import { Inbox } from '../../participant/party/inbox.ts'
import { openMailbox } from '../../participant/party/mailbox.ts'
import type { ProtocolRounds } from '../../participant/party/party.ts'
import { createIdentity, type Identity, makeRoster, rosterCodec } from '../../participant/party/roster.ts'
import { memoryRoom } from '../../participant/party/simulation.ts'
import { viewed } from '../../participant/party/view.ts'
import { auxRounds } from '../../participant/protocols/aux-info/rounds.ts'
import { keygenRounds } from '../../participant/protocols/keygen/rounds.ts'
import { presignRounds } from '../../participant/protocols/presign/rounds.ts'
import { signRounds } from '../../participant/protocols/sign/protocol.ts'
import { type Authority, authorityCodec } from '../../participant/signer/authority.ts'
import {
  type Ask,
  makeInvitation,
  meetRounds,
  openInvitation,
  sealInvitation,
} from '../../participant/signer/invitation.ts'
import { type Payload, payloadCodec } from '../../participant/signer/payload.ts'
import { rendezvous } from '../../participant/signer/rendezvous.ts'
import { decodeRlp, encodeRlp } from '../../participant/signer/rlp.ts'
import { encodeTransaction, parseTransaction, type Transaction } from '../../participant/signer/transaction.ts'
import { parseTypedData } from '../../participant/signer/typed-data.ts'
import { type Codec, encode, fixed, list, struct, text, u16 } from '../../participant/wire/codec.ts'
import {
  decodePacket,
  type Envelope,
  encodePacket,
  envelopeCodec,
  signEnvelope,
  verifyEnvelope,
} from '../../participant/wire/envelope.ts'
import { seal, unseal } from '../../participant/wire/sealing.ts'
import { Transcript } from '../../participant/wire/transcript.ts'
import { instances } from '../../participant/zk/testing.ts'
import { inProcess } from '../../participant/zk/work.ts'
import { diceRandom } from './dice.ts'
import { codecTarget, decoderTarget, type Target } from './target.ts'

const level = INSECURE_TEST
const random = diceRandom('wire')
const [alice, bob, carol] = ['alice', 'bob', 'carol'].map((id) => createIdentity(id, random)) as [
  Identity,
  Identity,
  Identity,
]
const roster = makeRoster([alice, bob, carol])
const session = random.bytes(32)

// Messages of the rounds. Codecs don't know whether a proof holds: every form is there, not every relation.

function roundMessages(): Readonly<Record<string, readonly unknown[]>> {
  const all = instances(level.name)
  const made = <W, P>(i: {
    readonly proof: { prove(b: never, x: never, w: never, r: typeof random): P }
    readonly binding: unknown
    readonly statement: unknown
    readonly witness: W
  }): P => i.proof.prove(i.binding as never, i.statement as never, i.witness as never, random)
  const points = (n: number): readonly Point[] => Array.from({ length: n }, (_, i) => mul(G, BigInt(i + 2)))
  const [P, Q] = points(2)
  const { NHat, s, t } = all.prm.statement
  const { C, D, Y } = all.affG.statement
  const b = (): Uint8Array => random.bytes(32)
  const elog = made(all.elog)
  const psi = made(all.affG)
  const encElg = made(all.encElg)
  const envelope = encode(envelopeCodec, envelopes()[0] as Envelope)
  return {
    'keygen/1': [{ V: b() }],
    'keygen/2': [2, 3, 1].map((n) => ({ rid: b(), F: points(n), A: P, c: b(), u: b() })),
    'keygen/2 shares': [{ sigma: 0n }, { sigma: 1n << 200n }],
    'keygen/4': [{}],
    'aux-info/4': [{}],
    'keygen/3': [{ z: 1n }, { z: 1n << 255n }],
    'aux-info/1': [{ V: b() }],
    'aux-info/2': [{ N: all.mod.statement.N, NHat, s, t, psiHat: made(all.prm), rho: b(), u: b() }],
    'aux-info/3': [{ psi: made(all.mod) }],
    'aux-info/3 fac': [{ phi: made(all.fac) }],
    'presign/1': [{ K: C, G: D, Y: P, A1: Q, A2: P, B1: Q, B2: P }],
    'presign/1 proofs': [{ psi0: encElg, psi1: encElg }],
    'presign/2': [{ Gamma: P, psiPrime: elog }],
    'presign/2 products': [{ D, F: Y, DHat: D, FHat: Y, psi, psiHat: psi }],
    'presign/3': [{ delta: 5n, S: P, Delta: Q, psiPrimePrime: elog }],
    'presign/alarm': [{ products: [envelope, envelope] }, { products: [] }],
    'presign/alarm sum': [{ proof: made(all.dec) }],
    'presign/alarm product 1': [{ proof: made(all.affGStar) }],
    'sign/1': [{ sigma: 1n }],
    'meet/join': [{ invitation: b(), nonce: b() }],
  }
}

function roundTargets({ protocol, rounds }: ProtocolRounds): readonly Target[] {
  return rounds
    .filter((r) => !/^alarm product (?!1$)/.test(r.name)) // all have one codec
    .map(({ name, codec }) =>
      codecTarget<unknown>(`wire/${protocol}/${name}`, codec, () => {
        const values = messages()[`${protocol}/${name}`]
        if (values === undefined) throw new Error(`${protocol} ${name}: expected a valid message here`)
        return values
      }),
    )
}

const messages = once(roundMessages)
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

// Envelopes and packets

function envelopes(): readonly Envelope[] {
  const m = { session, protocol: 'presign', round: '1', from: 'alice', to: '', body: Uint8Array.of(1, 2, 3) }
  return [
    signEnvelope(m, alice.signingKey),
    signEnvelope({ ...m, round: 'é', to: 'bob', body: new Uint8Array(300) }, alice.signingKey),
    signEnvelope({ ...m, protocol: '', round: '', from: '', body: new Uint8Array(0) }, alice.signingKey),
  ]
}
const sealedPackets = once(() => envelopes().map((e) => encodePacket(seal({ ...e, to: 'bob' }, bob.sealKey, random))))
const packets = once(() => [
  ...envelopes().map((envelope) => encodePacket({ kind: 'clear', envelope })),
  ...sealedPackets(),
])

const ROUNDS = new Map([
  ['presign/1', 'broadcast'],
  ['presign/é', 'direct'],
] as const)

/** Never throws, and keeps only what a peer signed for this session. */
const inbox: Target = {
  name: 'wire/inbox',
  seeds: () => {
    const [toAll, toBob] = envelopes() as [Envelope, Envelope]
    assert.equal(toBob.to, 'bob')
    return [encodePacket({ kind: 'clear', envelope: toAll }), sealedPackets()[1] as Uint8Array]
  },
  attempt(raw) {
    const peers = roster.members.filter((m) => m.id !== 'bob')
    const box = new Inbox({ session, identity: bob, peers, rounds: ROUNDS, onChange: () => undefined })
    box.accept(raw)
    for (const { id, verifyKey } of peers) {
      for (const round of ['1', 'é']) {
        const kept = box.take(id, 'presign', round)
        if (kept === undefined) continue
        assert.ok(verifyEnvelope(kept, verifyKey) && kept.from === id && kept.round === round)
        const sent = [...packets(), ...sealedPackets()].some((p) => bytesToHex(p) === bytesToHex(raw))
        assert.ok(sent, 'took a packet that nobody sent')
        return 'same'
      }
    }
    assert.equal(box.dropped, 1)
    return 'refused'
  },
}

/** What opens is what was sealed: no other bytes open. */
const sealed: Target = decoderTarget(
  'wire/sealed',
  (raw) => {
    const packet = decodePacket(raw)
    if (packet.kind !== 'sealed') throw new DecodeError('not sealed')
    unseal(packet, bob.sealingKey)
    const own = packets().find((p) => bytesToHex(p) === bytesToHex(raw))
    assert.ok(own !== undefined, 'opened a packet that nobody sealed')
    return own
  },
  (own) => own,
  sealedPackets,
)

const asks = (): readonly Ask[] => [
  ...payloads().map((payload) => ({ kind: 'sign', payload }) as const),
  { kind: 'presign', owner: 'bob' },
  ...payloads().map(
    (payload) => ({ kind: 'sign-presigned', payload, presignature: session, reply: 'replies-1' }) as const,
  ),
]

const payloads = (): readonly Payload[] => [
  { kind: 'eip191', message: utf8ToBytes('hello') },
  { kind: 'keccak256', message: new Uint8Array(0) },
  { kind: 'sha256', message: new Uint8Array(200) },
  { kind: 'digest', digest: new Uint8Array(32).fill(7) },
  { kind: 'transaction', transaction: transactions()[0] ?? new Uint8Array(0) },
  { kind: 'typed-data', json: utf8ToBytes('{}') },
]

/** One of each type, unsigned. */
function transactions(): readonly Uint8Array[] {
  const common = {
    chainId: 1n,
    nonce: 5n,
    maxFeePerGas: 2n ** 40n,
    maxPriorityFeePerGas: undefined,
    gasLimit: 21_000n,
    to: new Uint8Array(20).fill(5),
    value: 10n ** 18n,
    data: new Uint8Array(100).fill(1),
    accessList: [],
    authorizations: [],
  }
  const accessList = [{ address: common.to, storageKeys: [new Uint8Array(32), new Uint8Array(32).fill(2)] }]
  const market = { ...common, maxPriorityFeePerGas: 1n, accessList }
  const code = { chainId: 0n, address: common.to, nonce: 1n, yParity: 1n, r: 2n ** 255n, s: 3n }
  const all: readonly Transaction[] = [
    { ...common, type: 'legacy' },
    { ...common, type: 'legacy_unprotected', chainId: undefined, to: undefined },
    { ...common, type: 'eip2930', accessList },
    { ...market, type: 'eip1559' },
    { ...market, type: 'eip7702', authorizations: [code, code] },
  ]
  return all.map(encodeTransaction)
}

const authorities = (): readonly Authority[] => {
  const permit = { expires: 1_800_000_000, tag: new Uint8Array(32).fill(3) }
  const approval = { approver: new Uint8Array(32), expires: 1_800_000_000, signature: new Uint8Array(64).fill(4) }
  return [
    { requestId: 'withdrawal:1', permit, approvals: [] },
    { requestId: 'r', permit, approvals: [approval, approval] },
    { requestId: 'r', approvals: [approval] },
  ]
}

/** No inverse: the digest is of what the JSON says, however it is written. */
const typedData: Target = {
  name: 'text/typed data',
  text: true,
  seeds: () => [
    utf8ToBytes(
      JSON.stringify({
        types: { Mail: [{ name: 'to', type: 'Person[]' }], Person: [{ name: 'n', type: 'uint8[2]' }] },
        primaryType: 'Mail',
        domain: { name: 'x', chainId: 1, verifyingContract: `0x${'11'.repeat(20)}` },
        message: { to: [{ n: [1, 2] }, { n: ['3', '0x4'] }] },
      }),
    ),
  ],
  attempt(raw) {
    try {
      assert.equal(parseTypedData(raw).digest.length, 32)
      return 'same'
    } catch (e) {
      if (e instanceof DecodeError) return 'refused'
      throw e
    }
  },
}

/** The body is ours to change; envelope and seal are made by a member. */
function invitations(): Target {
  const share = once(() => {
    const dealt = dealTestShares({ parties: ['alice', 'bob'], threshold: 2, accounts: ['main'], level, random })
    const of = (id: string) => {
      const found = dealt.get(id)?.get('main')
      assert.ok(found !== undefined)
      return found
    }
    return { alice: of('alice'), bob: of('bob') }
  })
  const bodyOf = (packet: Uint8Array): Uint8Array => {
    const p = decodePacket(packet)
    assert.ok(p.kind === 'sealed')
    return unseal(p, share().bob.identity.sealingKey).body
  }
  return {
    name: 'wire/invitation',
    seeds: () =>
      asks().map((ask, i) =>
        bodyOf(
          sealInvitation(
            share().alice,
            session,
            'bob',
            makeInvitation(share().alice, ['alice', 'bob'], ask, 1_000_000, authorities()[i]),
            random,
          ),
        ),
      ),
    attempt(body) {
      const m = { session, protocol: 'meet', round: 'invitation', from: 'alice', to: 'bob', body }
      const envelope = signEnvelope(m, share().alice.identity.signingKey)
      const got = openInvitation(
        encodePacket(seal(envelope, share().bob.identity.sealKey, random)),
        share().bob.identity,
      )
      if (got === undefined) return 'refused'
      const again = sealInvitation(share().alice, session, 'bob', got.invitation, random)
      assert.deepEqual(bodyOf(again), body, 'encodes to other bytes')
      return 'same'
    },
  }
}

const accusations = (): readonly Omit<Fault, 'record'>[] => [
  {
    culprit: 'carol',
    protocol: 'presign',
    round: '1',
    code: 'PROOF_EQ',
    check: 'psi0: eq E',
    evidence: [Uint8Array.of(1, 2, 3), new Uint8Array(0)],
  },
]

/** A peer's last word: whatever it is, it ends as PeerStopped with one printable line. */
const stop: Target = {
  name: 'wire/stop',
  seeds: () =>
    ['too many', ''].map((message, i) =>
      encode(struct({ reason: text(32), message: text(256), accusations: accusationsCodec }), {
        reason: 'BUSY',
        message,
        accusations: accusations().slice(i),
      }),
    ),
  async attempt(body) {
    const channel = memoryRoom()
    const m = { session, protocol: 'session', round: 'stop', from: 'alice', to: 'bob', body }
    await channel.post(encodePacket(seal(signEnvelope(m, alice.signingKey), bob.sealKey, random)))
    const mailbox = openMailbox(
      {
        identity: bob,
        roster,
        signers: ['alice', 'bob'],
        session,
        epoch: 0,
        level,
        channel,
        protocols: [],
        random,
        work: inProcess,
        deadlineMs: 900,
      },
      new Map([['p/1', 'broadcast']]),
    )
    try {
      await mailbox.gather('p', '1', ['alice'])
      return assert.fail('got a message that nobody sent')
    } catch (e) {
      assert.ok(e instanceof PeerStopped, `${e}`)
      assert.match(e.reason, /^[A-Z_]{1,32}$/)
      assert.match(e.message, /^[\x20-\x7e]{1,400}$/)
      return e.reason === 'UNKNOWN' ? 'refused' : 'same'
    } finally {
      mailbox.close()
    }
  },
}

/** Somebody in the ceremony's room who signs whatever it likes as its hello. */
const hello: Target = {
  name: 'wire/hello',
  seeds: () => [
    encode(
      struct({
        verifyKey: fixed(32),
        sealKey: fixed(32),
        nonce: fixed(32),
        parties: u16,
        threshold: u16,
        accounts: list(text(128), 1, 1024) as Codec<readonly string[]>,
        level: text(32),
      }),
      {
        verifyKey: alice.verifyKey,
        sealKey: alice.sealKey,
        nonce: random.bytes(32),
        parties: 2,
        threshold: 2,
        accounts: ['main'],
        level: level.name,
      },
    ),
  ],
  async attempt(body) {
    const channel = memoryRoom()
    const room = 'fuzz'
    const names = new Transcript('rendezvous').text('room', room).digest()
    const m = { session: names, protocol: 'rendezvous', round: 'hello', from: 'alice', to: '', body }
    await channel.post(encodePacket({ kind: 'clear', envelope: signEnvelope(m, alice.signingKey) }))
    const abort = new AbortController()
    let seen: readonly string[] = []
    const terms = { room, parties: 2, threshold: 2, accounts: ['main'], level: level.name }
    const met = rendezvous({
      terms,
      identity: bob,
      channel,
      random,
      deadlineMs: 900,
      signal: abort.signal,
      onMembers: (members) => {
        seen = members
      },
    })
    // long enough for the room's history to be delivered
    for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve))
    abort.abort()
    await assert.rejects(met, (e) => e instanceof TransportError || e instanceof UsageError)
    return seen.includes('alice') ? 'same' : 'refused'
  },
}

const utf8 = (raw: Uint8Array): string => fromUtf8(raw)

export const targets: readonly Target[] = [
  ...[keygenRounds, auxRounds(level), presignRounds(level, 3), signRounds, meetRounds].flatMap(roundTargets),
  codecTarget('wire/envelope', envelopeCodec, envelopes),
  decoderTarget('wire/packet', decodePacket, encodePacket, packets),
  codecTarget('wire/echo', echoCodec, () => [{ hashes: [random.bytes(32), random.bytes(32)] }]),
  codecTarget('wire/opening', openingCodec, () => [{ envelopes: [Uint8Array.of(1)] }, { envelopes: [] }]),
  codecTarget('wire/accusations', accusationsCodec, () => [accusations(), []]),
  codecTarget('wire/viewed', viewed(text(40)), () => [{ view: random.bytes(32), message: 'any message' }]),
  codecTarget('wire/payload', payloadCodec, payloads),
  codecTarget('wire/authority', authorityCodec, authorities),
  decoderTarget('wire/rlp', decodeRlp, encodeRlp, () => [
    ...transactions().map((t) => ((t[0] as number) < 0x80 ? t.slice(1) : t)),
    encodeRlp(new Uint8Array(300)),
  ]),
  decoderTarget('wire/transaction', parseTransaction, encodeTransaction, transactions),
  typedData,
  codecTarget('wire/roster', rosterCodec, () => [roster]),
  inbox,
  sealed,
  invitations(),
  stop,
  hello,
  decoderTarget(
    'text/utf8',
    utf8,
    (t) => utf8ToBytes(t),
    () => [utf8ToBytes('\ufeffé€😀')],
  ),
  decoderTarget(
    'text/base64',
    (raw) => fromBase64(utf8(raw)),
    (b) => utf8ToBytes(toBase64(b)),
    () => [0, 1, 2, 3, 50].map((n) => utf8ToBytes(toBase64(random.bytes(n)))),
  ),
  decoderTarget(
    'text/hex',
    (raw) => fromHex(utf8(raw)),
    (b) => utf8ToBytes(bytesToHex(b)),
    () => [0, 1, 33].map((n) => utf8ToBytes(bytesToHex(random.bytes(n)))),
  ),
]
