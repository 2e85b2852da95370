/**
 * Our part in the key generation of a new account that a caller of the interface asked for. The caller is the other party.
 *
 * Over a gateway people compare the roster's fingerprint, because anybody could come into the room. Here the room belongs
 * to the caller that the interface has authenticated, and nobody else gets in; the caller compares the fingerprint that it
 * sees with that in our answer to getPublicKey.
 */
import { createHash } from 'node:crypto'
import type { Hub } from '../../participant/exchange/hub.ts'
import type { CeremonyEvent } from '../../participant/index.ts'
import { MpcError, type SecurityLevel } from '../../participant/index.ts'
import { ceremonyRoom, generateShares, type Keep } from '../../participant/signer/ceremony.ts'
import type { Work } from '../../participant/zk/work.ts'
import { inSession } from '../log.ts'
import { ApiError } from './errors.ts'

export interface CreateOptions {
  readonly hub: Hub
  /** Our name in the roster. */
  readonly name: string
  readonly level: SecurityLevel
  readonly deadlineMs: number
  readonly work: Work
  /** At the same time; each makes primes. */
  readonly limit: number
  /** Keeps the share before the other party is told that all is done. */
  readonly keep: (account: string) => Keep
  onEnd(account: string, ms: number, code: string | undefined): void
  onProgress(account: string, event: CeremonyEvent): void
  readonly signal: AbortSignal
}

export interface Creating {
  /** Begins in a room that is the caller's. Throws ApiError. */
  start(account: string, room: string, caller: string): void
  readonly running: number
}

export function creatingAccounts(o: CreateOptions): Creating {
  const running = new Set<string>()
  return {
    get running() {
      return running.size
    },
    start(account, room, caller) {
      if (running.has(account)) throw new ApiError('ACCOUNT_EXISTS', 'that account is being made')
      if (running.size >= o.limit) {
        throw new ApiError('TOO_MANY_REQUESTS', 'too many accounts are being made', {
          headers: { 'retry-after': '10' },
        })
      }
      if (!o.hub.claim(ceremonyRoom(room), caller)) {
        throw new ApiError('INVALID_REQUEST', 'room: expected a fresh name', { details: { field: 'room' } })
      }
      running.add(account)
      const startedMs = performance.now()
      const end = (code: string | undefined): void => {
        running.delete(account)
        o.onEnd(account, performance.now() - startedMs, code)
      }
      const { hub, name, level, deadlineMs, signal, work } = o
      const making = (): Promise<unknown> =>
        generateShares({
          gateway: hub.gateway,
          room,
          name,
          parties: 2,
          threshold: 2,
          accounts: [account],
          level,
          confirm: async () => true,
          deadlineMs,
          signal,
          work,
          onProgress: (event) => o.onProgress(account, event),
          keep: o.keep(account),
        })
      const tag = createHash('sha256').update(room).digest('hex').slice(0, 8)
      void inSession(tag, () =>
        making().then(
          () => end(undefined),
          (e: unknown) => end(e instanceof MpcError ? e.code : 'INTERNAL'),
        ),
      )
    },
  }
}
