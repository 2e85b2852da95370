/**
 * What a fuzzer's target is: one decoder of outside input. It either refuses with the error that it documents, or gives
 * a value that encodes to the same input again. Everything else is a finding: another exception, other bytes, more than
 * a second of computing, or memory out of proportion.
 */
import assert from 'node:assert/strict'
import { DecodeError } from '../../participant/base/errors.ts'
import { type Codec, decode, encode } from '../../participant/wire/codec.ts'
import type { Dice } from './dice.ts'

export type Outcome = 'refused' | 'same'

export interface Target {
  readonly name: string
  /** How cases are stored: as text, or as hex. */
  readonly text?: boolean
  /** Valid inputs; the same ones every time. */
  seeds(): readonly Uint8Array[]
  /** Throws for a finding. */
  attempt(raw: Uint8Array): Outcome | Promise<Outcome>
  /** A change that knows the form of the input; besides those that know only bytes. */
  change?(raw: Uint8Array, dice: Dice): Uint8Array
  /** Ends what the target started. */
  close?(): Promise<void>
}

export const LIMIT_MS = 1_000
const LIMIT_BYTES = 64 * 1024 * 1024

/** A codec of the wire, with valid values. */
export function codecTarget<T>(name: string, codec: Codec<T>, values: () => readonly T[]): Target {
  return decoderTarget(
    name,
    (raw) => decode(codec, raw),
    (value) => encode(codec, value),
    () => values().map((v) => encode(codec, v)),
  )
}

/** A function that throws DecodeError, and its inverse. */
export function decoderTarget<T>(
  name: string,
  read: (raw: Uint8Array) => T,
  write: (value: T) => Uint8Array,
  seeds: () => readonly Uint8Array[],
): Target {
  return {
    name,
    seeds,
    attempt(raw) {
      const given = raw.slice()
      const value = refusedBy(DecodeError, () => read(given))
      if (value === undefined) return 'refused'
      assert.deepEqual(write(value.value), raw, 'encodes to other bytes')
      return 'same'
    },
  }
}

/** The value, or undefined when it is refused with this class of error, in one line. */
export function refusedBy<T>(
  kind: abstract new (...args: never[]) => Error,
  read: () => T,
): { readonly value: T } | undefined {
  try {
    return { value: read() }
  } catch (e) {
    if (!(e instanceof kind)) throw e
    assert.ok(e.message !== '' && !/\p{Cc}/u.test(e.message), 'the message is not one printable line')
    assert.ok(e.message.length < 2_000, 'the message is longer than a line')
    return undefined
  }
}

/** Runs one case within the limits. */
export async function attemptWithin(target: Target, raw: Uint8Array): Promise<Outcome> {
  const memory = memoryInUse()
  const cpu = process.cpuUsage()
  const outcome = await target.attempt(raw)
  const { user, system } = process.cpuUsage(cpu)
  const ms = (user + system) / 1000
  assert.ok(ms <= LIMIT_MS, `took ${Math.round(ms)} ms of computing`)
  const grown = memoryInUse() - memory
  assert.ok(grown <= LIMIT_BYTES, `took ${grown} bytes of memory`)
  return outcome
}

function memoryInUse(): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
