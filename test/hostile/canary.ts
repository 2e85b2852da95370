/**
 * Looks for secrets in a record: as raw bytes, in hex, decimal and base64, also inside of base64. A secret counts as
 * found when 16 bytes of it in a row are there (the last ones), or all of its decimal digits.
 */

export interface Finding {
  readonly what: string
  readonly form: string
}

interface Needle extends Finding {
  readonly bytes: Buffer
}

const WINDOW = 16

export class Canaries {
  /** By their first four bytes. */
  readonly #needles = new Map<number, Needle[]>()
  #count = 0

  get count(): number {
    return this.#count
  }

  /** `value` in big-endian bytes; shorter than 16 bytes it would be found by chance. */
  add(what: string, value: Uint8Array): void {
    if (value.length < WINDOW) throw new RangeError('canary: expected at least 16 bytes')
    this.#count++
    const bytes = Buffer.from(value)
    const end = bytes.subarray(-WINDOW)
    this.#put(what, 'raw', end)
    this.#put(what, 'hex', Buffer.from(end.toString('hex')))
    this.#put(what, 'hex', Buffer.from(end.toString('hex').toUpperCase()))
    // where the last bytes begin within a group of three decides what their text is; the text of whole groups is kept
    for (const shift of [0, 1, 2]) {
      const groups = Math.floor((WINDOW - shift) / 3)
      const text = end.subarray(shift, shift + 3 * groups).toString('base64')
      this.#put(what, 'base64', Buffer.from(text))
      this.#put(what, 'base64', Buffer.from(text.replaceAll('+', '-').replaceAll('/', '_')))
    }
    this.#put(what, 'decimal', Buffer.from(BigInt(`0x${bytes.toString('hex')}`).toString()))
  }

  /** Only the bytes themselves. */
  addRaw(what: string, bytes: Uint8Array): void {
    this.#count++
    this.#put(what, 'raw', Buffer.from(bytes))
  }

  #put(what: string, form: string, bytes: Buffer): void {
    const key = bytes.readUInt32LE(0)
    const before = this.#needles.get(key)
    if (before === undefined) this.#needles.set(key, [{ what, form, bytes }])
    else before.push({ what, form, bytes })
  }

  search(record: Iterable<Buffer>): readonly Finding[] {
    const found: Finding[] = []
    for (const part of record) {
      for (let at = 0; at + 4 <= part.length; at++) {
        for (const { what, form, bytes } of this.#needles.get(part.readUInt32LE(at)) ?? []) {
          if (part.subarray(at, at + bytes.length).equals(bytes)) found.push({ what, form })
        }
      }
    }
    return found
  }
}
