/**
 * wallet-mpc: the library that one party runs. Open key shares, connect to a gateway, sign, serve.
 *
 * Every entry point here refuses key shares of a security level that was made for tests.
 */
import { CGGMP24_3072, requireProduction } from './base/level.ts'
import { parseKeyShares as parseAtLevels } from './key-share/format.ts'
import type { KeyShare } from './key-share/key-share.ts'
import { type CeremonyOptions, generateShares as generateAtAnyLevel } from './signer/ceremony.ts'
import { openParticipant, type Participant, type ParticipantOptions } from './signer/participant.ts'

export * from './base/errors.ts'
export { CGGMP24_3072, type SecurityLevel } from './base/level.ts'
export { type Random, systemRandom } from './base/random.ts'
export { Secret } from './base/secret.ts'
export { connectExchange, type ExchangeOptions } from './exchange/client.ts'
export { formatKeyShares } from './key-share/format.ts'
export type { KeyShare } from './key-share/key-share.ts'
export { fingerprint, type Member, type PartyId, type Roster } from './party/roster.ts'
export type { Trace, TraceEvent } from './party/trace.ts'
export { convicts } from './protocols/evidence.ts'
export type { Signature } from './protocols/material.ts'
export type { SessionContext } from './protocols/session-context.ts'
export { connectGateway, type Gateway, type GatewayOptions } from './room/gateway.ts'
export type { ServiceEvent } from './signer/answer.ts'
export {
  type Approval,
  type Authority,
  approvalBytes,
  isApproval,
  isPermit,
  type Permit,
  permitTag,
  type Request as AuthorizedRequest,
} from './signer/authority.ts'
export type { CeremonyEvent, CeremonyOptions } from './signer/ceremony.ts'
export {
  addressText,
  describeSignature,
  ethereumAddress,
  type SignatureDescription,
  type SignResult,
} from './signer/describe.ts'
export { type Evidence, formatEvidence, parseEvidence } from './signer/evidence-file.ts'
export type { Decisions, PresignRequest, Refusal, SignRequest } from './signer/judging.ts'
export { type Lock, type LockKey, type Locks, memoryLocks } from './signer/locks.ts'
export type {
  AccountInfo,
  Participant,
  ParticipantOptions,
  PoolOptions,
  PrepareOptions,
  SignOptions,
} from './signer/participant.ts'
export { digestOf, type Payload } from './signer/payload.ts'
export type { PoolCounts } from './signer/pool.ts'
export { checkRecovery, proveRecovery } from './signer/recovery.ts'
export type { ServeOptions, Service } from './signer/serve.ts'
export type { SigningStep } from './signer/signing.ts'
export { parseTransaction, signedTransaction, type Transaction } from './signer/transaction.ts'
export { parseTypedData, type TypedData } from './signer/typed-data.ts'
export type { Work } from './zk/work.ts'

/** A participant with its accounts. Throws UsageError for key shares of a test level. */
export function createParticipant(o: ParticipantOptions): Participant {
  for (const share of o.keyShares.values()) requireProduction(share.level)
  return openParticipant(o)
}

/** See `CeremonyOptions`. Throws UsageError for a test level. */
export async function generateShares(o: CeremonyOptions): Promise<ReadonlyMap<string, KeyShare>> {
  requireProduction(o.level)
  return generateAtAnyLevel(o)
}

/**
 * Key shares from the JSON that `formatKeyShares` and key-gen write, by account id. Throws DecodeError naming the field
 * that is malformed or inconsistent, also for a level made for tests.
 */
export function parseKeyShares(json: string): ReadonlyMap<string, KeyShare> {
  return parseAtLevels(json, { levels: [CGGMP24_3072] })
}
