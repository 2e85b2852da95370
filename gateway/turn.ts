/**
 * One write for all that a stream is sent in one turn of the event loop. When many messages come in together, most of
 * what they cost is the system calls that pass them on, one for each message and reader; when they come one by one, the
 * turn ends right after each and nothing waits.
 */
export interface HeldWriter {
  /** Passes on what was held. */
  release(): void
}

let held: HeldWriter[] = []

/** Calls `release` when this turn has seen all that came in. */
export function releaseAtEndOfTurn(writer: HeldWriter): void {
  if (held.length === 0) setImmediate(releaseAll)
  held.push(writer)
}

function releaseAll(): void {
  const writers = held
  held = []
  for (const writer of writers) writer.release()
}
