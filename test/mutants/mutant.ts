/**
 * A mutant is the code with one check taken out; a test must fail then. How the lists beside this file are written:
 *
 *   mutants('party/inbox', 'participant/party/inbox.ts', [INBOX], [
 *     ['signature', 'return verifyEnvelope(e, key) ? e : undefined', 'return e'],   find, and what takes its place
 *     ['session', 'if (!equalBytes('],                                              a statement: it is never run
 *   ])
 *
 * `find` stands in its file exactly once (list.test.ts). Tests are run in order until one fails, so the fastest that
 * knows the check comes first.
 */

/** A test file, or some of its tests. */
export interface Tests {
  readonly file: string
  /** A regular expression on the names of its tests or suites; all when absent. */
  readonly only?: string
}

export interface Mutant {
  readonly id: string
  readonly file: string
  /** Text that is in the file exactly once. */
  readonly find: string
  readonly replace: string
  readonly tests: readonly Tests[]
}

/** Name of the check, text to find, and its replacement: without one, the statement that begins there isn't run. */
export type Row = readonly [check: string, find: string, replace?: string]

/** Ids are `${group}: ${check}`. */
export function mutants(
  group: string,
  file: string,
  tests: readonly (string | Tests)[],
  rows: readonly Row[],
): readonly Mutant[] {
  return rows.map(([check, find, replace]) => ({
    id: `${group}: ${check}`,
    file,
    find,
    replace: replace ?? `if (false) ${find}`,
    tests: tests.map((t) => (typeof t === 'string' ? { file: t } : t)),
  }))
}
