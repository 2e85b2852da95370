/**
 * What a host uses: a participant with its accounts, that signs with others and serves when others ask. Participants
 * are symmetric; any of them may start a signing.
 */
import { StateError, UsageError } from '../base/errors.ts'
import { type Random, systemRandom } from '../base/random.ts'
import { linkSignals } from '../base/signals.ts'
import type { KeyShare } from '../key-share/key-share.ts'
import type { Point } from '../math/curve.ts'
import { fingerprint, type PartyId } from '../party/roster.ts'
import type { Trace } from '../party/trace.ts'
import type { Signature } from '../protocols/material.ts'
import type { Gateway } from '../room/gateway.ts'
import { inProcess, type Work } from '../zk/work.ts'
import { signPresigned } from './ask-presigned.ts'
import type { Authority } from './authority.ts'
import { convene, defaultSigners, requireSigners, requireUnlocked } from './convene.ts'
import { ethereumAddress, type SignResult } from './describe.ts'
import type { Evidence } from './evidence-file.ts'
import { type Locks, memoryLocks } from './locks.ts'
import { digestOf, type Payload } from './payload.ts'
import { Places } from './places.ts'
import { type PoolCounts, type PoolKey, PresignaturePool } from './pool.ts'
import { startRefill } from './refill.ts'
import { Replies } from './replies.ts'
import { type ServeOptions, type Service, serve } from './serve.ts'
import { runPresigning, runSigning, type SigningStep } from './signing.ts'

export interface PoolOptions {
  /** When fewer are left of one account and set of signers, more are made, in the background. */
  readonly low: number
  /** Until there are so many. */
  readonly high: number
  /** The most that peers may make us keep, of one account, set of signers and owner; 64 by default. */
  readonly max?: number
  /** An hour by default. */
  readonly maxAgeMs?: number
  /**
   * This side starts the refilling of what it signs with; true by default. A side that only serves keeps its part of
   * what others start in any case.
   */
  readonly refill?: boolean
  /** Presignatures that a participant of the same key shares had; this one keeps its own in there, and clears it at its end. */
  readonly store?: PresignaturePool
}

export interface ParticipantOptions {
  /** By account id. Accounts may have different rosters. */
  readonly keyShares: ReadonlyMap<string, KeyShare>
  readonly gateway: Gateway
  readonly random?: Random
  readonly work?: Work
  readonly trace?: Trace
  /** Locks that outlive the process; without them a restart forgets that a signature failed. */
  readonly locks?: Locks
  /**
   * Signatures that we start and that are made from the start, at a time; more wait for a place until their deadline. 8
   * when absent: with so many, a few cores are as busy as with a hundred, and each is done in time.
   */
  readonly coldSignings?: number
  /** Presignatures ahead of every request, between two signers; without it every signature is made from the start. */
  readonly pool?: PoolOptions
}

export interface AccountInfo {
  readonly account: string
  readonly publicKey: Point
  /** Ethereum, EIP-55. */
  readonly address: string
  readonly threshold: number
  readonly epoch: number
  readonly self: PartyId
  readonly members: readonly PartyId[]
  /** Of the roster, for people to compare. */
  readonly fingerprint: string
}

export interface SignOptions {
  readonly account: string
  readonly payload: Payload
  /** Permit and approvals, where the other side's policy asks for them. */
  readonly authority?: Authority
  /** Exactly threshold members with ourselves; may be left out when all members are needed, or ours come first. */
  readonly signers?: readonly PartyId[]
  readonly deadlineMs: number
  readonly signal?: AbortSignal
  readonly onStep?: (step: SigningStep) => void
  /** What can be shown to others when a peer made the signing abort; `formatEvidence` makes a file of it. */
  readonly onEvidence?: (evidence: readonly Evidence[]) => void
}

export type PrepareOptions = Omit<SignOptions, 'payload' | 'authority' | 'onStep'> & { readonly count: number }

