/**
 * The sessions of the interface: each is one caller's exchange with the participant behind it, in numbered steps. A step
 * that comes again, because its answer was lost, gets the same answer; nothing is done twice.
 */
import { randomBytes } from 'node:crypto'
import type { Addressed, Batch } from '../../participant/exchange/batch.ts'
import type { Hub } from '../../participant/exchange/hub.ts'
import type { Refused, Visit } from '../../participant/exchange/visit.ts'
import { ApiError } from './errors.ts'

export type Purpose = 'sign' | 'createAccount'

export interface Step {
  readonly sessionId: string
  readonly status: 'CONTINUE' | 'DONE'
  readonly packets: readonly Addressed[]
}

export interface SessionInfo {
  readonly sessionId: string
  readonly purpose: Purpose
  readonly status: 'CONTINUE' | 'DONE'
  readonly steps: number
  readonly ageSeconds: number
}

export interface SessionLimits {
  /** That the participant has not answered yet. */
  readonly sessions: number
  readonly sessionsPerCaller: number
  /** The longest that one may take, and that one may lie unused. */
  readonly sessionMs: number
  readonly idleMs: number
  /** The longest that a request waits for something to say. */
  readonly waitMs: number
  /** A caller that has no place left gets that of one of its sessions which nobody has asked for this long. */
  readonly leftMs: number
}

export interface StartOptions {
  readonly caller: string
  readonly purpose: Purpose
  /** The client's name for the session: one start of this name, however often it comes. */
  readonly clientSession: string | undefined
  readonly batch: Batch
  /** Called once for the session with its id, before anything is exchanged. */
  readonly begin?: (id: string) => void
}

interface Session {
  readonly id: string
  readonly caller: string
  readonly purpose: Purpose
  readonly clientSession: string | undefined
  readonly visit: Visit
  readonly startedMs: number
  usedMs: number
  /** Requests that wait for an answer. */
  underWay: number
  /** Of the last step. */
  sequence: number
  /** The last answers, by step. */
  readonly answers: Map<number, Promise<Step>>
  /** Steps that came before the one before them, and go on when that has come. */
  readonly early: Map<number, () => void>
  status: 'CONTINUE' | 'DONE'
}

/** A client has a few steps under way at a time: one that waits, and those that bring something. */
const ANSWERS_KEPT = 8
/** Sessions that are over, for each place, whose last answers are still there for those who have lost them. */
const OVER_KEPT = 16
const BRINGING_WAIT_MS = 25
/** Steps that are under way together go over several connections, so that one may overtake another. */
const STEPS_AHEAD = 4
const EARLY_MS = 1_000

export class Sessions {
  readonly #hub: Hub
  readonly #limits: SessionLimits
  readonly #now: () => number
  readonly #sessions = new Map<string, Session>()

  constructor(hub: Hub, limits: SessionLimits, now: () => number = () => performance.now()) {
    this.#hub = hub
    this.#limits = limits
    this.#now = now
  }

  get size(): number {
    return this.#sessions.size
  }

  /** Throws ApiError. */
  async start(o: StartOptions, signal?: AbortSignal): Promise<Step> {
    const { caller, purpose, clientSession, batch } = o
    this.sweep()
    const again = clientSession === undefined ? undefined : this.#startedAs(caller, purpose, clientSession)
    if (again !== undefined) return again
    this.#makePlace(caller)
    const id = randomBytes(16).toString('base64url')
    o.begin?.(id)
    const session: Session = {
      id,
      caller,
      purpose,
      clientSession,
      visit: this.#hub.visit(caller),
      startedMs: this.#now(),
      usedMs: this.#now(),
      underWay: 0,
      sequence: 0,
      answers: new Map(),
      early: new Map(),
      status: 'CONTINUE',
    }
    this.#sessions.set(session.id, session)
    try {
      return await this.#exchange(session, 0, batch, signal)
    } catch (e) {
      // nobody knows its id
      this.#end(session)
      throw e
    }
  }

  /** Throws ApiError when there is none. */
  #makePlace(caller: string): void {
    const { sessions, sessionsPerCaller, leftMs } = this.#limits
    const all = [...this.#sessions.values()]
    const running = all.filter((s) => !s.visit.isAnswered)
    const own = running.filter((s) => s.caller === caller)
    if (running.length >= sessions || own.length >= sessionsPerCaller) {
      // a client that lives has always a request under way, but for the time that it computes
      const left = own.find((s) => s.underWay === 0 && this.#now() - s.usedMs >= leftMs)
      if (left === undefined) {
        throw new ApiError('TOO_MANY_REQUESTS', 'there are too many sessions', { headers: { 'retry-after': '1' } })
      }
      this.#end(left)
    }
    if (all.length - running.length >= OVER_KEPT * sessions) {
      const over = all.find((s) => s.visit.isAnswered)
      if (over !== undefined) this.#end(over)
    }
  }

  #startedAs(caller: string, purpose: Purpose, clientSession: string): Promise<Step> | undefined {
    for (const s of this.#sessions.values()) {
      if (s.caller === caller && s.purpose === purpose && s.clientSession === clientSession) return s.answers.get(0)
    }
    return undefined
  }

