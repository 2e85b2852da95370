/**
 * What a service may still do when its lease is over: nothing. Each way out asks the clock itself, at the last moment,
 * since a process that was stopped and goes on doesn't know how long it was away. No record is written either: files that
 * are shared belong to the next holder by then.
 */
import { AuditError, type AuditLog } from '../../config/audit/writer.ts'
import { type Gateway, StateError, TransportError } from '../../participant/index.ts'
import type { Changes } from '../keystore-changes.ts'

export interface LeaseState {
  isHeld(): boolean
}

const OVER = 'the lease of this service is over'

/** For every request to the gateway, repeated ones too. */
export function guardFetch(lease: LeaseState): typeof fetch {
  return (input, init) => (lease.isHeld() ? globalThis.fetch(input, init) : Promise.reject(new TransportError(OVER)))
}

/** For the rooms of a hub, which know no requests. */
export function guardGateway(lease: LeaseState, gateway: Gateway): Gateway {
  const requireHeld = (): void => {
    if (!lease.isHeld()) throw new TransportError(OVER)
  }
  return {
    ...gateway,
    openRoom(id, options) {
      const room = gateway.openRoom(id, options)
      const post = async (packet: Uint8Array): Promise<void> => {
        requireHeld()
        await room.post(packet)
      }
      return { ...room, post }
    },
    post: async (id, packet, options) => {
      requireHeld()
      await gateway.post(id, packet, options)
    },
  }
}

/** No line is written; what can't be recorded is not signed. */
export function guardAudit(lease: LeaseState, audit: AuditLog): AuditLog {
  return {
    get head() {
      return audit.head
    },
    append: (event, fields) => (lease.isHeld() ? audit.append(event, fields) : Promise.reject(new AuditError(OVER))),
    reopen: () => (lease.isHeld() ? audit.reopen() : Promise.reject(new AuditError(OVER))),
    close: () => audit.close(),
  }
}

export function guardKeystore(lease: LeaseState, keystore: Changes): Changes {
  const held = async (change: () => Promise<void>): Promise<void> => {
    if (!lease.isHeld()) throw new StateError(OVER)
    await change()
  }
  return {
    add: (shares) => held(() => keystore.add(shares)),
    remove: (accounts) => held(() => keystore.remove(accounts)),
  }
}
