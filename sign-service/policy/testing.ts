/** Policies and requests for tests. */
import { digestOf, type Payload, type SignRequest } from '../../participant/index.ts'
import type { Authority } from '../../participant/signer/authority.ts'
import { encodeTransaction, type Transaction } from '../../participant/signer/transaction.ts'
import { parsePolicy } from './load.ts'
import type { PolicyFile } from './schema.ts'

export const ALICE = `0x${'a1'.repeat(20)}`
export const TOKEN = `0x${'70'.repeat(20)}`
export const TRANSFER = '0xa9059cbb'

export function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.slice(2), 'hex'))
}

/** One rule that allows 100 wei at once and 250 a day to ALICE and calls of TOKEN; changed by what is given. */
export function ruleOf(change: object = {}): object {
  return {
    name: 'main',
    accounts: ['main'],
    callers: ['client'],
    kinds: ['eip1559'],
    chains: [1],
    destinations: { allow: [{ address: ALICE }, { address: TOKEN, selectors: [TRANSFER] }] },
    max_value: '100',
    max_value_per_day: '250',
    max_fee: 'unlimited',
    ...change,
  }
}

export function policyFileOf(rules: readonly object[], approvers: Readonly<Record<string, string>> = {}): PolicyFile {
  return parsePolicy(JSON.stringify({ version: 1, approvers, rules }), 'policy')
}

export function transaction(change: Partial<Transaction> = {}): Payload {
  const tx: Transaction = {
    type: 'eip1559',
    chainId: 1n,
    nonce: 0n,
    maxFeePerGas: 2n,
    maxPriorityFeePerGas: 1n,
    gasLimit: 21_000n,
    to: bytesOf(ALICE),
    value: 1n,
    data: Uint8Array.of(),
    accessList: [],
    authorizations: [],
    ...change,
  }
  return { kind: 'transaction', transaction: encodeTransaction(tx) }
}

export function request(payload: Payload, change: Partial<SignRequest> = {}): SignRequest {
  const digest = digestOf(payload)
  return { account: 'main', from: 'client', signers: ['client', 'service'], payload, digest, ...change }
}

export function withAuthority(r: SignRequest, authority: Authority): SignRequest {
  return { ...r, authority }
}
