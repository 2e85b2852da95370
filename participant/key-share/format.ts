/**
 * Key share files as text: `parseKeyShares` reads and checks everything, `formatKeyShares` writes.
 *
 * The form is in schema.ts, the relations in validate.ts. The auxiliary information is written with each account, so
 * that an entry can be moved to another file; when it is read, accounts with the same roster, identity and auxiliary
 * information share one object each, and it is checked once.
 */
import { bytesToHex } from '../base/bytes.ts'
import { DecodeError, UsageError } from '../base/errors.ts'
import { levelByName, type SecurityLevel } from '../base/level.ts'
import type { Point } from '../math/curve.ts'
import type { Identity, Roster } from '../party/roster.ts'
import type { AuxInfo } from '../protocols/material.ts'
import { isAccountId, type KeyShare, requireAccountId } from './key-share.ts'
import { describeIssue, type Entry, entrySchema, FORMAT_VERSION, headSchema } from './schema.ts'
import { readAux, readCore, readIdentity, readRoster } from './validate.ts'

export interface ParseOptions {
  /** The levels that are accepted; production code passes only production levels. */
  readonly levels: readonly SecurityLevel[]
}

/**
 * Shares by account, in the order of the file. Throws DecodeError with one line,
 * `key shares: account "x": field.path: expected …`; no value of the file is quoted but account and party names.
 */
export function parseKeyShares(json: string, options: ParseOptions): ReadonlyMap<string, KeyShare> {
  const file = parseObject(json)
  const seen = new Seen()
  const shares = new Map<string, KeyShare>()
  const epochs = new Map<Roster, number>()
  for (const [account, raw] of Object.entries(file)) {
    if (!isAccountId(account))
      throw new DecodeError('key shares: account id: expected 1 to 128 bytes of printable text')
    try {
      const share = readEntry(account, raw, options.levels, seen)
      if (share.epoch !== (epochs.get(share.roster) ?? share.epoch)) {
        throw new DecodeError('epoch: expected the same as in the other accounts of this roster')
      }
      epochs.set(share.roster, share.epoch)
      shares.set(account, share)
    } catch (e) {
      if (!(e instanceof DecodeError || e instanceof UsageError)) throw e
      throw new DecodeError(`key shares: account ${JSON.stringify(account)}: ${e.message}`)
    }
  }
  if (shares.size === 0) throw new DecodeError('key shares: expected at least one account')
  return shares
}

function parseObject(json: string): object {
  let value: unknown
  let forbidden = false
  try {
    value = JSON.parse(json, (name, v: unknown) => {
      // zod leaves this one name out of maps without a word
      if (name === '__proto__') forbidden = true
      return v
    })
  } catch {
    // the engine's own message quotes the text
    throw new DecodeError('key shares: expected JSON')
  }
  if (forbidden) throw new DecodeError('key shares: expected no field __proto__')
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new DecodeError('key shares: expected an object from account id to share')
  }
  return value
}

/** What earlier accounts of the same file had, by its text. */
class Seen {
  readonly #known = new Map<string, unknown>()

  once<T extends Roster | Identity | AuxInfo>(key: unknown, make: () => T): T {
    const text = JSON.stringify(key)
    const known = this.#known.get(text) as T | undefined
    if (known !== undefined) return known
    const made = make()
    this.#known.set(text, made)
    return made
  }
}

function readEntry(account: string, raw: unknown, levels: readonly SecurityLevel[], seen: Seen): KeyShare {
  const head = headSchema.safeParse(raw)
  if (!head.success) throw new DecodeError(describeIssue(head.error))
  const level = levelByName(head.data.level)
  if (level === undefined || !levels.includes(level)) {
    throw new DecodeError(`level: expected ${levels.map((l) => l.name).join(' or ')}`)
  }
  const parsed = entrySchema(level).safeParse(raw)
  if (!parsed.success) throw new DecodeError(describeIssue(parsed.error))
  const entry = parsed.data
  const who = [level.name, entry.roster, entry.identity]
  const roster = seen.once(['roster', entry.roster], () => readRoster(entry.roster))
  const identity = seen.once(['identity', who], () => readIdentity(entry.identity, roster))
  const core = readCore(entry, roster, identity.id)
  const aux = seen.once(['aux', who, entry.aux], () => readAux(entry.aux, level, roster, identity.id))
  return { account, curve: entry.curve, level, epoch: entry.epoch, roster, identity, core, aux }
}

/**
 * The text of a key share file, secrets included. Throws UsageError when a share is filed under another account than
 * its own, or an account id is not one.
 */
export function formatKeyShares(shares: ReadonlyMap<string, KeyShare>): string {
  const entries = [...shares].map(([account, share]): [string, Entry] => {
    requireAccountId(account)
    if (share.account !== account) throw new UsageError('key shares: expected each share under its own account')
    return [account, entryFrom(share)]
  })
  return `${JSON.stringify(Object.fromEntries(entries), undefined, 2)}\n`
}

function entryFrom({ level, core, roster, identity, aux, ...share }: KeyShare): Entry {
  const modulus = (v: bigint): string => hex(v, level.modulusBits)
  const prime = (v: bigint): string => hex(v, level.modulusBits / 2)
  return {
    version: FORMAT_VERSION,
    curve: share.curve,
    level: level.name,
    epoch: share.epoch,
    threshold: core.threshold,
    public_key: pointHex(core.publicKey),
    key_share: hex(core.x.expose(), 256),
    feldman: core.feldman.map(pointHex),
    public_shares: Object.fromEntries([...core.publicShares].map(([id, X]) => [id, pointHex(X)])),
    chain_code: bytesToHex(core.chainCode),
    roster: roster.members.map((m) => ({
      id: m.id,
      index: m.index,
      verify_key: bytesToHex(m.verifyKey),
      seal_key: bytesToHex(m.sealKey),
    })),
    identity: {
      id: identity.id,
      signing_key: bytesToHex(identity.signingKey.expose()),
      sealing_key: bytesToHex(identity.sealingKey.expose()),
    },
    aux: {
      paillier: {
        n: modulus(aux.paillier.N),
        p: prime(aux.paillier.p.expose()),
        q: prime(aux.paillier.q.expose()),
      },
      ring_pedersen: {
        n_hat: modulus(aux.pedersen.NHat),
        p: prime(aux.pedersen.p.expose()),
        q: prime(aux.pedersen.q.expose()),
        lambda: modulus(aux.pedersen.lambda.expose()),
        s: modulus(aux.pedersen.s),
        t: modulus(aux.pedersen.t),
      },
      peers: Object.fromEntries(
        [...aux.peers].map(([id, { paillier, pedersen }]) => [
          id,
          { n: modulus(paillier.N), n_hat: modulus(pedersen.NHat), s: modulus(pedersen.s), t: modulus(pedersen.t) },
        ]),
      ),
    },
  }
}

function pointHex(P: Point): string {
  return bytesToHex(P.toBytes(true))
}

function hex(value: bigint, bits: number): string {
  return value.toString(16).padStart(bits / 4, '0')
}
