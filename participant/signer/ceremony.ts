/**
 * Makes key shares together, without a dealer: the parties meet in a room by its name, agree on the roster, people
 * compare its fingerprint, and then auxiliary information and the key generation of each account run over it.
 *
 * Whoever knows the room's name can come in, and the gateway can put itself between the parties: only the comparison of
 * fingerprints shows that. Primes and identity keys are fresh for each ceremony, so a failed one leaves nothing behind.
 */
import { bytesToHex } from '../base/bytes.ts'
import { ProtocolAbort, StateError, TransportError, UsageError } from '../base/errors.ts'
import type { SecurityLevel } from '../base/level.ts'
import { type Random, systemRandom } from '../base/random.ts'
import { linkSignals } from '../base/signals.ts'
import { type KeyShare, requireAccountId } from '../key-share/key-share.ts'
import { generatePaillierKey, type PaillierSecretKey } from '../paillier/paillier-key.ts'
import { generateRingPedersen, type RingPedersenSecret } from '../paillier/ring-pedersen.ts'
import { openConnection } from '../party/connection.ts'
import type { ProtocolRounds } from '../party/party.ts'
import { createIdentity, fingerprint, type PartyId } from '../party/roster.ts'
import { broadcastRound } from '../party/rounds.ts'
import { auxInfo } from '../protocols/aux-info/protocol.ts'
import { auxRounds } from '../protocols/aux-info/rounds.ts'
import { convicts } from '../protocols/evidence.ts'
import { keygen } from '../protocols/keygen/protocol.ts'
import { keygenRounds } from '../protocols/keygen/rounds.ts'
import { sessionOf } from '../protocols/session-context.ts'
import type { Gateway } from '../room/gateway.ts'
import { tellingRefusal } from '../room/refused.ts'
import { fixed, point, struct } from '../wire/codec.ts'
import { Transcript } from '../wire/transcript.ts'
import { inProcess, type Work } from '../zk/work.ts'
import { rendezvous, type Terms } from './rendezvous.ts'

export type CeremonyEvent =
  | { readonly at: 'primes'; readonly made: number; readonly of: number }
  | { readonly at: 'hello'; readonly members: readonly PartyId[] }
  | { readonly at: 'other-terms'; readonly member: PartyId; readonly term: string }
  | { readonly at: 'agreed'; readonly fingerprint: string }
  | { readonly at: 'aux-info' }
  | { readonly at: 'keygen'; readonly account: string }
  | { readonly at: 'done' }

export interface CeremonyOptions {
  readonly gateway: Gateway
  /** Name that all parties agreed on; anybody who knows it can disturb the ceremony. */
  readonly room: string
  readonly name: PartyId
  readonly parties: number
  readonly threshold: number
  readonly accounts: readonly string[]
  readonly level: SecurityLevel
  /** Asks a person whether all others see the same fingerprint. */
  confirm(fingerprint: string, members: readonly PartyId[]): Promise<boolean>
  readonly deadlineMs: number
  readonly signal?: AbortSignal
  readonly random?: Random
  readonly work?: Work
  readonly onProgress?: (event: CeremonyEvent) => void
  /** Secret moduli that were made before, and never used with anybody. */
  readonly moduli?: Promise<Moduli>
  /** For a host that must have its shares safe before the others end: what fails here ends the ceremony for all. */
  readonly keep?: Keep
}

export interface Keep {
  store(shares: ReadonlyMap<string, KeyShare>): Promise<void>
  /** The ceremony failed after `store` was called. */
  discard(): Promise<void>
}

export interface Moduli {
  readonly paillier: PaillierSecretKey
  readonly pedersen: RingPedersenSecret
}

/** Everybody says what it ended with, before anybody writes a file. */
const finish = broadcastRound('finish', struct<{ digest: Uint8Array }>({ digest: fixed(32) }))
const finishRounds = { protocol: 'ceremony', rounds: [finish] }

/**
 * Our share of each account. Throws UsageError for impossible options, StateError when the
 * fingerprint was not confirmed, TransportError at the deadline, ProtocolAbort with the culprits.
 */
