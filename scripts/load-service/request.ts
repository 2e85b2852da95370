/**
 * What became of one request, and whether that is an end that a request may have: a signature that libsecp256k1 takes, or
 * one clear error, and either before its deadline.
 */
import * as libsecp256k1 from 'tiny-secp256k1'

/** How long after its deadline a request may end: timers and messages of a busy machine. */
export const SLACK_MS = 1_000

/** As the client tells it. */
export interface Told {
  readonly n: number
  /** ms since the start of the run. */
  readonly atMs: number
  readonly tookMs: number
  /** Made from a presignature. */
  readonly isWarm: boolean
  readonly signed?: { readonly digest: string; readonly publicKey: string; readonly compact: string }
  readonly error?: { readonly name: string; readonly code: string; readonly reason: string }
}

export type Verdict = 'warm' | 'cold' | 'error' | 'hung' | 'invalid' | 'unclear'

/** These are the ends that the other side, or the way to it, may cause. */
const CLEAR: ReadonlySet<string> = new Set(['TRANSPORT', 'PEER_STOPPED', 'STATE'])

export function verdictOf(t: Told, publicKey: string, deadlineMs: number): Verdict {
  if (t.tookMs > deadlineMs + SLACK_MS) return 'hung'
  if (t.signed !== undefined) {
    if (t.signed.publicKey !== publicKey || !isValid(t.signed)) return 'invalid'
    return t.isWarm ? 'warm' : 'cold'
  }
  return t.error !== undefined && CLEAR.has(t.error.code) ? 'error' : 'unclear'
}

function isValid({ digest, publicKey, compact }: NonNullable<Told['signed']>): boolean {
  const [d, k, c] = [digest, publicKey, compact].map((hex) => Buffer.from(hex, 'hex'))
  return d !== undefined && k !== undefined && c !== undefined && libsecp256k1.verify(d, k, c, true)
}

/** `class code reason`, for a table of how many. */
export function errorName({ error }: Told): string {
  return error === undefined ? '' : [error.name, error.code, error.reason].filter((s) => s !== '').join(' ')
}

export function percentile(sorted: readonly number[], p: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] ?? Number.NaN
}
