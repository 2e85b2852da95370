/**
 * The errors of the participant library: seven classes, each with a stable `code`.
 *
 * Programs switch on `code`; people read `message`. No message ever quotes a value that came from a peer or a
 * secret: it names the field and what was expected. Only `ProtocolAbort` blames anyone, and only with signed
 * messages that show it; whatever the network could have done blames nobody.
 */

/** Stable names of what a peer did wrong. See SECURITY.md for the list with its meanings. */
export type FaultCode =
  | 'DECODE'
  | 'DUPLICATE'
  | 'ECHO_MISMATCH'
  | 'VIEW'
  | 'COMMIT_OPEN'
  | 'POINT'
  | 'VSS_LEN'
  | 'VSS_SHARE'
  | 'PK_IDENTITY'
  | 'PROOF_LEN'
  | 'PROOF_RANGE'
  | 'PROOF_GROUP'
  | 'PROOF_EQ'
  | 'CIPHER_GROUP'
  | 'AUX_SIZE'
  | 'AUX_DUP'
  | 'AUX_RP_BASE'
  | 'AUX_PRM'
  | 'AUX_MOD'
  | 'AUX_MOD_W'
  | 'AUX_MOD_PRIME'
  | 'AUX_FAC'
  | 'DELTA'
  | 'CHI'
  | 'PARTIAL_SIG'
  | 'ZERO'

/** One thing that one party did wrong, with the signed envelopes that show it. */
export interface Fault {
  readonly culprit: string
  readonly protocol: string
  readonly round: string
  readonly code: FaultCode
  /** The check that failed, e.g. `psi0: range z1`, `equivocation`, `decode`. */
  readonly check: string
  /** Encoded envelopes signed by the culprit: the one that is wrong last, before it those that it rests on. */
  readonly evidence: readonly Uint8Array[]
  /** All broadcasts of the session before it, everybody's, each signed by its sender: what the wrong one is about. */
  readonly record?: readonly Uint8Array[]
}

export type ErrorCode = 'USAGE' | 'DECODE' | 'TRANSPORT' | 'PEER_STOPPED' | 'STATE' | 'ABORT' | 'INTERNAL'

/** Base class; never thrown itself. */
export abstract class MpcError extends Error {
  abstract readonly code: ErrorCode
  override get name(): string {
    return this.constructor.name
  }
}

/** The caller asked for something impossible, or gave a value that is not of the documented form. */
export class UsageError extends MpcError {
  override readonly code = 'USAGE'
}

/** Bytes or JSON are not an encoding of what was expected. */
export class DecodeError extends MpcError {
  override readonly code = 'DECODE'
}

/** The connection closed, the deadline passed, or the caller cancelled. Blames nobody. */
export class TransportError extends MpcError {
  override readonly code = 'TRANSPORT'
  readonly waitingFor: readonly string[]
  constructor(message: string, waitingFor: readonly string[] = [], options?: ErrorOptions) {
    super(message, options)
    this.waitingFor = waitingFor
  }
}

/** A peer says that it gave up or refuses. It proves nothing about anyone. */
export class PeerStopped extends MpcError {
  override readonly code = 'PEER_STOPPED'
  readonly peer: string
  /** The peer's own reason code, e.g. `ACCOUNT_UNKNOWN`; its word only. */
  readonly reason: string
  constructor(peer: string, reason: string, message: string) {
    super(message)
    this.peer = peer
    this.reason = reason
  }
}

/** Expired, already used, unknown or locked. */
export class StateError extends MpcError {
  override readonly code = 'STATE'
  /** Set where a host may want to tell it from others: LOCKED. */
  readonly reason: string | undefined
  constructor(message: string, options?: ErrorOptions & { readonly reason?: string }) {
    super(message, options)
    this.reason = options?.reason
  }
}

/** The protocol ended because of what peers sent. Empty `faults` means that nobody can be named. */
export class ProtocolAbort extends MpcError {
  override readonly code = 'ABORT'
  readonly faults: readonly Fault[]
  constructor(message: string, faults: readonly Fault[]) {
    super(message)
    this.faults = faults
  }
}

/** Our own arithmetic disagreed with itself. Never blames others. */
export class InternalError extends MpcError {
  override readonly code = 'INTERNAL'
}

/** Who is to blame for an error, each named once. Adding an error code forces a decision here. */
export function culprits(error: MpcError): readonly string[] {
  const code = error.code
  switch (code) {
    case 'ABORT':
      return [...new Set((error as ProtocolAbort).faults.map((f) => f.culprit))]
    case 'USAGE':
    case 'DECODE':
    case 'TRANSPORT':
    case 'PEER_STOPPED':
    case 'STATE':
    case 'INTERNAL':
      return []
    default:
      return code satisfies never
  }
}
