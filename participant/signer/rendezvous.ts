/**
 * Parties that know only a room's name find out who is there. Each says hello with its public keys, a nonce and the terms
 * that it came for, signed with the key it shows. The newest hello under a name counts, so that one who starts again
 * replaces what it left behind. When all names are there, each says that it is ready for exactly this roster; the
 * meeting is made when everybody is ready for the same.
 *
 * What it does not give: that the keys belong to the right people. That is what the fingerprint is for.
 */
import { bytesToHex, equalBytes } from '../base/bytes.ts'
import { DecodeError, TransportError, UsageError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import { ACCOUNT_LIMIT } from '../key-share/key-share.ts'
import type { Channel } from '../party/channel.ts'
import { type Identity, makeRoster, PARTY_ID, type PartyId, type Roster, rosterDigest } from '../party/roster.ts'
import { decode, encode, fixed, list, struct, text, u16 } from '../wire/codec.ts'
import { decodePacket, type Envelope, encodePacket, signEnvelope, verifyEnvelope } from '../wire/envelope.ts'
import { Transcript } from '../wire/transcript.ts'

/** What everybody must have come for. */
export interface Terms {
  readonly room: string
  readonly parties: number
  readonly threshold: number
  readonly accounts: readonly string[]
  readonly level: string
}

export interface RendezvousOptions {
  readonly terms: Terms
  readonly identity: Identity
  readonly channel: Channel
  readonly random: Random
  readonly deadlineMs: number
  readonly signal: AbortSignal
  /** Who is there so far. */
  readonly onMembers?: (members: readonly PartyId[]) => void
  /** Somebody came for something else; it is waited for until it says hello with our terms, or the deadline. */
  readonly onOtherTerms?: (member: PartyId, term: keyof Terms) => void
}

export interface Meeting {
  readonly roster: Roster
  readonly nonces: ReadonlyMap<PartyId, Uint8Array>
}

interface Hello {
  readonly verifyKey: Uint8Array
  readonly sealKey: Uint8Array
  readonly nonce: Uint8Array
  readonly parties: number
  readonly threshold: number
  readonly accounts: readonly string[]
  readonly level: string
}

const helloCodec = struct<Hello>({
  verifyKey: fixed(32),
  sealKey: fixed(32),
  nonce: fixed(32),
  parties: u16,
  threshold: u16,
  accounts: list(text(ACCOUNT_LIMIT), 1, 1024),
  level: text(32),
})
const readyCodec = struct<{ meeting: Uint8Array }>({ meeting: fixed(32) })

const PROTOCOL = 'rendezvous'

/**
 * Throws UsageError when the room holds more names than parties, TransportError at the deadline, naming who came and
 * whose terms are not ours.
 */
export function rendezvous(o: RendezvousOptions): Promise<Meeting> {
  const { identity, terms } = o
  const session = new Transcript('rendezvous').text('room', terms.room).digest()
  const hellos = new Map<PartyId, Hello>()
  const ready = new Map<PartyId, string>()
  const others = new Map<PartyId, keyof Terms>()
  const { parties, threshold, accounts, level } = terms
  const mine: Hello = {
    verifyKey: identity.verifyKey,
    sealKey: identity.sealKey,
    nonce: o.random.bytes(32),
    parties,
    threshold,
    accounts,
    level,
  }
  const say = (round: string, body: Uint8Array): Promise<void> => {
    const message = { session, protocol: PROTOCOL, round, from: identity.id, to: '', body }
    return o.channel.post(encodePacket({ kind: 'clear', envelope: signEnvelope(message, identity.signingKey) }))
  }

  return new Promise((resolve, reject) => {
    let announced = ''
    let announcing = Promise.resolve()
    let unsubscribe = (): void => {}
    const finish = (settle: () => void): void => {
      clearTimeout(timer)
      o.signal.removeEventListener('abort', onAbort)
      // The subscription may still be delivering the room's history.
      queueMicrotask(() => unsubscribe())
      settle()
    }
    const fail = (error: Error): void => finish(() => reject(error))
    const here = (): readonly PartyId[] => [...hellos.keys()].sort()
    const missing = (): TransportError => {
      const wrong = [...others].map(([id, term]) => `; ${id} came with another ${term}`).join('')
      return new TransportError(`${parties} parties did not meet in time; here: ${here().join(', ')}${wrong}`)
    }
    const onAbort = (): void => fail(missing())
    const timer = setTimeout(onAbort, o.deadlineMs)
    o.signal.addEventListener('abort', onAbort)

    const step = (): void => {
      if (hellos.size < parties || !hellos.has(identity.id)) return
      if (hellos.size > parties) {
        throw new UsageError(
          `room: it holds hellos of ${here().join(', ')}, more than ${parties} parties; take a fresh name`,
        )
      }
      const roster = makeRoster([...hellos].map(([id, h]) => ({ id, verifyKey: h.verifyKey, sealKey: h.sealKey })))
      const nonces = new Map([...hellos].map(([id, h]) => [id, h.nonce]))
      const t = new Transcript('rendezvous meeting').bytes('roster', rosterDigest(roster))
      for (const { id } of roster.members) t.bytes('nonce', nonces.get(id) as Uint8Array)
      const meeting = t.digest()
      const tag = bytesToHex(meeting)
      if (announced !== tag) {
        announced = tag
        announcing = say('ready', encode(readyCodec, { meeting }))
        announcing.catch(fail)
      }
      const agreed = [...hellos.keys()].every((id) => id === identity.id || ready.get(id) === tag)
      // Who leaves before its own word is in the room leaves the others waiting.
      if (agreed)
        announcing.then(
          () => finish(() => resolve({ roster, nonces })),
          () => undefined,
        )
    }

    const onHello = (e: Envelope): void => {
      const h = decode(helloCodec, e.body)
      if (!PARTY_ID.test(e.from) || !verifyEnvelope(e, h.verifyKey)) return
      if (e.from === identity.id) {
        // An older run of ours may stand in the room's history under the same name; ours is the one we sent.
        if (equalBytes(h.verifyKey, identity.verifyKey)) hellos.set(e.from, h)
        return
      }
      const before = hellos.get(e.from)
      if (before !== undefined && equalBytes(before.nonce, h.nonce)) return
      const term = otherTerm(mine, h)
      if (term !== undefined) {
        hellos.delete(e.from)
        others.set(e.from, term)
        o.onOtherTerms?.(e.from, term)
        return
      }
      others.delete(e.from)
      hellos.set(e.from, h)
      o.onMembers?.(here())
    }

    const onReady = (e: Envelope): void => {
      const h = hellos.get(e.from)
      if (h === undefined || !verifyEnvelope(e, h.verifyKey)) return
      ready.set(e.from, bytesToHex(decode(readyCodec, e.body).meeting))
    }

    const accept = (raw: Uint8Array): void => {
      try {
        const packet = decodePacket(raw)
        if (packet.kind !== 'clear') return
        const e = packet.envelope
        if (e.protocol !== PROTOCOL || e.to !== '' || !equalBytes(e.session, session)) return
        if (e.round === 'hello') onHello(e)
        else if (e.round === 'ready') onReady(e)
        step()
      } catch (error) {
        // Anybody can write into the room: what isn't a message is passed over.
        if (!(error instanceof DecodeError)) fail(error as Error)
      }
    }

    unsubscribe = o.channel.subscribe(accept, fail)
    say('hello', encode(helloCodec, mine)).catch(fail)
  })
}

/** The first term in which a hello differs from ours. */
function otherTerm(mine: Hello, h: Hello): keyof Terms | undefined {
  if (h.parties !== mine.parties) return 'parties'
  if (h.threshold !== mine.threshold) return 'threshold'
  if (h.level !== mine.level) return 'level'
  const same = h.accounts.length === mine.accounts.length && h.accounts.every((a, i) => a === mine.accounts[i])
  return same ? undefined : 'accounts'
}
