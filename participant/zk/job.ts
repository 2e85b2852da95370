/**
 * One proof to make or to check, as bytes for another thread, and its result as bytes back.
 *
 *   job     proof's name, kind, level, the rest of the binding, statement, then seed and witness, or the given proof; for
 *           two proofs, the same of the second from the binding on, and the weight
 *   result  0 and the proof, or the name of the failed check, of two proofs after a byte that says of which; or 1, class
 *           and message of an error
 *
 * Every function overwrites what it has read.
 */

import { concatBytes, utf8ToBytes } from '../base/bytes.ts'
import { DecodeError, InternalError, StateError, TransportError, UsageError } from '../base/errors.ts'
import { levelByName, type SecurityLevel } from '../base/level.ts'
import { expandSeed } from '../base/random.ts'
import { decode, encode, Reader } from '../wire/codec.ts'
import { bytes, integer, type KeyCache, type Parts, parts, string } from './job-format.ts'
import { type AnyPair, type Entry, entryByName } from './job-table.ts'
import type { Claim, FailedOne } from './pair.ts'
import type { Binding } from './sigma.ts'

export type Kind = 'prove' | 'verify' | 'verify two'

/** What a job is about; undefined when only this thread can do it: a proof or level that a worker doesn't know. */
export function entryFor(proof: { readonly name: string }, level: SecurityLevel): Entry | undefined {
  const entry = entryByName(proof.name)
  return (entry?.proof as object | undefined) === proof && levelByName(level.name) === level ? entry : undefined
}

/** The caller overwrites its own seed when it needs it no longer. */
export function proveJob(entry: Entry, b: Binding, x: unknown, w: unknown, seed: Uint8Array): Uint8Array {
  const out = head(entry, 'prove', b, x)
  bytes.write(out, seed.slice())
  entry.witness.write(out, w)
  return out.join()
}

/** Throws RangeError for a proof that has no encoding. */
export function verifyJob(entry: Entry, b: Binding, x: unknown, given: unknown): Uint8Array {
  const out = head(entry, 'verify', b, x)
  bytes.write(out, encode(entry.proof.codec(b.level), given as never))
  return out.join()
}

/** Both under one level. Throws RangeError for a proof that has no encoding. */
export function verifyTwoJob(
  entry: Entry,
  one: Claim<unknown, unknown>,
  two: Claim<unknown, unknown>,
  weight: bigint,
): Uint8Array {
  const out = head(entry, 'verify two', one.b, one.x)
  const codec = entry.proof.codec(one.b.level)
  bytes.write(out, encode(codec, one.given as never))
  about(out, entry, two.b, two.x)
  bytes.write(out, encode(codec, two.given as never))
  integer.write(out, weight)
  return out.join()
}

function head(entry: Entry, kind: Kind, b: Binding, x: unknown): Parts {
  const out = parts()
  for (const part of [entry.proof.name, kind, b.level.name]) string.write(out, part)
  about(out, entry, b, x)
  return out
}

function about(out: Parts, entry: Entry, b: Binding, x: unknown): void {
  for (const part of [String(b.epoch), b.prover, b.verifier, b.slot]) string.write(out, part)
  bytes.write(out, b.session.slice())
  entry.statement.write(out, x)
}

/** Total: what goes wrong is a result too. */
export function runJob(job: Uint8Array, keys: KeyCache): Uint8Array {
  const out = parts()
  try {
    const result = compute(new Reader(job), keys)
    out.raw(Uint8Array.of(0))
    out.raw(result)
  } catch (e) {
    const error = e instanceof Error ? e : new InternalError('a proof failed')
    out.raw(Uint8Array.of(1))
    string.write(out, error.name)
    string.write(out, error.message)
  } finally {
    job.fill(0)
  }
  return out.join()
}

function compute(r: Reader, keys: KeyCache): Uint8Array {
  const text = (): string => string.read(r)
  const [entry, kind, level] = [entryByName(text()), text(), levelByName(text())]
  if (entry === undefined || level === undefined) throw new InternalError('expected a job of this version')
  const readAbout = () => {
    const [epoch, prover, verifier, slot] = [Number(text()), text(), text(), text()]
    const b: Binding = { session: bytes.read(r), epoch, level, prover, verifier, slot }
    return { b, x: entry.statement.read(r, keys) }
  }
  const { b, x } = readAbout()
  const { proof } = entry
  const given = (): unknown => decode(proof.codec(level), bytes.read(r))
  if (kind === 'verify') return new TextEncoder().encode(proof.verify(b, x, given()) ?? '')
  if (kind === 'verify two') {
    const one = { b, x, given: given() }
    const two = { ...readAbout(), given: given() }
    const failed = (proof as AnyPair).verifyTwo(one, two, integer.read(r))
    return failed === undefined ? new Uint8Array(0) : concatBytes(Uint8Array.of(failed[0]), utf8ToBytes(failed[1]))
  }
  const seed = bytes.read(r)
  const random = expandSeed(seed)
  seed.fill(0)
  return encode(proof.codec(level), proof.prove(b, x, entry.witness.read(r, keys), random))
}

/** The proof. Throws what proving threw. */
export function proofIn(result: Uint8Array, entry: Entry, level: SecurityLevel): unknown {
  return open(result, (raw) => decode(entry.proof.codec(level), raw))
}

/** The name of the first check that failed. Throws what checking threw. */
export function checkIn(result: Uint8Array): string | undefined {
  return open(result, (raw) => (raw.length === 0 ? undefined : new TextDecoder().decode(raw)))
}

/** Which of two proofs failed, and the name of the check. Throws what checking threw. */
export function checkOfTwoIn(result: Uint8Array): FailedOne<string> | undefined {
  return open(result, (raw) =>
    raw.length === 0 ? undefined : [raw[0] === 0 ? 0 : 1, new TextDecoder().decode(raw.subarray(1))],
  )
}

function open<T>(result: Uint8Array, read: (raw: Uint8Array) => T): T {
  try {
    if (result[0] === 0) return read(result.subarray(1))
    const r = new Reader(result.subarray(1))
    const [name, message] = [string.read(r), string.read(r)]
    throw new (ERRORS.get(name) ?? InternalError)(message)
  } finally {
    result.fill(0)
  }
}

/** The classes that proofs throw, directly or through arithmetic. */
const ERRORS: ReadonlyMap<string, new (message: string) => Error> = new Map<string, new (message: string) => Error>([
  ['UsageError', UsageError],
  ['DecodeError', DecodeError],
  ['StateError', StateError],
  ['TransportError', TransportError],
  ['InternalError', InternalError],
  ['RangeError', RangeError],
  ['TypeError', TypeError],
])