export interface Participant {
  accounts(): readonly AccountInfo[]
  /**
   * A signature over the payload, verified under the account's public key. Throws UsageError for an unknown account or
   * impossible signers, StateError with reason LOCKED, TransportError naming who was waited for, PeerStopped when
   * somebody refused, ProtocolAbort with the culprits.
   */
  sign(o: SignOptions): Promise<SignResult>
  /** Makes presignatures until `count` are there for us. Throws as `sign` does, UsageError without a pool. */
  prepare(o: PrepareOptions): Promise<void>
  /** Undefined without a pool. */
  pool(): PoolCounts | undefined
  /** Takes part when others ask, until it is stopped. */
  serve(o: ServeOptions): Service
  /** Ends every signing and every service of this participant. */
  close(): void
}

/** The most that one signature waits for an answer to a presigned request before it is made from the start. */
const ANSWER_MS = 10_000
const REFILL_DEADLINE_MS = 60_000
const COLD_SIGNINGS = 8
const DAY_MS = 86_400_000

/** Without the refusal of test levels, for tests; hosts use `createParticipant`. */
export function openParticipant(o: ParticipantOptions): Participant {
  const { keyShares, gateway, random = systemRandom, work = inProcess, locks = memoryLocks() } = o
  const { coldSignings = COLD_SIGNINGS } = o
  if (!Number.isInteger(coldSignings) || coldSignings < 1) throw new UsageError('coldSignings: expected at least 1')
  const places = new Places(coldSignings)
  const closing = new AbortController()
  const common = { gateway, random, work, locks, ...(o.trace === undefined ? {} : { trace: o.trace }) }
  const pool =
    o.pool && (o.pool.store ?? new PresignaturePool({ max: o.pool.max ?? 64, maxAgeMs: o.pool.maxAgeMs ?? 3_600_000 }))
  const replies = new Replies(gateway, random, closing.signal)
  const services = new Set<Service>()
  let signing = 0

  const shareOf = (account: string): KeyShare => {
    const share = keyShares.get(account)
    if (share === undefined) throw new UsageError('account: expected one of this participant')
    return share
  }

  /** What a request names, checked. */
  async function request({ account, deadlineMs, signers }: Pick<SignOptions, 'account' | 'deadlineMs' | 'signers'>) {
    if (closing.signal.aborted) throw new StateError('participant is closed')
    if (!(deadlineMs > 0 && deadlineMs <= DAY_MS)) throw new UsageError('deadline: expected up to a day, in ms')
    const share = shareOf(account)
    const chosen = signers ?? defaultSigners(share)
    requireSigners(share, chosen)
    await requireUnlocked(locks, share, chosen)
    return { share, signers: chosen, key: { account, signers: chosen, owner: share.identity.id } }
  }

  async function presign(
    key: PoolKey,
    more: Pick<SignOptions, 'signal' | 'onEvidence'> = {},
    deadlineMs = REFILL_DEADLINE_MS,
  ) {
    const share = shareOf(key.account)
    const ask = { kind: 'presign', owner: key.owner } as const
    const { signal, ...rest } = more
    const signals = [closing.signal, signal]
    const quiet = { ...common, work: work.background, ...rest }
    const made = await convene({ ...quiet, share, signers: key.signers, ask, deadlineMs, signals }, runPresigning)
    pool?.put(made)
  }

  const refill =
    o.pool === undefined || pool === undefined || o.pool.refill === false
      ? undefined
      : startRefill({
          pool,
          low: o.pool.low,
          high: o.pool.high,
          signal: closing.signal,
          isIdle: () => signing === 0 && [...services].every((s) => s.sessions === 0),
          presign: (key) => presign(key),
        })

  /** From the pool, if there is something for this request; undefined when it has to be made from the start. */
  async function warm(o: SignOptions, stopAt: number, key: PoolKey, share: KeyShare): Promise<Signature | undefined> {
    const [peer, ...others] = key.signers.filter((id) => id !== share.identity.id)
    if (pool === undefined || peer === undefined || others.length > 0 || o.payload.kind === 'digest') return undefined
    refill?.watch(key)
    const presigned = pool.takeOldest(key)
    if (presigned === undefined) return undefined
    const { payload, deadlineMs, onEvidence, authority } = o
    const ending = linkSignals([closing.signal, o.signal])
    const { signal } = ending
    const answerMs = Math.min(ANSWER_MS, deadlineMs / 2)
    const about = { share, presigned, peer, payload, replies, stopAt, deadlineMs, answerMs, signal }
    try {
      const more = {
        ...(authority === undefined ? {} : { authority }),
        ...(onEvidence === undefined ? {} : { onEvidence }),
      }
      return await signPresigned({ ...common, ...about, ...more })
    } finally {
      ending.release()
      refill?.watch(key)
    }
  }

  /** From the start, when there is a place. */
  async function cold(
    o: SignOptions,
    stopAt: number,
    share: KeyShare,
    signers: readonly PartyId[],
  ): Promise<Signature> {
    const { payload, onStep, onEvidence, authority } = o
    const ending = linkSignals([closing.signal, o.signal])
    const { signal } = ending
    let leave: (() => void) | undefined
    try {
      leave = await places.take(stopAt, signal)
      onStep?.('inviting')
      const ask = { kind: 'sign', payload } as const
      const deadlineMs = Math.max(1, stopAt - Date.now())
      const session = { ...common, share, signers, ask, stopAt, deadlineMs, signals: [signal] }
      const more = {
        ...(authority === undefined ? {} : { authority }),
        ...(onEvidence === undefined ? {} : { onEvidence }),
      }
      return await convene({ ...session, ...more }, (m) =>
        runSigning({ ...m, ...(onStep === undefined ? {} : { onStep }) }, payload),
      )
    } finally {
      leave?.()
      ending.release()
    }
  }

  return {
    accounts: () => [...keyShares.values()].map(infoOf),

    async sign(options) {
      const { account, payload, deadlineMs } = options
      const stopAt = Date.now() + deadlineMs
      const digest = digestOf(payload)
      const { share, signers, key } = await request(options)
      const { publicKey } = share.core
      signing++
      try {
        const quick = await warm(options, stopAt, key, share)
        if (quick !== undefined) return { account, publicKey, digest, signature: quick }
        const signature = await cold(options, stopAt, share, signers)
        return { account, publicKey, digest, signature }
      } finally {
        signing--
      }
    },

    async prepare({ count, ...options }) {
      if (pool === undefined) throw new UsageError('prepare: expected a participant with a pool')
      if (!Number.isInteger(count) || count < 0) throw new UsageError('count: expected a number of presignatures')
      const stopAt = Date.now() + options.deadlineMs
      const { key } = await request(options)
      while (pool.size(key) < count) {
        if (!pool.hasPlace(key)) throw new UsageError('count: expected no more than the pool holds')
        const { signal, onEvidence } = options
        const more = {
          ...(signal === undefined ? {} : { signal }),
          ...(onEvidence === undefined ? {} : { onEvidence }),
        }
        await presign(key, more, Math.max(1, stopAt - Date.now()))
      }
      refill?.watch(key)
    },

    pool: () => pool?.counts(),

    serve(options) {
      const service = serve({ ...common, keyShares, pool, signal: closing.signal }, options)
      services.add(service)
      return {
        ready: service.ready,
        get sessions() {
          return service.sessions
        },
        stop: (how) => service.stop(how).finally(() => services.delete(service)),
      }
    },

    close() {
      closing.abort()
      pool?.clear()
    },
  }
}

function infoOf({ account, core, epoch, identity, roster }: KeyShare): AccountInfo {
  return {
    account,
    publicKey: core.publicKey,
    address: ethereumAddress(core.publicKey),
    threshold: core.threshold,
    epoch,
    self: identity.id,
    members: roster.members.map((m) => m.id),
    fingerprint: fingerprint(roster),
  }
}
