/**
 * One party's end of one session. Gives a `Party` for each protocol that runs in it, one after the other, over the same
 * session id.
 */
import { equalBytes } from '../base/bytes.ts'
import { DecodeError, type Fault, InternalError, MpcError, PeerStopped, ProtocolAbort } from '../base/errors.ts'
import type { SecurityLevel } from '../base/level.ts'
import type { Random } from '../base/random.ts'
import { type Codec, decode, encode } from '../wire/codec.ts'
import { type Envelope, envelopeCodec } from '../wire/envelope.ts'
import type { Work } from '../zk/work.ts'
import { provenFaults } from './accusation.ts'
import type { Channel } from './channel.ts'
import * as echo from './echo.ts'
import { abortOf, abortOn, openMailbox, type Stop } from './mailbox.ts'
import type { Party, ProtocolRounds } from './party.ts'
import { type Identity, memberOf, type PartyId, type Roster, requireMember } from './roster.ts'
import { type BroadcastRound, PerPeer, type Received, type Round } from './rounds.ts'
import { sessionWork } from './session-work.ts'
import type { Trace } from './trace.ts'
import { Views, viewed, viewOf } from './view.ts'

/** How long a party waits for others to show the messages on which views differ. */
const OPENING_MS = 3_000

export interface ConnectionOptions {
  readonly identity: Identity
  readonly roster: Roster
  /** Who takes part, ourselves among them, in roster order. */
  readonly signers: readonly PartyId[]
  readonly session: Uint8Array
  readonly epoch: number
  readonly level: SecurityLevel
  readonly channel: Channel
  readonly protocols: readonly ProtocolRounds[]
  readonly random: Random
  readonly work: Work
  /** From now until the session ends in any case. */
  readonly deadlineMs: number
  readonly signal?: AbortSignal
  readonly trace?: Trace
  /**
   * The session id doesn't hang on a nonce of each party: one that was restarted may come into the session a second time
   * and say something else. Then the first message counts, and two different ones blame nobody.
   */
  readonly mayRestart?: boolean
  /**
   * Whether a fault that a peer tells of is proven, with our own record of the session. Without it a peer that stops
   * because it was cheated is only somebody who stopped.
   */
  convicts?(fault: Fault): Promise<boolean>
}

export interface Connection {
  /**
   * Runs the session's protocols. If `run` fails, the peers are told that we stop. The subscription and the timer end
   * in any case.
   */
  run<T>(run: (party: (protocol: string) => Party) => Promise<T>): Promise<T>
  /** Everybody's broadcasts so far, signed, and the view that our next message would go out with. */
  told(): { readonly view: Uint8Array; readonly record: readonly Uint8Array[] }
  /** Instead of `run`: tells the peers why we don't take part. */
  refuse(stop: Stop): Promise<void>
}

