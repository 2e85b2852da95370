/**
 * Searches what leaves a program for secrets: raw bytes, hex in both byte orders, decimal, and base64 at each of its
 * three alignments, in either byte order. Leading zeros make no difference, and a part is found as well as the whole:
 * any 39 characters of text, or 19 bytes, of a secret.
 *
 * Every form of every secret is cut into pieces from its end; the pieces are a set, and each position of what is
 * searched is looked up in it.
 */
import { inspect } from 'node:util'
import type { Random } from '../participant/base/random.ts'
import { Secret } from '../participant/base/secret.ts'
import { modQ } from '../participant/math/curve.ts'

const TEXT_PIECE = 20
const RAW_PIECE = 10
/** Shorter values are no secrets: counters, lengths, challenges that happen to be small. */
const SHORTEST_BYTES = 12

/** Hex of the magnitude without leading zero bytes: the name under which a secret is known. */
function keyOf(value: bigint | Uint8Array): string {
  const hex =
    typeof value === 'bigint' ? (value < 0n ? -value : value).toString(16) : Buffer.from(value).toString('hex')
  const digits = hex.replace(/^0+/, '')
  return digits.length % 2 === 0 ? digits : `0${digits}`
}

/** Everything that must stay inside. */
export class Canary {
  readonly #secrets = new Map<string, string>()
  readonly #public = new Set<string>()
  #draws = 0

  /** Numbers, byte strings, and lists of them. Others have no secrets of ours in them. */
  note(label: string, value: unknown): void {
    if (Array.isArray(value)) for (const v of value) this.note(label, v)
    else if (typeof value === 'bigint' || value instanceof Uint8Array) this.#secrets.set(keyOf(value), label)
  }

  /**
   * Values that everybody may see. A secret that shares a part with one is looked for without that part: φ(N) begins as
   * N does.
   */
  allow(values: readonly (bigint | Uint8Array)[]): void {
    for (const v of values) this.#public.add(keyOf(v))
  }

