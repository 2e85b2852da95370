/**
 * Real participants over a gateway in memory that keeps a record of who posted what where. A dishonest one uses the
 * gateway through a wrapper of its own.
 */
import assert from 'node:assert/strict'
import { INSECURE_TEST as level } from '../../participant/base/level.ts'
import type { KeyShare } from '../../participant/key-share/key-share.ts'
import { dealTestShares } from '../../participant/key-share/testing.ts'
import type { PartyId } from '../../participant/party/roster.ts'
import { type Gateway, inboxRoom } from '../../participant/room/gateway.ts'
import type { ServiceEvent } from '../../participant/signer/answer.ts'
import type { Participant } from '../../participant/signer/participant.ts'
import type { ServeOptions, Service } from '../../participant/signer/serve.ts'
import { openTestParticipant, type TestOptions } from '../../participant/signer/testing-participant.node.ts'
import { decodePacket, type Envelope } from '../../participant/wire/envelope.ts'
import { unseal } from '../../participant/wire/sealing.ts'
import { Rooms, type Route } from '../hostile/memory-gateway.ts'

export interface Posted {
  readonly by: PartyId
  readonly room: string
  readonly packet: Uint8Array
}

export interface Serving {
  readonly service: Service
  readonly events: readonly ServiceEvent[]
  /** The n-th answer of the service to an invitation, counted from 0. */
  ended(n?: number): Promise<Extract<ServiceEvent, { readonly session: string }>>
}

const ENDS: readonly string[] = ['signed', 'failed', 'refused', 'ignored']

export interface Scene {
  share(id: PartyId): KeyShare
  /** The room in which others find this party. */
  inbox(id: PartyId): string
  readonly posted: readonly Posted[]
  /** The gateway as one party sees it; what it posts is noted under its name. */
  gateway(by: PartyId, route?: Route): Gateway
  open(id: PartyId, gateway?: Gateway, o?: Pick<TestOptions, 'pool' | 'coldSignings'>): Participant
  serve(p: Participant, o?: Partial<ServeOptions>): Promise<Serving>
  opened(packet: Uint8Array): Envelope
  /** Everything that this party said so far, opened with the keys of all. */
  saidBy(id: PartyId): readonly Envelope[]
  close(): void
}

/** Each has a share of the account `main`. */
export function openScene(parties: readonly PartyId[], threshold: number): Scene {
  const shares = dealTestShares({ parties, threshold, accounts: ['main'], level })
  const rooms = new Rooms()
  const participants: Participant[] = []
  const posted: Posted[] = []
  const share = (id: PartyId): KeyShare => shares.get(id)?.get('main') ?? assert.fail('no share')
  const opened = (raw: Uint8Array): Envelope => {
    const packet = decodePacket(raw)
    return packet.kind === 'clear' ? packet.envelope : unseal(packet, share(packet.to).identity.sealingKey)
  }

  const gateway: Scene['gateway'] = (by, route = (_packet, show) => show()) => {
    const end = rooms.end(route)
    const note = (room: string, packet: Uint8Array): void => void posted.push({ by, room, packet })
    return {
      ...end,
      post: (id, packet, o) => {
        note(id, packet)
        return end.post(id, packet, o)
      },
      openRoom: (id, o) => {
        const room = end.openRoom(id, o)
        const post = (packet: Uint8Array): Promise<void> => {
          if (o?.signal?.aborted !== true) note(id, packet)
          return room.post(packet)
        }
        return { ...room, post }
      },
    }
  }

  return {
    share,
    inbox: (id) => inboxRoom(share(id).identity.verifyKey),
    posted,
    gateway,
    open(id, over = gateway(id), o = {}) {
      const p = openTestParticipant({ keyShares: shares.get(id) ?? assert.fail('no shares'), gateway: over, ...o })
      participants.push(p)
      return p
    },
    async serve(p, o = {}) {
      const events: ServiceEvent[] = []
      const onEvent = (e: ServiceEvent): void => void events.push(e)
      const service = p.serve({ decide: () => undefined, maxSessions: 8, sessionMs: 30_000, onEvent, ...o })
      await service.ready
      return {
        service,
        events,
        async ended(n = 0) {
          for (;;) {
            const found = events.filter((e) => ENDS.includes(e.at))[n]
            if (found !== undefined && 'session' in found) return found
            await new Promise((resolve) => setTimeout(resolve, 2))
          }
        },
      }
    },
    opened,
    saidBy: (id) => posted.filter((p) => p.by === id).map(({ packet }) => opened(packet)),
    close() {
      for (const p of participants) p.close()
    },
  }
}

/** `protocol/round` of each, once. */
export function roundsOf(envelopes: readonly Envelope[]): readonly string[] {
  return [...new Set(envelopes.map((e) => `${e.protocol}/${e.round}`))]
}
