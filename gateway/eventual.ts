/**
 * What is mostly known at once and sometimes has to be waited for. A promise that has nothing to wait for costs a gateway
 * more than what it then does with a message, so the way of a message has none but where something is waited for.
 */
export type Eventual<T> = T | Promise<T>

/** Goes on with the value: now if it is here, else when it comes. */
export function whenKnown<T, U>(value: Eventual<T>, next: (value: T) => Eventual<U>): Eventual<U> {
  return value instanceof Promise ? value.then(next) : next(value)
}
