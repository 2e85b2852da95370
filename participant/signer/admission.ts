/**
 * Who may have a signing with us now. Bounds the signings at a time, in all and for each peer, so that one peer can't
 * take every place, and pauses a peer whose signings fail again and again. A pause is no blame: the network may be why.
 */
import type { PartyId } from '../party/roster.ts'

export interface AdmissionOptions {
  readonly maxSessions: number
  /** Of one peer. */
  readonly maxSessionsPerPeer: number
  /** Failed signings of one peer in a minute before it has to wait. */
  readonly failuresPerMinute: number
  /** In ms, for tests. */
  readonly now?: () => number
}

export type NotNow = 'BUSY' | 'TOO_MANY_FAILURES'

const MINUTE_MS = 60_000
/** Far more peers than rosters have; the oldest are forgotten. */
const PEERS_LIMIT = 10_000

export class Admission {
  readonly #o: AdmissionOptions
  readonly #now: () => number
  readonly #running = new Map<PartyId, number>()
  /** Failures not yet forgotten: each fades within a minute divided by how many are allowed. */
  readonly #failures = new Map<PartyId, { readonly count: number; readonly at: number }>()
  #sessions = 0

  constructor(o: AdmissionOptions) {
    this.#o = o
    this.#now = o.now ?? (() => performance.now())
  }

  /** Signings that run now. */
  get sessions(): number {
    return this.#sessions
  }

  /** Takes a place; every 'admitted' needs one `leave`. */
  enter(peer: PartyId): 'admitted' | NotNow {
    const { maxSessions, maxSessionsPerPeer, failuresPerMinute } = this.#o
    if (this.#failureCount(peer) > failuresPerMinute - 1) return 'TOO_MANY_FAILURES'
    const own = this.#running.get(peer) ?? 0
    if (this.#sessions >= maxSessions || own >= maxSessionsPerPeer) return 'BUSY'
    this.#sessions++
    this.#running.set(peer, own + 1)
    return 'admitted'
  }

  leave(peer: PartyId, o: { readonly failed: boolean }): void {
    this.#sessions--
    const own = (this.#running.get(peer) ?? 1) - 1
    if (own > 0) this.#running.set(peer, own)
    else this.#running.delete(peer)
    if (!o.failed) return
    const count = this.#failureCount(peer) + 1
    this.#failures.delete(peer)
    this.#failures.set(peer, { count, at: this.#now() })
    const [oldest] = this.#failures.keys()
    if (this.#failures.size > PEERS_LIMIT && oldest !== undefined) this.#failures.delete(oldest)
  }

  #failureCount(peer: PartyId): number {
    const failures = this.#failures.get(peer)
    if (failures === undefined) return 0
    const faded = ((this.#now() - failures.at) * this.#o.failuresPerMinute) / MINUTE_MS
    return Math.max(0, failures.count - faded)
  }
}
