/** How often anybody may ask: by caller, by account, and from which addresses at all. Refusals say when to come back. */
import type { IncomingMessage } from 'node:http'
import { addresses } from '../../config/edge/address.ts'
import { Buckets } from '../../config/edge/buckets.ts'
import { ranges } from '../../config/edge/ranges.ts'
import { ApiError } from './errors.ts'

export interface LimitOptions {
  readonly requestsPerSecond: number
  readonly requestBurst: number
  /** Of signatures and recoveries of one account. */
  readonly accountPerSecond: number
  readonly accountBurst: number
  /** Addresses and networks; undefined: all. */
  readonly allowedAddresses: readonly string[] | undefined
  readonly nowMs: () => number
}

const MAX_NAMES = 100_000

export class Limits {
  readonly #nowMs: () => number
  readonly #callers: Buckets
  readonly #accounts: Buckets
  readonly #isAllowed: (address: string) => boolean
  readonly #addresses = addresses([])

  constructor(o: LimitOptions) {
    this.#nowMs = o.nowMs
    this.#callers = new Buckets({ perSecond: o.requestsPerSecond, burst: o.requestBurst, maxCallers: MAX_NAMES })
    this.#accounts = new Buckets({ perSecond: o.accountPerSecond, burst: o.accountBurst, maxCallers: MAX_NAMES })
    this.#isAllowed = o.allowedAddresses === undefined ? () => true : ranges(o.allowedAddresses)
  }

  /** Before anything else is looked at: the address list, and a bucket for each address. Throws ApiError. */
  requireAddress(incoming: IncomingMessage): void {
    if (!this.#isAllowed(incoming.socket.remoteAddress ?? '')) {
      throw new ApiError('FORBIDDEN', 'requests from this address are not taken')
    }
    this.#take(this.#callers, `address:${this.#addresses.callerOf(incoming)}`)
  }

  /** Throws ApiError. */
  takeCaller(caller: string): void {
    this.#take(this.#callers, `caller:${caller}`)
  }

  /** Throws ApiError. */
  takeAccount(account: string): void {
    this.#take(this.#accounts, account)
  }

  #take(buckets: Buckets, name: string): void {
    const waitMs = buckets.take(name, this.#nowMs())
    if (waitMs === 0) return
    throw new ApiError('TOO_MANY_REQUESTS', 'there are too many requests', {
      headers: { 'retry-after': String(Math.max(1, Math.ceil(waitMs / 1000))) },
    })
  }
}
