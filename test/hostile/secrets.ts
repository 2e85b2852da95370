/**
 * Everything that a session must keep from the gateway: each number drawn, what shares hold, what follows from them for
 * one signature, and the bodies of direct messages.
 */
import { bigintToBytes, bytesToBigint, bytesToHex } from '../../participant/base/bytes.ts'
import type { SecurityLevel } from '../../participant/base/level.ts'
import { type Random, systemRandom } from '../../participant/base/random.ts'
import type { KeyShare } from '../../participant/key-share/key-share.ts'
import { invQ, modQ, Q } from '../../participant/math/curve.ts'
import type { Identity } from '../../participant/party/roster.ts'
import { viewed } from '../../participant/party/view.ts'
import { auxRounds } from '../../participant/protocols/aux-info/rounds.ts'
import { two as keygenTwo } from '../../participant/protocols/keygen/rounds.ts'
import { presignRounds } from '../../participant/protocols/presign/rounds.ts'
import { one as signOne } from '../../participant/protocols/sign/protocol.ts'
import { join } from '../../participant/signer/invitation.ts'
import { type Codec, decode } from '../../participant/wire/codec.ts'
import { decodePacket, type Envelope } from '../../participant/wire/envelope.ts'
import { unseal } from '../../participant/wire/sealing.ts'
import type { Canaries } from './canary.ts'

export interface Recording extends Random {
  readonly draws: readonly Uint8Array[]
}

/** The system's randomness; keeps a copy of each draw of 16 bytes or more. */
export function recording(): Recording {
  const draws: Uint8Array[] = []
  return {
    draws,
    bytes(length) {
      const out = systemRandom.bytes(length)
      if (length >= 16) draws.push(out.slice())
      return out
    },
  }
}

export interface Opened {
  readonly clear: readonly Envelope[]
  readonly sealed: readonly Envelope[]
}

/** What can be read of the packets with everybody's keys. */
export function openAll(packets: readonly Uint8Array[], identities: readonly Identity[]): Opened {
  const clear: Envelope[] = []
  const sealed: Envelope[] = []
  for (const raw of packets) {
    try {
      const packet = decodePacket(raw)
      if (packet.kind === 'clear') {
        clear.push(packet.envelope)
        continue
      }
      const identity = identities.find((i) => i.id === packet.to)
      if (identity !== undefined) sealed.push(unseal(packet, identity.sealingKey))
    } catch {
      // not one of theirs
    }
  }
  return { clear, sealed }
}

/** The message in the body of an envelope. */
function said<M>(codec: Codec<M>, body: Uint8Array): M {
  return decode(viewed(codec), body).message
}

/** The last 16 bytes in hex, which is what a canary is known by. */
function nameOf(value: Uint8Array): string {
  return bytesToHex(value.slice(-16))
}

/**
 * Draws that the protocols publish by design: nonces, what opens a commitment, the w of Π^mod, and the exponents of Π^prm
 * where its challenge is 0.
 */
export function published({ clear, sealed }: Opened, level: SecurityLevel): ReadonlySet<string> {
  const out = new Set<string>()
  const add = (...values: readonly Uint8Array[]): void => {
    for (const v of values) out.add(nameOf(v))
  }
  const number = (value: bigint): Uint8Array => bigintToBytes(value, level.modulusBits / 8 + 1)
  const aux = auxRounds(level)
  // the session of a direct message is outside of what is sealed
  for (const { protocol, session } of [...clear, ...sealed]) if (protocol === 'meet') add(session)
  for (const { protocol, round, body } of clear) {
    const name = `${protocol}/${round}`
    if (name === 'meet/join') add(said(join.codec, body).nonce)
    if (name === 'rendezvous/hello') add(body.slice(64, 96))
    if (name === 'keygen/2') {
      const { rid, c, u } = said(keygenTwo.codec, body)
      add(rid, c, u)
    }
    if (name === 'aux-info/2') {
      const { rho, u, psiHat } = said(aux.two.codec, body)
      add(rho, u, ...psiHat.response.z.map(number))
    }
    if (name === 'aux-info/3') add(number(said(aux.three.codec, body).psi.commitment.w))
  }
  return out
}

