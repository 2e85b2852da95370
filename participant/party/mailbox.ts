/**
 * One party's post and waiting room in one session: signs and seals what goes out, waits for what comes in, and ends at
 * the deadline, on cancellation, or when a peer says that it stops.
 */
import { DecodeError, type Fault, PeerStopped, ProtocolAbort, TransportError } from '../base/errors.ts'
import { decode, encode, struct, text } from '../wire/codec.ts'
import { type Envelope, encodePacket, signEnvelope } from '../wire/envelope.ts'
import { seal } from '../wire/sealing.ts'
import { accusationsCodec, accusationsOf } from './accusation.ts'
import type { ConnectionOptions } from './connection.ts'
import { Inbox } from './inbox.ts'
import { memberOf, type PartyId } from './roster.ts'

/** Why a party gives up. `reason` is a stable code; `message` one line for people. */
export interface Stop {
  readonly reason: string
  readonly message: string
  /** What peers did wrong, if that is why. */
  readonly accusations?: readonly Fault[]
}

/** How long a party that gives up tries to say so. */
const STOP_MS = 2_000

const STOP = { protocol: 'session', round: 'stop' } as const
const stopCodec = struct<Required<Stop>>({ reason: text(32), message: text(256), accusations: accusationsCodec })

export interface Mailbox {
  /** Throws TransportError when the session has ended before the room took the message. */
  post(protocol: string, round: string, to: PartyId | '', body: Uint8Array): Promise<Envelope>
  /**
   * One envelope from each of `from`, in that order. Without a limit, throws PeerStopped or TransportError when it can't
   * be had; with one, gives undefined then, or when `limitMs` passes first.
   */
  gather(
    protocol: string,
    round: string,
    from: readonly PartyId[],
    limitMs?: number,
  ): Promise<readonly Envelope[] | undefined>
  take(from: PartyId, protocol: string, round: string): Envelope | undefined
  /** What comes of our own computation. Throws TransportError when the session ends first. */
  orEnd<T>(computed: Promise<T>): Promise<T>
  /** What peers that stopped say about others: their word only. */
  accusations(): readonly Fault[]
  /** Tells every peer, sealed, that we stop. Best effort: they would find out at the deadline. */
  stop(stop: Stop): Promise<void>
  /** Ends the subscription and the timer. */
  close(): void
}