  /** Big-endian bytes of each public value that is long enough to have a part in common with a secret. */
  shown(): readonly Buffer[] {
    return [...this.#public].filter((key) => key.length >= 2 * SHORTEST_BYTES).map((key) => Buffer.from(key, 'hex'))
  }

  /** Notes every draw of 16 bytes and more, and the scalar that 64 bytes become. */
  random(inner: Random): Random {
    return {
      bytes: (length) => {
        const drawn = inner.bytes(length)
        if (length < 16) return drawn
        const label = `draw ${this.#draws++} of ${length} bytes`
        this.note(label, drawn)
        if (length === 64) this.note(`${label} mod q`, modQ(BigInt(`0x${Buffer.from(drawn).toString('hex')}`)))
        return drawn
      },
    }
  }

  /** From now until the returned function is called, notes whatever is taken out of a `Secret`. */
  watch(): () => void {
    const expose = Secret.prototype.expose
    const note = (value: unknown): void => this.note('exposed', value)
    Secret.prototype.expose = function (this: Secret<unknown>) {
      const value = expose.call(this)
      note(value)
      return value
    }
    return () => {
      Secret.prototype.expose = expose
    }
  }

  has(value: bigint | Uint8Array): boolean {
    const key = keyOf(value)
    return this.#secrets.has(key) && !this.#public.has(key)
  }

  /** Label and big-endian bytes of each secret. */
  entries(): readonly (readonly [label: string, bytes: Buffer])[] {
    return [...this.#secrets]
      .filter(([key]) => key.length >= 2 * SHORTEST_BYTES && !this.#public.has(key))
      .map(([key, label]) => [label, Buffer.from(key, 'hex')])
  }

  get size(): number {
    return this.entries().length
  }
}

/** All texts that a value may turn into. */
function textsOf(bytes: Buffer): readonly (readonly [form: string, text: string])[] {
  const reversed = Buffer.from(bytes).reverse()
  const hex = bytes.toString('hex')
  return [
    ['hex', hex],
    ['HEX', hex.toUpperCase()],
    ['hex, low byte first', reversed.toString('hex')],
    ['decimal', BigInt(`0x${hex}`).toString()],
    ...[bytes, reversed].flatMap((b) => [0, 1, 2].map((shift) => ['base64', base64At(b, shift)] as const)),
  ]
}

function rawsOf(bytes: Buffer): readonly (readonly [form: string, text: string])[] {
  return [
    ['bytes', bytes.toString('latin1')],
    ['bytes, low byte first', Buffer.from(bytes).reverse().toString('latin1')],
  ]
}

/** The characters that the bytes alone determine when `shift` others stand before them. */
function base64At(bytes: Buffer, shift: number): string {
  const text = Buffer.concat([Buffer.alloc(shift), bytes])
    .toString('base64')
    .replace(/=+$/, '')
  const first = shift === 0 ? 0 : shift + 1
  return text.slice(first, Math.floor(((shift + bytes.length) * 8) / 6))
}

/** From the end, so that leading zeros don't matter; the first piece may overlap the second. */
function pieces(text: string, size: number): readonly string[] {
  const out: string[] = []
  for (let end = text.length; end >= size; end -= size) out.push(text.slice(end - size, end))
  if (text.length > size) out.push(text.slice(0, size))
  return out
}

/** A set of strings of one length, which tells most others apart by their first five characters. */
class Pieces {
  readonly #labels = new Map<string, string>()
  readonly #excepted = new Set<string>()
  readonly #seen = new Uint8Array(1 << 22)
  readonly #size: number
  constructor(size: number) {
    this.#size = size
  }

  /** These pieces are no secrets, wherever they stand. */
  except(text: string): void {
    for (let i = 0; i + this.#size <= text.length; i++) this.#excepted.add(text.slice(i, i + this.#size))
  }

  add(text: string, label: string): void {
    for (const piece of pieces(text, this.#size)) {
      if (this.#excepted.has(piece)) continue
      this.#labels.set(piece, label)
      this.#seen[start(piece, 0)] = 1
    }
  }

  find(text: string, from: number, to: number, found: (label: string) => void): void {
    for (let i = from; i <= to - this.#size; i++) {
      if (this.#seen[start(text, i)] === 0) continue
      const label = this.#labels.get(text.slice(i, i + this.#size))
      if (label !== undefined) found(label)
    }
  }
}

function start(text: string, at: number): number {
  let h = 0
  for (let i = at; i < at + 5; i++) h = (Math.imul(h, 131) + text.charCodeAt(i)) & 0x3fffff
  return h
}

/** What was seen of a run, by the way it came out. */
export class Channels {
  readonly #seen: (readonly [channel: string, text: string])[] = []

  text(channel: string, text: string): void {
    if (text !== '') this.#seen.push([channel, text])
  }

  raw(channel: string, bytes: Uint8Array): void {
    this.text(channel, Buffer.from(bytes).toString('latin1'))
  }

  /** All that JavaScript makes of a value when it is shown: as text, as JSON, inspected to the bottom. */
  object(channel: string, value: unknown): void {
    this.text(`${channel}, inspected`, inspected(value))
    this.text(`${channel}, as JSON`, asJson(value))
    this.text(`${channel}, as text`, asText(value))
    for (let e = value; e instanceof Error; e = e.cause) {
      this.text(`${channel}, error`, `${e.message}\n${e.stack}\n${String(e)}\n${asJson({ ...e })}`)
    }
  }

  get names(): readonly string[] {
    return [...new Set(this.#seen.map(([channel]) => channel))]
  }

  get characters(): number {
    return this.#seen.reduce((sum, [, text]) => sum + text.length, 0)
  }

  /** `channel: label (form)` for each secret that is there; never the secret. */
  leaks(canary: Canary): readonly string[] {
    const texts = new Pieces(TEXT_PIECE)
    const raws = new Pieces(RAW_PIECE)
    for (const bytes of canary.shown()) {
      for (const [, text] of textsOf(bytes)) texts.except(text)
      for (const [, text] of rawsOf(bytes)) raws.except(text)
    }
    for (const [label, bytes] of canary.entries()) {
      for (const [form, text] of textsOf(bytes)) texts.add(text, `${label} (${form})`)
      for (const [form, text] of rawsOf(bytes)) raws.add(text, `${label} (${form})`)
    }
    const found = new Set<string>()
    for (const [channel, text] of this.#seen) {
      const hit = (label: string): void => void found.add(`${channel}: ${label}`)
      for (const word of text.matchAll(/[0-9A-Za-z+/_-]{20,}/g)) {
        const plain = word[0].replaceAll('-', '+').replaceAll('_', '/')
        texts.find(plain, 0, plain.length, hit)
      }
      raws.find(text, 0, text.length, hit)
      const listed = listedBytes(text)
      raws.find(listed, 0, listed.length, hit)
    }
    return [...found]
  }
}

/** Byte arrays as JavaScript prints them: `1, 2, 3`, `{"0":1,"1":2}`, `<Buffer 01 02>`; joined, with a gap between. */
function listedBytes(text: string): string {
  const out: string[] = []
  let run: number[] = []
  const end = (): void => {
    if (run.length >= RAW_PIECE) out.push(Buffer.from(run).toString('latin1'))
    run = []
  }
  for (const [token] of text.matchAll(/"\d+":|\d+|[,\s]+|[^\d",\s]+|"/g)) {
    const first = token.charCodeAt(0)
    if (first >= 48 && first <= 57) {
      if (token.length <= 3 && Number(token) < 256) run.push(Number(token))
      else end()
    } else if (!(token.endsWith(':') || /^[,\s]/.test(token))) end()
  }
  end()
  for (const [list] of text.matchAll(/(?:\b[0-9a-f]{2} ){9,}[0-9a-f]{2}\b/g)) {
    out.push(Buffer.from(list.replaceAll(' ', ''), 'hex').toString('latin1'))
  }
  return out.join('\0\0\0\0')
}

function inspected(value: unknown): string {
  return inspect(value, {
    showHidden: true,
    depth: Number.POSITIVE_INFINITY,
    maxArrayLength: null,
    maxStringLength: null,
    getters: true,
  })
}

function asJson(value: unknown): string {
  const open = new Set<unknown>()
  const replacer = (_: string, v: unknown): unknown => {
    if (typeof v === 'bigint') return v.toString()
    if (v instanceof Map) return [...v]
    if (v instanceof Set) return [...v]
    if (typeof v !== 'object' || v === null) return v
    if (open.has(v)) return undefined
    open.add(v)
    return v
  }
  return JSON.stringify(value, replacer) ?? ''
}

function asText(value: unknown): string {
  return typeof value === 'object' && value !== null && !('toString' in value) ? '' : `${String(value)}`
}
