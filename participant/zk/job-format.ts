/**
 * What a job is written in: values as they go from one thread to another, within one process. It is no wire format; both
 * ends are the same version. Any integer and any point can be written, also those that a check will refuse.
 *
 * Keys are written as the numbers that they are made of, and made once by the reader, which keeps them: preparing OpenSSL
 * for one modulus costs as much as a proof.
 *
 * Byte strings that held a secret are overwritten as soon as they were read or copied. BigInts can't be overwritten;
 * those of a job are garbage when it is done, in the worker as in the thread that asked.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { bigintToBytes, bitLength, bytesToBigint, bytesToHex, fromUtf8, utf8ToBytes } from '../base/bytes.ts'
import { type Secret, secret } from '../base/secret.ts'
import { G, IDENTITY, Point } from '../math/curve.ts'
import { type PaillierKey, type PaillierSecretKey, paillierKey, paillierSecretKey } from '../paillier/paillier-key.ts'
import {
  type RingPedersen,
  type RingPedersenSecret,
  ringPedersen,
  ringPedersenSecret,
} from '../paillier/ring-pedersen.ts'
import { Reader, u32 } from '../wire/codec.ts'

/** Collects what is written, in parts of its own. */
export interface Parts {
  /** Takes the bytes over: they are overwritten in the end. */
  raw(bytes: Uint8Array): void
  /** All of it in a buffer of exactly that length. Overwrites the parts. */
  join(): Uint8Array
}

export interface KeyCache {
  /** What was made of these bytes before, or what `make` gives. */
  get<T>(bytes: Uint8Array, isSecret: boolean, make: () => T): T
}

export interface Format<T> {
  write(out: Parts, value: T): void
  read(r: Reader, keys: KeyCache): T
}

export function parts(): Parts {
  const list: Uint8Array[] = []
  return {
    raw: (bytes) => void list.push(bytes),
    join() {
      const out = new Uint8Array(list.reduce((sum, p) => sum + p.length, 0))
      let at = 0
      for (const p of list) {
        out.set(p, at)
        at += p.length
        p.fill(0)
      }
      list.length = 0
      return out
    },
  }
}

/** Preceded by their length; what `read` gives is the caller's to overwrite. */
export const bytes = {
  write(out, value) {
    out.raw(bigintToBytes(BigInt(value.length), 4))
    out.raw(value)
  },
  read: (r: Reader) => r.raw(u32.read(r)),
} satisfies Format<Uint8Array>

export const string = {
  write: (out, value) => bytes.write(out, utf8ToBytes(value)),
  read: (r: Reader) => fromUtf8(bytes.read(r)),
} satisfies Format<string>

/** A sign byte, then the magnitude. */
export const integer = {
  write(out, value) {
    const magnitude = value < 0n ? -value : value
    out.raw(Uint8Array.of(value < 0n ? 1 : 0))
    bytes.write(out, bigintToBytes(magnitude, Math.ceil(bitLength(magnitude) / 8)))
  },
  read(r: Reader) {
    const negative = r.raw(1)[0] === 1
    const raw = bytes.read(r)
    const magnitude = bytesToBigint(raw)
    raw.fill(0)
    return negative ? -magnitude : magnitude
  },
} satisfies Format<bigint>

export const secretInteger: Format<Secret<bigint>> = {
  write: (out, value) => integer.write(out, value.expose()),
  read: (r) => secret(integer.read(r)),
}

/** Uncompressed, since no root has to be found then. G comes back as the G that has tables; it is no different. */
export const point: Format<Point> = {
  write(out, P) {
    if (P.is0() || P.equals(G)) out.raw(Uint8Array.of(P.is0() ? 0 : 1))
    else out.raw(P.toBytes(false))
  },
  read(r) {
    const [form] = r.raw(1)
    if (form === 0) return IDENTITY
    if (form === 1) return G
    const raw = new Uint8Array(65)
    raw[0] = 4
    raw.set(r.raw(64), 1)
    return Point.fromBytes(raw)
  },
}

/** Every field of T, in the order in which they are given. */
export function fields<T extends object>(of: { readonly [K in keyof T]-?: Format<T[K]> }): Format<T> {
  const names = Object.keys(of) as (keyof T)[]
  return {
    write(out, value) {
      for (const k of names) of[k].write(out, value[k])
    },
    read(r, keys) {
      const value: Partial<T> = {}
      for (const k of names) value[k] = of[k].read(r, keys)
      return value as T
    },
  }
}

