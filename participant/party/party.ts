/**
 * What a protocol sees of the world: its peers, one session, and rounds. Routing, duplicates, order of arrival, echo,
 * deadlines, signatures and blame live here and in the files beside it, once for all protocols.
 */
import type { FaultCode } from '../base/errors.ts'
import type { SecurityLevel } from '../base/level.ts'
import type { Random } from '../base/random.ts'
import type { Binding } from '../zk/sigma.ts'
import type { Work } from '../zk/work.ts'
import type { PartyId, Roster } from './roster.ts'
import type { BroadcastRound, DirectRound, PerPeer, Received, Round } from './rounds.ts'

/** What a check found wrong with a message. */
export interface Failed {
  readonly code: FaultCode
  /** Name of the check, e.g. `psi0: range z1`. */
  readonly check: string
}

export interface Party {
  /** The protocol that runs: it names rounds on the wire. */
  readonly protocol: string
  readonly self: PartyId
  /** Everybody else in this session, in roster order. */
  readonly peers: readonly PartyId[]
  readonly roster: Roster
  /** 32 bytes. */
  readonly session: Uint8Array
  readonly epoch: number
  readonly level: SecurityLevel
  readonly random: Random
  /** Ends with the session: throws TransportError then. */
  readonly work: Work
  /** Goes on when the session has ended: for checks of what is here, which nobody else has to wait for. */
  readonly workToTheEnd: Work

  broadcast<M>(round: BroadcastRound<M>, message: M): Promise<void>
  send<M>(round: DirectRound<M>, to: PartyId, message: M): Promise<void>
  /**
   * One message from every peer. Throws ProtocolAbort naming those whose message does not decode, who sent two
   * different ones, or (3 parties or more) who told others something else; TransportError at the deadline.
   */
  collect<M>(round: Round<M>): Promise<PerPeer<Received<M>>>
  /**
   * Checks every peer, then aborts naming all who failed, whatever the order of arrival. `before` are earlier messages
   * that the check rests on; the culprit's come first in the evidence.
   */
  checkEach<M>(
    round: Round<M>,
    got: PerPeer<Received<M>>,
    check: (from: PartyId, message: M) => Failed | undefined | Promise<Failed | undefined>,
    before?: readonly PerPeer<Received<unknown>>[],
  ): Promise<void>
  /** Ends the session for a reason that is no single message's fault. */
  abort(
    round: { readonly name: string },
    failed: Failed,
    culprits: readonly PartyId[],
    evidence?: PerPeer<readonly Uint8Array[]>,
  ): never
  /** The binding of a proof of this session. `verifier` is '' for everybody. */
  binding(prover: PartyId, verifier: PartyId | '', slot: string): Binding
}

/** All rounds of a protocol, declared before it starts: nothing else is accepted or buffered. */
export interface ProtocolRounds {
  readonly protocol: string
  // biome-ignore lint/suspicious/noExplicitAny: a round's message type is its own; here only its name and kind count
  readonly rounds: readonly Round<any>[]
}
