/**
 * What a payload is to a policy: its kind, and where it goes. Made from the payload itself, by the parsers that also make
 * the digest, so that what is judged is what is signed. What is `disguised` (kind.ts) no rule allows.
 */
import {
  addressText,
  digestOf,
  type Payload,
  parseTransaction,
  parseTypedData,
  type Transaction,
} from '../../participant/index.ts'
import { type PayloadKind, payloadKind } from '../../participant/signer/kind.ts'

export interface Subject {
  readonly kind: PayloadKind | 'disguised'
  /** The 32 bytes that are signed. */
  readonly digest: Uint8Array
  /** Of a transaction, or a domain; undefined where nothing is said of a chain. */
  readonly chainId?: bigint | undefined
  readonly transaction?: TransactionFacts
  readonly typed?: TypedFacts
}

export interface TransactionFacts {
  /** Lower-case hex with 0x; undefined makes a contract. */
  readonly to: string | undefined
  /** Addresses whose code accounts take with it (EIP-7702). */
  readonly delegates: readonly string[]
  /** 0x and 8 hex digits, fewer than any selector has when there are 1 to 3 bytes; undefined when there is no data. */
  readonly selector: string | undefined
  readonly value: bigint
  /** The most that it can cost besides its value. */
  readonly fee: bigint
}

export interface TypedFacts {
  /** Lower-case hex with 0x; undefined when the domain names none. */
  readonly contract: string | undefined
  readonly primaryType: string
}

/** Throws DecodeError or UsageError when it is not what it says. */
export function subjectOf(payload: Payload): Subject {
  const about = { kind: payloadKind(payload), digest: digestOf(payload) }
  if (payload.kind === 'transaction') {
    const tx = parseTransaction(payload.transaction)
    return { ...about, chainId: tx.chainId, transaction: factsOf(tx) }
  }
  if (payload.kind === 'typed-data') {
    const { primaryType, chainId, verifyingContract } = parseTypedData(payload.json)
    const contract = verifyingContract === undefined ? undefined : lower(verifyingContract)
    return { ...about, chainId, typed: { contract, primaryType } }
  }
  return about
}

function factsOf({ to, data, value, gasLimit, maxFeePerGas, authorizations }: Transaction): TransactionFacts {
  return {
    to: to === undefined ? undefined : lower(to),
    delegates: authorizations.map((a) => lower(a.address)),
    selector: selectorOf(data),
    value,
    fee: gasLimit * maxFeePerGas,
  }
}

function selectorOf(data: Uint8Array): string | undefined {
  if (data.length === 0) return undefined
  return `0x${Buffer.from(data.subarray(0, 4)).toString('hex')}`
}

function lower(address: Uint8Array): string {
  return addressText(address).toLowerCase()
}