/** `rounds` are the names, as `protocol/round`, of everything that may come in. */
export function openMailbox(o: ConnectionOptions, rounds: ReadonlyMap<string, 'broadcast' | 'direct'>): Mailbox {
  const peers = o.signers.filter((id) => id !== o.identity.id)
  const waiters = new Set<() => void>()
  let ended: Error | undefined
  const notify = (): void => {
    for (const wake of [...waiters]) wake()
  }
  const end = (error: Error): void => {
    ended ??= error
    notify()
  }
  const whenEnded = new Promise<void>((resolve) => {
    const check = (): void => {
      if (ended === undefined) return
      waiters.delete(check)
      resolve()
    }
    waiters.add(check)
  })

  const inbox = new Inbox({
    session: o.session,
    identity: o.identity,
    peers: peers.map((id) => memberOf(o.roster, id)),
    rounds: new Map([...rounds, [`${STOP.protocol}/${STOP.round}`, 'direct']]),
    ...(o.mayRestart === undefined ? {} : { mayRestart: o.mayRestart }),
    onChange: notify,
  })
  const unsubscribe = o.channel.subscribe((raw) => inbox.accept(raw), end)
  const timer = setTimeout(() => end(new TransportError('deadline passed')), o.deadlineMs)
  const onAbort = (): void => end(new TransportError('cancelled'))
  o.signal?.addEventListener('abort', onAbort)
  if (o.signal?.aborted) onAbort()

  /** Resolves at the next change of the inbox, at the end of the session, or after `ms`. */
  const nextChange = (ms: number | undefined): Promise<void> =>
    new Promise((resolve) => {
      const done = (): void => {
        waiters.delete(done)
        clearTimeout(limit)
        resolve()
      }
      const limit = ms === undefined ? undefined : setTimeout(done, ms)
      waiters.add(done)
    })

  async function post(protocol: string, round: string, to: PartyId | '', body: Uint8Array): Promise<Envelope> {
    const unsent = (): TransportError =>
      new TransportError(`${ended?.message}; ${protocol} ${round} could not be sent`, [], { cause: ended })
    if (ended !== undefined) throw unsent()
    const envelope = signEnvelope(
      { session: o.session, protocol, round, from: o.identity.id, to, body },
      o.identity.signingKey,
    )
    const packet =
      to === '' ? ({ kind: 'clear', envelope } as const) : seal(envelope, memberOf(o.roster, to).sealKey, o.random)
    const taken = o.channel.post(encodePacket(packet)).then(() => true)
    taken.catch(() => undefined) // when the session ends first, nobody waits for it any more
    if ((await Promise.race([taken, whenEnded.then(() => false)])) === false) throw unsent()
    o.trace?.({ at: 'sent', protocol, round, bytes: body.length })
    return envelope
  }

  return {
    post,
    take: (from, protocol, round) => inbox.take(from, protocol, round),
    async orEnd(computed) {
      computed.catch(() => undefined) // when the session ends first, nobody waits for it any more
      const done = await Promise.race([computed.then((value) => ({ value })), whenEnded])
      if (done === undefined) {
        throw new TransportError(`${ended?.message}; our own computation was not done`, [], { cause: ended })
      }
      return done.value
    },
    async gather(protocol, round, from, limitMs) {
      const stopAt = limitMs === undefined ? undefined : Date.now() + limitMs
      for (;;) {
        abortOn(inbox.faults)
        const waiting = from.filter((id) => inbox.take(id, protocol, round) === undefined)
        if (waiting.length === 0) return from.map((id) => inbox.take(id, protocol, round) as Envelope)
        // A peer that stopped is not waited for; what it sent before still counts.
        const stops = waiting.flatMap((id) => {
          const said = inbox.take(id, STOP.protocol, STOP.round)
          return said === undefined ? [] : [stoppedBy(id, said)]
        })
        // With a limit, whoever calls makes do with less: nobody keeps it from that by stopping.
        if (limitMs !== undefined && (stops.length === waiting.length || ended !== undefined)) return undefined
        if (limitMs === undefined && stops[0] !== undefined) throw stops[0]
        if (ended !== undefined) {
          throw new TransportError(`${ended.message}; waiting for ${waiting.join(', ')}`, waiting, { cause: ended })
        }
        const left = stopAt === undefined ? undefined : stopAt - Date.now()
        if (left !== undefined && left <= 0) return undefined
        await nextChange(left)
      }
    },
    accusations: () =>
      peers.flatMap((id) => {
        const said = inbox.take(id, STOP.protocol, STOP.round)
        const told = said === undefined ? [] : stopOf(said).accusations
        // each costs a check: one for each accused
        return told.filter((a, i) => told.findIndex((b) => b.culprit === a.culprit) === i)
      }),
    async stop({ reason, message, accusations = [] }) {
      if (ended !== undefined) return
      const body = encode(stopCodec, { reason, message, accusations: accusationsOf(accusations) })
      const told = Promise.allSettled(peers.map((id) => post(STOP.protocol, STOP.round, id, body)))
      let limit: ReturnType<typeof setTimeout> | undefined
      await Promise.race([told, new Promise((resolve) => (limit = setTimeout(resolve, STOP_MS)))])
      clearTimeout(limit)
    },
    close() {
      unsubscribe()
      clearTimeout(timer)
      o.signal?.removeEventListener('abort', onAbort)
      end(new TransportError('session is closed'))
    },
  }
}

/** Throws ProtocolAbort when there are faults. */
export function abortOn(faults: readonly Fault[]): void {
  if (faults.length > 0) throw abortOf(faults)
}

export function abortOf(faults: readonly Fault[]): ProtocolAbort {
  const names = faults.map((f) => `${f.culprit} (${f.protocol} ${f.round}: ${f.check})`).join(', ')
  return new ProtocolAbort(`aborted because of ${names}`, faults)
}

/** A stop to one party, as a packet, for who has no mailbox. */
export function sealStop(
  o: Pick<ConnectionOptions, 'session' | 'identity' | 'roster' | 'random'>,
  to: PartyId,
  { reason, message }: Stop,
): Uint8Array {
  const body = encode(stopCodec, { reason, message, accusations: [] })
  const said = { session: o.session, ...STOP, from: o.identity.id, to, body }
  return encodePacket(seal(signEnvelope(said, o.identity.signingKey), memberOf(o.roster, to).sealKey, o.random))
}

function stopOf(said: Envelope): Required<Stop> {
  try {
    return decode(stopCodec, said.body)
  } catch (e) {
    if (!(e instanceof DecodeError)) throw e
    return { reason: 'UNKNOWN', message: '', accusations: [] }
  }
}

/** A peer's word for why it stopped: printable text only, since it ends up on terminals and in logs. */
export function stoppedBy(peer: PartyId, said: Envelope): PeerStopped {
  const stop = stopOf(said)
  const reason = /^[A-Z_]{1,32}$/.test(stop.reason) ? stop.reason : 'UNKNOWN'
  const message = stop.message.replace(/[^\x20-\x7e]/g, '?')
  return new PeerStopped(peer, reason, `${peer} stopped: ${reason}${message === '' ? '' : `, ${message}`}`)
}