/** Each draw, and its negative: numbers are drawn around zero. */
export function addDraws(canaries: Canaries, draws: readonly Uint8Array[], known: ReadonlySet<string>): void {
  for (const draw of draws) {
    if (known.has(nameOf(draw))) continue
    canaries.add('draw', draw)
    canaries.add(
      'negative of a draw',
      bigintToBytes((1n << BigInt(8 * draw.length)) - bytesToBigint(draw), draw.length + 1),
    )
  }
}

export function addShare(canaries: Canaries, { core, aux, identity }: KeyShare): void {
  const number = (what: string, value: bigint): void => {
    if (value >= 1n << 120n) canaries.add(what, bigintToBytes(value, Math.ceil(value.toString(16).length / 2)))
  }
  number('key share', core.x.expose())
  number('negative key share', Q - core.x.expose())
  canaries.add('signing key', identity.signingKey.expose())
  canaries.add('sealing key', identity.sealingKey.expose())
  const { paillier, pedersen } = aux
  for (const own of [paillier, pedersen])
    for (const name of ['p', 'q', 'phi'] as const) number(name, own[name].expose())
  number('lambda', pedersen.lambda.expose())
}

/** k̃ and χ̃ of every signer of every signature, from the numbers drawn and what was sent. */
export function addSignatureSecrets(
  canaries: Canaries,
  { clear }: Opened,
  draws: readonly Uint8Array[],
  level: SecurityLevel,
  made: { readonly digest: Uint8Array; readonly r: bigint },
): void {
  const three = presignRounds(level).three
  const deltas = new Map<string, bigint>()
  for (const e of clear) {
    if (e.protocol === 'presign' && e.round === '3') deltas.set(e.from, said(three.codec, e.body).delta)
  }
  const delta = modQ([...deltas.values()].reduce((a, b) => a + b, 0n))
  if (delta === 0n) return
  const m = modQ(bytesToBigint(made.digest))
  const [inverse, rInverse] = [invQ(delta), invQ(made.r)]
  const sigmas = clear.filter((e) => e.protocol === 'sign').map((e) => said(signOne.codec, e.body).sigma)
  for (const draw of draws) {
    if (draw.length !== 32) continue
    const kTilde = modQ(bytesToBigint(draw) * inverse)
    canaries.add('k~', bigintToBytes(kTilde, 32))
    for (const sigma of sigmas) {
      const chiTilde = modQ(modQ(sigma - kTilde * m) * rInverse)
      canaries.add('chi~', bigintToBytes(chiTilde, 32))
    }
  }
}

/**
 * Every 16 bytes of the bodies of direct messages, except what isn't random, like leading zeros, and what the gateway sees
 * anyhow: an invitation names the session of a presigning, and the room for the answer. Windows that reach into these are
 * left out too: the byte before a session's id is small in a packet, and may be the same in the invitation.
 */
export function addBodies(canaries: Canaries, { clear, sealed }: Opened): void {
  const sessions = [...new Set(clear.map((e) => bytesToHex(e.session)))].map((hex) => Buffer.from(hex, 'hex'))
  for (const { protocol, round, body: bytes } of sealed) {
    const body = Buffer.from(bytes)
    const [reply = ''] = /replies-[0-9a-f]{32}/.exec(body.toString('latin1')) ?? []
    const seen = round === 'invitation' ? [...sessions, Buffer.from(reply)] : []
    const places = seen.map((s) => ({ from: s.length === 0 ? -1 : body.indexOf(s), length: s.length }))
    const isSeen = (at: number): boolean =>
      places.some(({ from, length }) => from >= 0 && at < from + length && from < at + 16)
    // a message begins with its sender's view, a hash that is in the broadcasts too
    for (let at = round === 'invitation' ? 0 : 32; at + 16 <= body.length; at += 16) {
      const window = body.subarray(at, at + 16)
      if (new Set(window).size > 10 && !isSeen(at)) canaries.addRaw(`${protocol}/${round} at ${at}`, window)
    }
  }
}
