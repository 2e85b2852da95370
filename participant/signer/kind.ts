/** The kinds that policies and approvals tell apart; of transactions, each type is one. */
import type { Payload } from './payload.ts'
import { looksLikeTransaction, parseTransaction, type TransactionType } from './transaction.ts'

export const PAYLOAD_KINDS = [
  'eip191',
  'typed_data',
  'legacy',
  'legacy_unprotected',
  'eip2930',
  'eip1559',
  'eip7702',
  'bytes',
  'raw_digest',
] as const satisfies readonly (TransactionType | string)[]
export type PayloadKind = (typeof PAYLOAD_KINDS)[number]

/**
 * Bytes under keccak256 could be a transaction or typed data under another name, judged as neither: those that look like
 * one are `disguised`, and of no kind. Throws DecodeError for a transaction that is none.
 */
export function payloadKind(payload: Payload): PayloadKind | 'disguised' {
  switch (payload.kind) {
    case 'eip191':
      return 'eip191'
    case 'sha256':
      return 'bytes'
    case 'keccak256':
      // 0x19 begins every form of EIP-191, typed data among them
      return payload.message[0] === 0x19 || looksLikeTransaction(payload.message) ? 'disguised' : 'bytes'
    case 'digest':
      return 'raw_digest'
    case 'transaction':
      return parseTransaction(payload.transaction).type
    case 'typed-data':
      return 'typed_data'
    default:
      return payload satisfies never
  }
}