export async function generateShares(o: CeremonyOptions): Promise<ReadonlyMap<string, KeyShare>> {
  checkOptions(o)
  const { level, threshold, accounts, random = systemRandom, work = inProcess } = o
  const progress = (event: CeremonyEvent): void => o.onProgress?.(event)
  const stopAt = Date.now() + o.deadlineMs
  const leftMs = (): number => Math.max(1, stopAt - Date.now())
  const ending = linkSignals([o.signal], o.deadlineMs)
  const { signal } = ending
  const room = o.gateway.openRoom(ceremonyRoom(o.room), { signal })
  try {
    // The primes take seconds: they are made while the others are waited for.
    const making = o.moduli ?? makeModuli(level, work, signal, (made) => progress({ at: 'primes', made, of: 2 }))
    making.catch(() => undefined)
    const identity = createIdentity(o.name, random)
    const terms = { room: o.room, parties: o.parties, threshold, accounts, level: level.name }
    const meeting = {
      terms,
      identity,
      channel: room,
      random,
      deadlineMs: leftMs(),
      signal,
      onMembers: (members: readonly PartyId[]) => progress({ at: 'hello', members }),
      onOtherTerms: (member: PartyId, term: keyof Terms) => progress({ at: 'other-terms', member, term }),
    }
    const telling = <T>(work: () => Promise<T>): Promise<T> => tellingRefusal(room, work)
    const met = await telling(() => rendezvous(meeting))
    const { roster, nonces } = met
    const signers = roster.members.map((m) => m.id)
    progress({ at: 'agreed', fingerprint: fingerprint(roster) })
    const common = { identity, roster, signers, epoch: 0, level, channel: room, random, work, signal }
    const open = (purpose: string, account: string, rounds: ProtocolRounds) => {
      const context = { purpose, level, roster, threshold, account, epoch: 0, signers, nonces }
      return openConnection({
        ...common,
        session: sessionOf(context),
        protocols: [rounds],
        deadlineMs: leftMs(),
        convicts: (fault) => convicts(fault, context),
      })
    }

    if (!(await confirmed(o.confirm(fingerprint(roster), signers), signal))) {
      const message = 'the fingerprint was not confirmed'
      await open('aux-info', '', finishRounds).refuse({ reason: 'FINGERPRINT', message })
      throw new StateError(`${message}: no shares were made`)
    }

    const moduli = await making
    progress({ at: 'aux-info' })
    const rounds = auxRounds(level)
    const aux = await telling(() =>
      open('aux-info', '', rounds).run((party) => auxInfo({ ...moduli, rounds }, party(rounds.protocol))),
    )

    const shares = new Map<string, KeyShare>()
    for (const account of accounts) {
      progress({ at: 'keygen', account })
      const core = await telling(() =>
        open('keygen', account, keygenRounds).run((party) => keygen({ threshold }, party(keygenRounds.protocol))),
      )
      shares.set(account, { account, curve: 'secp256k1', level, epoch: 0, roster, identity, core, aux })
    }

    const digest = outcome(shares)
    try {
      await o.keep?.store(shares)
      await telling(() =>
        open('ceremony', '', finishRounds).run(async (party) => {
          const p = party(finishRounds.protocol)
          await p.broadcast(finish, { digest })
          const got = await p.collect(finish)
          if (got.values().some((m) => bytesToHex(m.message.digest) !== bytesToHex(digest))) {
            throw new ProtocolAbort('the parties ended with different keys: no shares were made', [])
          }
        }),
      )
    } catch (e) {
      await o.keep?.discard()
      throw e
    }
    progress({ at: 'done' })
    return shares
  } finally {
    ending.abort()
    room.close()
  }
}

function checkOptions(o: CeremonyOptions): void {
  const need = (ok: boolean, message: string): void => {
    if (!ok) throw new UsageError(message)
  }
  need(/^[A-Za-z0-9._-]{1,100}$/.test(o.room), 'room: expected 1 to 100 letters, digits, dots, dashes or underscores')
  need(Number.isInteger(o.parties) && o.parties >= 2 && o.parties <= 32, 'parties: expected 2 to 32')
  need(
    Number.isInteger(o.threshold) && o.threshold >= 2 && o.threshold <= o.parties,
    `threshold: expected 2 to ${o.parties}`,
  )
  need(o.accounts.length > 0, 'account: expected at least one')
  need(new Set(o.accounts).size === o.accounts.length, 'account: expected each one once')
  for (const account of o.accounts) requireAccountId(account)
}

async function makeModuli(
  level: SecurityLevel,
  work: Work,
  signal: AbortSignal,
  onMade: (made: number) => void,
): Promise<Moduli> {
  let made = 0
  const count = <T>(value: T): T => {
    onMade(++made)
    return value
  }
  const [paillier, pedersen] = await Promise.all([
    generatePaillierKey(level, { signal, maker: work.primes }).then(count),
    generateRingPedersen(level, { signal, maker: work.primes }).then(count),
  ])
  return { paillier, pedersen }
}

/** A person's answer, or the end of the ceremony, whichever is first. */
function confirmed(answer: Promise<boolean>, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void =>
      reject(new TransportError('deadline passed or cancelled before the fingerprint was confirmed'))
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** Everything public that the parties must agree on at the end. */
function outcome(shares: ReadonlyMap<string, KeyShare>): Uint8Array {
  const t = new Transcript('ceremony outcome')
  for (const { account, core, roster, identity, aux } of shares.values()) {
    t.text('account', account).bytes('chain code', core.chainCode)
    for (const F of core.feldman) t.value('F', point, F)
    for (const { id } of roster.members) {
      const own = id === identity.id ? aux : aux.peers.get(id)
      if (own === undefined) continue
      t.text('party', id)
      for (const n of [own.paillier.N, own.pedersen.NHat, own.pedersen.s, own.pedersen.t])
        t.text('modulus', n.toString(16))
    }
  }
  return t.digest()
}

/** The gateway's room for a ceremony of this name. */
export function ceremonyRoom(name: string): string {
  return `keygen-${name}`
}