  /** `sequence` counts from 1; the one of the last step repeats its answer. Throws ApiError. */
  async step(
    caller: string,
    purpose: Purpose,
    id: string,
    sequence: number,
    batch: Batch,
    signal?: AbortSignal,
  ): Promise<Step> {
    const session = this.#find(caller, id)
    if (session.purpose !== purpose) throw unknownSession()
    if (sequence > session.sequence + 1 && sequence <= session.sequence + STEPS_AHEAD) await inTurn(session, sequence)
    const known = session.answers.get(sequence)
    if (known !== undefined) return known
    if (sequence !== session.sequence + 1) {
      throw new ApiError('INVALID_REQUEST', `sequence: expected ${session.sequence + 1}`, {
        details: { field: 'sequence' },
      })
    }
    if (session.status === 'DONE') throw unknownSession()
    return this.#exchange(session, sequence, batch, signal)
  }

  /** Throws ApiError. */
  info(caller: string, id: string): SessionInfo {
    const { purpose, status, sequence, startedMs } = this.#find(caller, id)
    const ageSeconds = Math.floor((this.#now() - startedMs) / 1000)
    return { sessionId: id, purpose, status, steps: sequence + 1, ageSeconds }
  }

  /** Ends what has taken too long, and forgets what nobody asks for any more. */
  sweep(): void {
    const now = this.#now()
    for (const s of this.#sessions.values()) {
      if (now - s.startedMs > this.#limits.sessionMs || now - s.usedMs > this.#limits.idleMs) this.#end(s)
    }
    this.#hub.sweep()
  }

  close(): void {
    for (const s of this.#sessions.values()) this.#end(s)
  }

  #find(caller: string, id: string): Session {
    this.sweep()
    const session = this.#sessions.get(id)
    // whose it is, is nobody else's business
    if (session === undefined || session.caller !== caller) throw unknownSession()
    return session
  }

  #exchange(session: Session, sequence: number, batch: Batch, signal: AbortSignal | undefined): Promise<Step> {
    const before = session.sequence
    session.sequence = sequence
    const making = this.#answer(session, batch, signal).catch((e: unknown) => {
      // a refused step has done nothing: it can be made again
      session.answers.delete(sequence)
      if (session.sequence === sequence) session.sequence = before
      throw e
    })
    session.answers.set(sequence, making)
    session.early.get(sequence + 1)?.()
    if (sequence > ANSWERS_KEPT) session.answers.delete(sequence - ANSWERS_KEPT)
    return making
  }

  async #answer(session: Session, batch: Batch, signal: AbortSignal | undefined): Promise<Step> {
    session.usedMs = this.#now()
    const leftMs = Math.max(0, session.startedMs + this.#limits.sessionMs - this.#now())
    // who brings something goes on when it is taken; long enough for an answer from a presignature to come with it
    const waitMs = batch.packets.length > 0 ? BRINGING_WAIT_MS : this.#limits.waitMs
    session.underWay += 1
    const answer = await session.visit.exchange(batch, Math.min(waitMs, leftMs), signal).finally(() => {
      session.underWay -= 1
      session.usedMs = this.#now()
    })
    if (typeof answer === 'string') throw refusalOf(answer)
    session.status = answer.isDone ? 'DONE' : 'CONTINUE'
    if (answer.isDone) session.visit.close()
    return { sessionId: session.id, status: session.status, packets: answer.packets }
  }

  #end(session: Session): void {
    session.visit.close()
    this.#sessions.delete(session.id)
  }
}

/** Until the step before it has come, for a moment at most. */
function inTurn({ early }: Session, sequence: number): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      early.delete(sequence)
      resolve()
    }
    const timer = setTimeout(end, EARLY_MS)
    early.set(sequence, end)
  })
}

function unknownSession(): ApiError {
  return new ApiError('INVALID_SESSION', 'there is no such session, or it is over')
}

function refusalOf(why: Refused): ApiError {
  switch (why) {
    case 'room refused':
      return new ApiError('INVALID_REQUEST', 'clientMessage: names a room that is not this caller’s', {
        details: { field: 'clientMessage' },
      })
    case 'too many rooms':
      return new ApiError('TOO_MANY_REQUESTS', 'there are too many rooms', { headers: { 'retry-after': '1' } })
    case 'room full':
      return new ApiError('INVALID_REQUEST', 'clientMessage: the session has too many packets', {
        details: { field: 'clientMessage' },
      })
    case 'closed':
      return new ApiError('MPC_TIMEOUT', 'the session took too long')
    default:
      return why satisfies never
  }
}
