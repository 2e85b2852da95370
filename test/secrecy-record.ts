/**
 * What a room or a gateway got to see, read back: which drawn values its messages show to everybody by design, and, with
 * the recipients' keys, what the sealed ones carried.
 */
import type { SecurityLevel } from '../participant/base/level.ts'
import type { KeyShare } from '../participant/key-share/key-share.ts'
import { modQ, Point } from '../participant/math/curve.ts'
import type { ProtocolRounds } from '../participant/party/party.ts'
import type { Identity } from '../participant/party/roster.ts'
import { viewed } from '../participant/party/view.ts'
import { auxRounds } from '../participant/protocols/aux-info/rounds.ts'
import * as keygen from '../participant/protocols/keygen/rounds.ts'
import { presignRounds } from '../participant/protocols/presign/rounds.ts'
import { join } from '../participant/signer/invitation.ts'
import { type Codec, decode } from '../participant/wire/codec.ts'
import { decodePacket, type Envelope, type Packet } from '../participant/wire/envelope.ts'
import { unseal } from '../participant/wire/sealing.ts'
import { inProcess, type Work } from '../participant/zk/work.ts'
import type { Canary, Channels } from './secrecy-search.ts'

type Value = bigint | Uint8Array

/** Proofs draw from what is recorded, and not from a seed of it, so that every mask is known. */
export const recordedWork: Work = {
  ...inProcess,
  prove: async (proof, b, x, w, random) => proof.prove(b, x, w, random),
  get background() {
    return recordedWork
  },
}

/** The only fields of messages whose values are drawn at random and shown as they are. */
function shownBy(level: SecurityLevel): Readonly<Record<string, (body: Uint8Array) => readonly Value[]>> {
  const aux = auxRounds(level)
  return {
    'meet/join': (body) => [messageOf(join.codec, body).nonce],
    // the third of its fields of 32 bytes
    'rendezvous/hello': (body) => [body.slice(64, 96)],
    'keygen/2': (body) => {
      const { rid, c, u } = messageOf(keygen.two.codec, body)
      return [rid, c, u]
    },
    'aux-info/2': (body) => {
      const { rho, u } = messageOf(aux.two.codec, body)
      return [rho, u]
    },
    'aux-info/3': (body) => [messageOf(aux.three.codec, body).psi.commitment.w],
  }
}

/** What a party said, without the view it had. */
function messageOf<M>(codec: Codec<M>, body: Uint8Array): M {
  return decode(viewed(codec), body).message
}

export interface Opened {
  readonly clear: readonly Envelope[]
  readonly direct: readonly Envelope[]
}

/** Reads what can be read; garbage is passed over. */
export function openPackets(packets: readonly Uint8Array[], identities: readonly Identity[]): Opened {
  const clear: Envelope[] = []
  const direct: Envelope[] = []
  for (const raw of packets) {
    const packet = attempt(() => decodePacket(raw))
    if (packet === undefined) continue
    if (packet.kind === 'clear') clear.push(packet.envelope)
    else
      for (const identity of identities)
        push(
          direct,
          attempt(() => opened(packet, identity)),
        )
  }
  return { clear, direct }
}

function opened(packet: Extract<Packet, { kind: 'sealed' }>, identity: Identity): Envelope | undefined {
  return packet.to === identity.id ? unseal(packet, identity.sealingKey) : undefined
}

/**
 * The responses of all proofs in a message. A mask is wider than what it hides, so its upper part stands in the response
 * as it is; where the challenge is 0, the response of Π^prm is the mask.
 */
function responsesIn(rounds: readonly ProtocolRounds[], { protocol, round, body }: Envelope): readonly Value[] {
  const codec = rounds.find((p) => p.protocol === protocol)?.rounds.find((r) => r.name === round)?.codec
  const message: unknown = codec === undefined ? undefined : attempt(() => messageOf(codec, body))
  const numbers = (value: unknown, within: boolean): readonly bigint[] => {
    if (typeof value === 'bigint') return within ? [value] : []
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array || value instanceof Point) return []
    return Object.entries(value).flatMap(([name, v]) => numbers(v, within || name === 'response'))
  }
  return numbers(message, false)
}

/** Allows what everybody may know, and notes what only a sender and one recipient know: the sub-shares. */
export function judge(canary: Canary, { clear, direct }: Opened, level: SecurityLevel): void {
  const shown = shownBy(level)
  const rounds = [auxRounds(level), presignRounds(level)]
  for (const e of [...clear, ...direct]) canary.allow([e.session, ...responsesIn(rounds, e)])
  for (const e of clear) canary.allow(attempt(() => shown[`${e.protocol}/${e.round}`]?.(e.body)) ?? [])
  for (const e of direct) {
    if (e.protocol !== 'keygen' || e.round !== keygen.twoShares.name) continue
    canary.note(
      'sub-share',
      attempt(() => messageOf(keygen.twoShares.codec, e.body).sigma),
    )
  }
}

/** Σ δ of the last presigning of a record: with it, χ and k follow from a presignature. */
export function deltaIn({ clear }: Opened, level: SecurityLevel): bigint {
  const { three } = presignRounds(level)
  const last = new Map(clear.filter((e) => e.protocol === 'presign' && e.round === three.name).map((e) => [e.from, e]))
  return [...last.values()].reduce((sum, e) => modQ(sum + messageOf(three.codec, e.body).delta), 0n)
}

/** Every secret of a key share, under its name. */
export function noteShare(canary: Canary, { core, aux, identity }: KeyShare): void {
  canary.allow([aux.paillier.N, aux.pedersen.NHat])
  canary.note('x', core.x.expose())
  for (const name of ['p', 'q', 'phi'] as const) canary.note(`Paillier ${name}`, aux.paillier[name].expose())
  for (const name of ['p', 'q', 'phi', 'lambda'] as const)
    canary.note(`ring-Pedersen ${name}`, aux.pedersen[name].expose())
  canary.note('signing key', identity.signingKey.expose())
  canary.note('sealing key', identity.sealingKey.expose())
}

/** Puts each packet into `channel`, as it is and with everything in the clear decoded. */
export function searchPackets(seen: Channels, channel: string, packets: readonly Uint8Array[]): void {
  for (const p of packets) seen.raw(channel, p)
}

/** Runs with a copy of all that this process writes to its standard streams. */
export async function capturingOutput<T>(seen: Channels, run: () => Promise<T>): Promise<T> {
  const restore = (['stdout', 'stderr'] as const).map((name) => {
    const stream = process[name]
    const write = stream.write
    stream.write = function (this: typeof stream, chunk: string | Uint8Array, ...rest: never[]) {
      if (typeof chunk === 'string') seen.text(name, chunk)
      else seen.raw(name, chunk)
      return write.call(this, chunk, ...rest)
    } as typeof write
    return () => {
      stream.write = write
    }
  })
  try {
    return await run()
  } finally {
    for (const back of restore) back()
  }
}

function attempt<T>(make: () => T): T | undefined {
  try {
    return make()
  } catch {
    return undefined
  }
}

function push<T>(list: T[], value: T | undefined): void {
  if (value !== undefined) list.push(value)
}