/** Throws UsageError when the identity isn't the one that the roster pins. */
export function openConnection(o: ConnectionOptions): Connection {
  requireMember(o.roster, o.identity)
  const peers = o.signers.filter((id) => id !== o.identity.id)
  const members = o.signers.map((id) => memberOf(o.roster, id))
  const withEcho = members.length > 2
  const echoed = (r: Round<unknown>): r is BroadcastRound<unknown> => withEcho && r.kind === 'broadcast' && r.echo

  const names = o.protocols.flatMap(({ protocol, rounds }) =>
    rounds.flatMap((r) => {
      const own = [[`${protocol}/${r.name}`, r.kind] as const]
      if (!echoed(r)) return own
      const extra = [echo.echoName(r.name), echo.openingName(r.name)]
      return [...own, ...extra.map((name) => [`${protocol}/${name}`, 'broadcast'] as const)]
    }),
  )
  const mailbox = openMailbox(o, new Map(names))
  const work = sessionWork(o.work, mailbox.orEnd)
  const views = new Views(withEcho)
  /** Our own broadcasts, by `protocol/round`. */
  const sent = new Map<string, Envelope>()

  /** Every broadcast of the session so far, signed by its sender. */
  const record = (): readonly Uint8Array[] =>
    o.protocols.flatMap(({ protocol, rounds }) =>
      rounds.flatMap(({ kind, name }) =>
        members.flatMap(({ id }) => {
          if (kind === 'direct') return []
          const e = id === o.identity.id ? sent.get(`${protocol}/${name}`) : mailbox.take(id, protocol, name)
          return e === undefined ? [] : [encode(envelopeCodec, e)]
        }),
      ),
    )

  function makeParty(protocol: string): Party {
    const nameOf = (round: { readonly name: string }): string => `${protocol}/${round.name}`

    const post = (round: Round<unknown>, to: PartyId | '', message: unknown): Promise<Envelope> => {
      const view = views.sending(protocol, round.name)
      return mailbox.post(protocol, round.name, to, encode(viewed(round.codec), { view, message }))
    }

    /** Everybody's broadcasts of a round, our own among them, in roster order. */
    const withOwn = (round: BroadcastRound<unknown>, got: readonly Envelope[]): readonly Envelope[] => {
      const own = sent.get(nameOf(round))
      if (own === undefined) throw new InternalError(`round ${round.name}: collected before it was sent`)
      return members.map((m) => (m.id === o.identity.id ? own : (got.find((e) => e.from === m.id) as Envelope)))
    }

    /**
     * Aborts when somebody says that it was told something else before. With two parties that is the other's doing; with
     * more, whoever contradicts its own echo. Where there was no echo, a third party may have told it something else.
     */
    const compareViews = (round: Round<unknown>, got: readonly Envelope[]): void => {
      const mine = views.at(protocol, round.name)
      if (mine === undefined) throw new InternalError(`round ${round.name}: collected before it was sent`)
      const others = got.filter((e) => !equalBytes(viewOf(e.body), mine.view))
      if (others.length === 0) return
      const failed = { round: round.name, code: 'VIEW', check: 'view' } as const
      if (mine.isCertain) {
        abortOn(
          others.map((e) => ({
            culprit: e.from,
            protocol,
            ...failed,
            evidence: [encode(envelopeCodec, e)],
          })),
        )
      }
      throw new ProtocolAbort(`${protocol} ${round.name}: peers were told different things before (VIEW)`, [])
    }

    const runEcho = async (round: BroadcastRound<unknown>, inOrder: readonly Envelope[]): Promise<void> => {
      const mine: echo.Echo = { hashes: inOrder.map((e) => echo.hashOf(e.body)) }
      await mailbox.post(protocol, echo.echoName(round.name), '', encode(echo.echoCodec, mine))
      const echoes = (await mailbox.gather(protocol, echo.echoName(round.name), peers)) as readonly Envelope[]
      const differ = echo.differences(mine, decodeAll(echoes, echo.echoCodec))
      if (differ.length === 0) return
      const opening = echo.openingName(round.name)
      const envelopes = differ.map((i) => encode(envelopeCodec, inOrder[i] as Envelope))
      await mailbox.post(protocol, opening, '', encode(echo.openingCodec, { envelopes }))
      await mailbox.gather(protocol, opening, peers, OPENING_MS)
      const shown = peers.flatMap((id) => {
        const e = mailbox.take(id, protocol, opening)
        return e === undefined ? [] : decodeAll([e], echo.openingCodec).flatMap((m) => m.envelopes)
      })
      const others = members.filter((m) => m.id !== o.identity.id)
      if (o.mayRestart !== true) abortOn(echo.equivocators(inOrder, shown, others))
      throw new ProtocolAbort(`${protocol} ${round.name}: peers were told different things`, [])
    }

    return {
      protocol,
      self: o.identity.id,
      peers,
      roster: o.roster,
      session: o.session,
      epoch: o.epoch,
      level: o.level,
      random: o.random,
      work,
      workToTheEnd: o.work,
      async broadcast(round, message) {
        sent.set(nameOf(round), await post(round as Round<unknown>, '', message))
      },
      async send(round, to, message) {
        await post(round as Round<unknown>, to, message)
      },
      async collect<M>(round: Round<M>) {
        const got = (await mailbox.gather(protocol, round.name, peers)) as readonly Envelope[]
        const messages = decodeAll(got, viewed(round.codec)).map((d) => d.message)
        compareViews(round as Round<unknown>, got)
        if (round.kind === 'broadcast') {
          const inOrder = withOwn(round as BroadcastRound<unknown>, got)
          const isEchoed = echoed(round as Round<unknown>)
          if (isEchoed) await runEcho(round as BroadcastRound<unknown>, inOrder)
          const bodies = inOrder.map((e) => [e.from, e.body] as const)
          views.add(protocol, round.name, bodies, { isEchoed })
        }
        o.trace?.({ at: 'received', protocol, round: round.name })
        return new PerPeer<Received<M>>(peers, (id) => {
          const at = peers.indexOf(id)
          return { message: messages[at] as M, envelope: encode(envelopeCodec, got[at] as Envelope) }
        })
      },
      async checkEach(round, got, check, before = []) {
        const faults: Fault[] = []
        for (const [culprit, { message, envelope }] of got.entries()) {
          const failed = await check(culprit, message)
          if (failed === undefined) continue
          const evidence = [...before.map((r) => r.get(culprit).envelope), envelope]
          faults.push({ culprit, protocol, round: round.name, ...failed, evidence })
        }
        abortOn(faults)
      },
      abort(round, failed, culprits, evidence) {
        const at = { protocol, round: round.name, ...failed }
        abortOn(culprits.map((culprit) => ({ culprit, ...at, evidence: evidence?.get(culprit) ?? [] })))
        throw new ProtocolAbort(`${protocol} ${round.name}: ${failed.check} (${failed.code})`, [])
      },
      binding: (prover, verifier, slot) => ({
        session: o.session,
        epoch: o.epoch,
        level: o.level,
        prover,
        verifier,
        slot: `${protocol} ${slot}`,
      }),
    }
  }

  const parties = new Map(o.protocols.map((p) => [p.protocol, makeParty(p.protocol)]))
  const party = (protocol: string): Party => {
    const p = parties.get(protocol)
    if (p === undefined) throw new InternalError(`protocol ${protocol} was not declared for this session`)
    return p
  }

  /** Why we end: because of whoever a peer that stopped shows to have cheated, or as we thought. */
  async function explained(error: PeerStopped | ProtocolAbort): Promise<MpcError> {
    const { session, roster, convicts } = o
    const mine = { session, roster, peers, views, record: record(), convicts }
    const faults = await provenFaults(mailbox.accusations(), mine)
    return faults.length === 0 ? error : abortOf(faults)
  }

  return {
    async run(run) {
      try {
        return await run(party)
      } catch (e) {
        const error = e instanceof PeerStopped || isUnexplained(e) ? await explained(e) : e
        const accusations = error instanceof ProtocolAbort ? error.faults : []
        // The peers learn the class of the error and what they can check for themselves, nothing else.
        await mailbox.stop({ reason: error instanceof MpcError ? error.code : 'INTERNAL', message: '', accusations })
        if (!(error instanceof ProtocolAbort)) throw error
        const shown = record()
        throw new ProtocolAbort(
          error.message,
          error.faults.map((f) => ({ ...f, record: shown })),
        )
      } finally {
        mailbox.close()
      }
    },
    told: () => ({ view: views.now, record: record() }),
    async refuse(stop) {
      try {
        await mailbox.stop(stop)
      } finally {
        mailbox.close()
      }
    },
  }
}

/** Something was wrong, and we can't say whose doing it was. */
function isUnexplained(e: unknown): e is ProtocolAbort {
  return e instanceof ProtocolAbort && e.faults.length === 0
}

/** The messages, or ProtocolAbort naming everybody who signed bytes that aren't one. */
function decodeAll<M>(envelopes: readonly Envelope[], codec: Codec<M>): readonly M[] {
  const faults: Fault[] = []
  const messages: M[] = []
  for (const e of envelopes) {
    try {
      messages.push(decode(codec, e.body))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      const { from: culprit, protocol, round } = e
      const check = `decode: ${error.message}`
      faults.push({ culprit, protocol, round, code: 'DECODE', check, evidence: [encode(envelopeCodec, e)] })
    }
  }
  abortOn(faults)
  return messages
}
