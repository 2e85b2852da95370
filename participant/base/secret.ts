/**
 * A value that must not be shown. Only `expose()` opens it, so an audit is one search. Every way in which
 * JavaScript turns a value into text gives `[secret]`; `structuredClone` gives an empty object.
 */

const HIDDEN = '[secret]'

export class Secret<T> {
  readonly #value: T

  constructor(value: T) {
    this.#value = value
  }

  expose(): T {
    return this.#value
  }

  toString(): string {
    return HIDDEN
  }

  toJSON(): string {
    return HIDDEN
  }

  [Symbol.toPrimitive](): string {
    return HIDDEN
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return HIDDEN
  }
}

export function secret<T>(value: T): Secret<T> {
  return new Secret(value)
}