/** An object made of numbers, which the reader makes once. The tag tells kinds that are made of equally many. */
function made<T>(tag: number, isSecret: boolean, of: (value: T) => readonly bigint[], make: (...n: bigint[]) => T) {
  return {
    write(out: Parts, value: T) {
      const inner = parts()
      inner.raw(Uint8Array.of(tag))
      for (const n of of(value)) integer.write(inner, n)
      bytes.write(out, inner.join())
    },
    make(raw: Uint8Array, keys: KeyCache): T {
      const r = new Reader(raw.subarray(1))
      return keys.get(raw, isSecret, () => {
        const numbers: bigint[] = []
        while (r.remaining > 0) numbers.push(integer.read(r))
        return make(...numbers)
      })
    },
  }
}

const kinds = {
  paillier: made<PaillierKey>(
    0,
    false,
    ({ N }) => [N],
    (N = 0n) => paillierKey(N),
  ),
  paillierSecret: made<PaillierSecretKey>(
    1,
    true,
    ({ p, q }) => [p.expose(), q.expose()],
    (p = 0n, q = 0n) => paillierSecretKey(p, q),
  ),
  pedersen: made<RingPedersen>(
    2,
    false,
    ({ NHat, s, t }) => [NHat, s, t],
    (NHat = 0n, s = 0n, t = 0n) => ringPedersen(NHat, s, t),
  ),
  pedersenSecret: made<RingPedersenSecret>(
    3,
    true,
    ({ p, q, lambda, t }) => [p.expose(), q.expose(), lambda.expose(), t],
    (p = 0n, q = 0n, lambda = 0n, t = 0n) => ringPedersenSecret(p, q, lambda, t),
  ),
}

/** The holder's key goes as such, so that the worker is as fast as the holder is. */
export const paillier: Format<PaillierKey> = {
  write: (out, key) => (isPaillierSecret(key) ? kinds.paillierSecret.write(out, key) : kinds.paillier.write(out, key)),
  read: (r, keys) => ofBytes(r, (raw) => (raw[0] === 1 ? kinds.paillierSecret : kinds.paillier).make(raw, keys)),
}

export const paillierSecret: Format<PaillierSecretKey> = {
  write: kinds.paillierSecret.write,
  read: (r, keys) => ofBytes(r, (raw) => kinds.paillierSecret.make(raw, keys)),
}

export const pedersen: Format<RingPedersen> = {
  write: (out, setup) =>
    isPedersenSecret(setup) ? kinds.pedersenSecret.write(out, setup) : kinds.pedersen.write(out, setup),
  read: (r, keys) => ofBytes(r, (raw) => (raw[0] === 3 ? kinds.pedersenSecret : kinds.pedersen).make(raw, keys)),
}

export const pedersenSecret: Format<RingPedersenSecret> = {
  write: kinds.pedersenSecret.write,
  read: (r, keys) => ofBytes(r, (raw) => kinds.pedersenSecret.make(raw, keys)),
}

function isPaillierSecret(key: PaillierKey): key is PaillierSecretKey {
  return 'p' in key
}

function isPedersenSecret(setup: RingPedersen): setup is RingPedersenSecret {
  return 'p' in setup
}

function ofBytes<T>(r: Reader, make: (raw: Uint8Array) => T): T {
  const raw = bytes.read(r)
  try {
    return make(raw)
  } finally {
    raw.fill(0)
  }
}

/** Public keys kept: those of some dozens of peers. */
const MAX_PUBLIC = 256
/** The holder's own keys are dropped when nothing was computed with them for so long. */
const SECRET_IDLE_MS = 10 * 60_000

/**
 * Keeps keys under the hash of their bytes: the last `MAX_PUBLIC` public ones, and secret ones until they were not used
 * for `idleMs`. All end with the thread. While a secret key is kept, a timer is set.
 */
export function keyCache(idleMs = SECRET_IDLE_MS): KeyCache {
  const open = new Map<string, unknown>()
  const hidden = new Map<string, { readonly value: unknown; timer: ReturnType<typeof setTimeout> }>()
  const drop = (name: string): void => void hidden.delete(name)
  return {
    get<T>(raw: Uint8Array, isSecret: boolean, make: () => T): T {
      const name = bytesToHex(sha256(raw))
      if (isSecret) {
        const known = hidden.get(name)
        if (known !== undefined) clearTimeout(known.timer)
        const value = known === undefined ? make() : known.value
        hidden.set(name, { value, timer: setTimeout(drop, idleMs, name) })
        return value as T
      }
      const value = open.has(name) ? open.get(name) : make()
      // the one used last goes to the end
      open.delete(name)
      open.set(name, value)
      const [oldest] = open.keys()
      if (open.size > MAX_PUBLIC && oldest !== undefined) open.delete(oldest)
      return value as T
    },
  }
}
