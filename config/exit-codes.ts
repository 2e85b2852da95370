/**
 * How the programs end. One table for all of them, by class of error; `--help` prints it.
 *
 * Errors are told apart by their `code`, which is stable, and not by their class: this folder knows no other.
 */

export const EXIT_OK = 0
export const EXIT_INTERNAL = 1
export const EXIT_USAGE = 2
export const EXIT_INTERRUPTED = 130

interface ExitClass {
  readonly exitCode: number
  readonly codes: readonly string[]
  readonly meaning: string
}

const CLASSES: readonly ExitClass[] = [
  { exitCode: EXIT_OK, codes: [], meaning: 'done' },
  { exitCode: EXIT_INTERNAL, codes: ['INTERNAL'], meaning: 'internal error' },
  {
    exitCode: EXIT_USAGE,
    codes: ['USAGE', 'CONFIG', 'DECODE'],
    meaning: 'wrong flag, configuration, key share file or digest',
  },
  { exitCode: 3, codes: ['TRANSPORT'], meaning: 'gateway or other party not reached before the deadline' },
  { exitCode: 4, codes: ['PEER_STOPPED'], meaning: 'the other party refused or gave up' },
  { exitCode: 5, codes: ['ABORT'], meaning: 'the protocol was broken off because of what a party sent' },
  {
    exitCode: 6,
    codes: ['STATE'],
    meaning: 'not possible now: not confirmed, expired, or a file could not be written',
  },
  {
    exitCode: 7,
    codes: ['LEASE'],
    meaning: 'the lease of the cluster is held by another service, or could not be kept',
  },
  { exitCode: EXIT_INTERRUPTED, codes: [], meaning: 'interrupted' },
]

/** The exit code for an error's `code`; 1 for one that isn't known. */
export function exitCodeFor(code: string | undefined): number {
  return CLASSES.find((c) => code !== undefined && c.codes.includes(code))?.exitCode ?? EXIT_INTERNAL
}

/** The table for `--help`. */
export const EXIT_CODES_HELP = [
  '',
  'Exit codes:',
  ...CLASSES.map(({ exitCode, codes, meaning }) => {
    const names = codes.length === 0 ? '' : ` (${codes.join(', ')})`
    return `  ${String(exitCode).padEnd(5)}${meaning}${names}`
  }),
].join('\n')
