/**
 * Runs a protocol among all its parties in one process, over a room in memory: the real parties and envelopes, and
 * networks that misbehave.
 */
import type { Fault } from '../base/errors.ts'
import type { SecurityLevel } from '../base/level.ts'
import { type Random, systemRandom } from '../base/random.ts'
import { testWork } from '../zk/testing-work.node.ts'
import type { Work } from '../zk/work.ts'
import type { Channel } from './channel.ts'
import { openConnection } from './connection.ts'
import type { Party, ProtocolRounds } from './party.ts'
import type { Identity, PartyId, Roster } from './roster.ts'
import { inOrder, memoryRoom, type Schedule } from './simulation.ts'

export interface SimulatedSession {
  readonly identities: ReadonlyMap<PartyId, Identity>
  readonly roster: Roster
  readonly signers?: readonly PartyId[]
  readonly level: SecurityLevel
  readonly protocols: readonly ProtocolRounds[]
  readonly session?: Uint8Array
  readonly epoch?: number
  readonly random?: Random
  readonly deadlineMs?: number
  /** As in ConnectionOptions. */
  readonly mayRestart?: boolean
  readonly work?: Work
  /** Of parties that compute elsewhere than `work` says. */
  readonly workOf?: (id: PartyId) => Work | undefined
  /** What each party has in place of the plain room. */
  readonly channelOf?: (id: PartyId) => Channel
  /** As in ConnectionOptions, for all of them. */
  convicts?(fault: Fault): Promise<boolean>
}

/** What each party ended with, value or error. */
export async function runAll<T>(
  o: SimulatedSession,
  run: (party: (protocol: string) => Party, id: PartyId) => Promise<T>,
): Promise<ReadonlyMap<PartyId, PromiseSettledResult<T>>> {
  const signers = o.signers ?? o.roster.members.map((m) => m.id)
  const room = memoryRoom()
  const session = o.session ?? systemRandom.bytes(32)
  const results = await Promise.allSettled(
    signers.map((id) =>
      openConnection({
        identity: o.identities.get(id) as Identity,
        roster: o.roster,
        signers,
        session,
        epoch: o.epoch ?? 0,
        level: o.level,
        channel: o.channelOf?.(id) ?? room,
        protocols: o.protocols,
        random: o.random ?? systemRandom,
        work: o.workOf?.(id) ?? o.work ?? testWork,
        deadlineMs: o.deadlineMs ?? 60_000,
        mayRestart: o.mayRestart ?? false,
        ...(o.convicts === undefined ? {} : { convicts: o.convicts }),
      }).run((party) => run(party, id)),
    ),
  )
  return new Map(signers.map((id, i) => [id, results[i] as PromiseSettledResult<T>]))
}

/** The values of a run in which nobody failed; throws the first error otherwise. */
export function allValues<T>(results: ReadonlyMap<PartyId, PromiseSettledResult<T>>): ReadonlyMap<PartyId, T> {
  return new Map(
    [...results].map(([id, r]) => {
      if (r.status === 'rejected') throw r.reason
      return [id, r.value]
    }),
  )
}

/** Delivers late by up to `lateMs`, so in any order, and every other packet twice. Follows from `random` alone. */
export function hostileSchedule(random: Random, lateMs = 12): Schedule {
  return ({ packet, deliver }) => {
    const [late, again, twice] = random.bytes(3) as unknown as [number, number, number]
    setTimeout(() => deliver(packet), (late * lateMs) / 256)
    if (twice < 128) setTimeout(() => deliver(packet), (again * lateMs) / 256)
  }
}

/**
 * A room for each party. `route` says what `to` gets in place of a packet that `from` posts: the packet alone is an
 * honest network, an empty list drops it.
 */
export function networkOf(
  ids: readonly PartyId[],
  route: (from: PartyId, to: PartyId, packet: Uint8Array) => readonly Uint8Array[],
  schedule: Schedule = inOrder,
): (id: PartyId) => Channel {
  const rooms = new Map(ids.map((id) => [id, memoryRoom(schedule)]))
  return (from) => ({
    async post(packet) {
      for (const [to, room] of rooms) for (const p of route(from, to, packet)) await room.post(p)
    },
    subscribe: (onPacket, onClosed) => (rooms.get(from) as Channel).subscribe(onPacket, onClosed),
  })
}
