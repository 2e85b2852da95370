/**
 * Unsigned Ethereum transactions: the bytes whose keccak256 is signed, parsed into what a policy and a person judge.
 *
 *   legacy               rlp([nonce, gasPrice, gasLimit, to, value, data, chainId, '', ''])       EIP-155
 *   legacy_unprotected   rlp([nonce, gasPrice, gasLimit, to, value, data])                        valid on every chain
 *   eip2930              0x01 ‖ rlp([chainId, nonce, gasPrice, gasLimit, to, value, data, accessList])
 *   eip1559              0x02 ‖ rlp([chainId, nonce, tip, maxFee, gasLimit, to, value, data, accessList])
 *   eip7702              0x04 ‖ rlp([chainId, nonce, tip, maxFee, gasLimit, to, value, data, accessList, authorizations])
 *
 * The hash is made from the fields that came out, not from the bytes that came in; that both are the same bytes is
 * checked, so that nothing is signed which was not parsed.
 */
import { keccak_256 } from '@noble/hashes/sha3.js'
import { bytesToBigint, concatBytes, equalBytes } from '../base/bytes.ts'
import { DecodeError } from '../base/errors.ts'
import type { Signature } from '../protocols/material.ts'
import { decodeRlp, encodeRlp, type RlpItem, rlpNumber } from './rlp.ts'

export interface AccessEntry {
  readonly address: Uint8Array
  readonly storageKeys: readonly Uint8Array[]
}

/** EIP-7702: somebody's account takes the code of `address`. */
export interface CodeAuthorization {
  /** 0 is every chain. */
  readonly chainId: bigint
  readonly address: Uint8Array
  readonly nonce: bigint
  readonly yParity: bigint
  readonly r: bigint
  readonly s: bigint
}

export type TransactionType = 'legacy' | 'legacy_unprotected' | 'eip2930' | 'eip1559' | 'eip7702'

export interface Transaction {
  readonly type: TransactionType
  /** Undefined only for `legacy_unprotected`. */
  readonly chainId: bigint | undefined
  readonly nonce: bigint
  /** The most that a unit of gas may cost: gasPrice, or maxFeePerGas. */
  readonly maxFeePerGas: bigint
  /** Undefined where there is no fee market. */
  readonly maxPriorityFeePerGas: bigint | undefined
  readonly gasLimit: bigint
  /** 20 bytes; undefined makes a contract. */
  readonly to: Uint8Array | undefined
  readonly value: bigint
  readonly data: Uint8Array
  readonly accessList: readonly AccessEntry[]
  readonly authorizations: readonly CodeAuthorization[]
}

const TYPE_BYTES = { eip2930: 1, eip1559: 2, eip7702: 4 } as const
const FIELDS = { eip2930: 8, eip1559: 9, eip7702: 10 } as const
const WORD = 2n ** 256n
const U64 = 2n ** 64n

/** Throws DecodeError naming the field unless the bytes are one unsigned transaction in its only encoding. */
export function parseTransaction(bytes: Uint8Array): Transaction {
  const [first] = bytes
  if (first === undefined) throw new DecodeError('transaction: expected at least one byte')
  const parsed = first >= 0xc0 ? parseLegacy(listOf(decodeRlp(bytes), 'transaction')) : parseTyped(first, bytes)
  if (!equalBytes(encodeTransaction(parsed), bytes)) throw new DecodeError('transaction: expected its only encoding')
  return parsed
}

/** The bytes whose keccak256 is signed. */
export function encodeTransaction(tx: Transaction): Uint8Array {
  const items = encodeRlp(fieldsOf(tx))
  const isTyped = tx.type !== 'legacy' && tx.type !== 'legacy_unprotected'
  return isTyped ? concatBytes(Uint8Array.of(TYPE_BYTES[tx.type]), items) : items
}

function fieldsOf(tx: Transaction): readonly RlpItem[] {
  const { type, chainId = 0n } = tx
  const n = rlpNumber
  const target = [tx.to ?? Uint8Array.of(), n(tx.value), tx.data]
  const empty = Uint8Array.of()
  if (type === 'legacy' || type === 'legacy_unprotected') {
    const fields = [n(tx.nonce), n(tx.maxFeePerGas), n(tx.gasLimit), ...target]
    return type === 'legacy' ? [...fields, n(chainId), empty, empty] : fields
  }
  const fees =
    tx.maxPriorityFeePerGas === undefined ? [n(tx.maxFeePerGas)] : [n(tx.maxPriorityFeePerGas), n(tx.maxFeePerGas)]
  const accessList = tx.accessList.map(({ address, storageKeys }) => [address, storageKeys])
  const authorizations = tx.authorizations.map((a) => [
    n(a.chainId),
    a.address,
    n(a.nonce),
    n(a.yParity),
    n(a.r),
    n(a.s),
  ])
  const fields = [n(chainId), n(tx.nonce), ...fees, n(tx.gasLimit), ...target, accessList]
  return type === 'eip7702' ? [...fields, authorizations] : fields
}

/** The transaction as a node takes it. */
export function signedTransaction(tx: Transaction, { r, s, recovery }: Signature): Uint8Array {
  const items = fieldsOf(tx)
  const proof = [rlpNumber(r), rlpNumber(s)]
  if (tx.type === 'legacy_unprotected') return encodeRlp([...items, rlpNumber(BigInt(27 + recovery)), ...proof])
  if (tx.type === 'legacy') {
    const v = 35n + 2n * (tx.chainId ?? 0n) + BigInt(recovery)
    return encodeRlp([...items.slice(0, 6), rlpNumber(v), ...proof])
  }
  return concatBytes(Uint8Array.of(TYPE_BYTES[tx.type]), encodeRlp([...items, rlpNumber(BigInt(recovery)), ...proof]))
}

/** The 32 bytes that are signed. */
export function transactionDigest(tx: Transaction): Uint8Array {
  return keccak_256(encodeTransaction(tx))
}

/**
 * Whether these bytes are, or could be on some chain, a transaction: an RLP list, or one byte below 0x80 and a list.
 * Looser than `parseTransaction`, so that types which are not known here count as well, and an EIP-7702 authorization.
 */
export function looksLikeTransaction(bytes: Uint8Array): boolean {
  const [first = 0xff] = bytes
  try {
    return !(decodeRlp(first < 0x80 ? bytes.subarray(1) : bytes) instanceof Uint8Array)
  } catch {
    return false
  }
}

function parseLegacy(items: readonly RlpItem[]): Transaction {
  if (items.length !== 6 && items.length !== 9) throw new DecodeError('transaction: expected 6 or 9 fields')
  const [nonce, gasPrice, gasLimit, to, value, data, chainId, r, s] = items
  const isProtected = items.length === 9
  if (isProtected && (bytesOf(r, 'r').length > 0 || bytesOf(s, 's').length > 0)) {
    throw new DecodeError('transaction: expected no signature')
  }
  return {
    type: isProtected ? 'legacy' : 'legacy_unprotected',
    chainId: isProtected ? chainOf(chainId) : undefined,
    nonce: number(nonce, 'nonce', U64),
    maxFeePerGas: number(gasPrice, 'gas price', WORD),
    maxPriorityFeePerGas: undefined,
    gasLimit: number(gasLimit, 'gas limit', U64),
    to: targetOf(to),
    value: number(value, 'value', WORD),
    data: bytesOf(data, 'data'),
    accessList: [],
    authorizations: [],
  }
}

function parseTyped(typeByte: number, bytes: Uint8Array): Transaction {
  const known = Object.entries(TYPE_BYTES).find(([, b]) => b === typeByte)
  if (known === undefined) throw new DecodeError('transaction: expected type 1, 2 or 4, or a legacy transaction')
  const type = known[0] as keyof typeof TYPE_BYTES
  const items = listOf(decodeRlp(bytes.subarray(1)), 'transaction')
  if (items.length !== FIELDS[type]) throw new DecodeError(`transaction: expected ${FIELDS[type]} fields, unsigned`)
  const [chainId, nonce, ...afterNonce] = items
  const tip = type === 'eip2930' ? undefined : number(afterNonce.shift(), 'priority fee', WORD)
  const [maxFee, gasLimit, to, value, data, accessList, authorizations] = afterNonce
  const tx: Transaction = {
    type,
    chainId: chainOf(chainId),
    nonce: number(nonce, 'nonce', U64),
    maxFeePerGas: number(maxFee, 'fee', WORD),
    maxPriorityFeePerGas: tip,
    gasLimit: number(gasLimit, 'gas limit', U64),
    to: targetOf(to),
    value: number(value, 'value', WORD),
    data: bytesOf(data, 'data'),
    accessList: listOf(accessList, 'access list').map(accessEntry),
    authorizations: type === 'eip7702' ? listOf(authorizations, 'authorizations').map(authorization) : [],
  }
  if (type !== 'eip7702') return tx
  if (tx.to === undefined) throw new DecodeError('transaction: to: expected an address in a transaction of type 4')
  if (tx.authorizations.length === 0) throw new DecodeError('transaction: authorizations: expected at least one')
  return tx
}

function accessEntry(item: RlpItem): AccessEntry {
  const [address, keys, ...more] = listOf(item, 'access list')
  if (more.length > 0) throw new DecodeError('transaction: access list: expected an address and keys')
  const storageKeys = listOf(keys, 'access list').map((k) => sized(k, 32, 'access list: key'))
  return { address: sized(address, 20, 'access list: address'), storageKeys }
}

function authorization(item: RlpItem): CodeAuthorization {
  const fields = listOf(item, 'authorizations')
  if (fields.length !== 6) throw new DecodeError('transaction: authorizations: expected 6 fields')
  const [chainId, address, nonce, yParity, r, s] = fields
  return {
    chainId: number(chainId, 'authorization: chain id', WORD),
    address: sized(address, 20, 'authorization: address'),
    nonce: number(nonce, 'authorization: nonce', U64),
    yParity: number(yParity, 'authorization: parity', 256n),
    r: number(r, 'authorization: r', WORD),
    s: number(s, 'authorization: s', WORD),
  }
}

function listOf(item: RlpItem | undefined, what: string): readonly RlpItem[] {
  if (item === undefined || item instanceof Uint8Array) throw new DecodeError(`${what}: expected a list`)
  return item
}

function bytesOf(item: RlpItem | undefined, what: string): Uint8Array {
  if (item instanceof Uint8Array) return item
  throw new DecodeError(`transaction: ${what}: expected bytes`)
}

function sized(item: RlpItem | undefined, length: number, what: string): Uint8Array {
  const bytes = bytesOf(item, what)
  if (bytes.length !== length) throw new DecodeError(`transaction: ${what}: expected ${length} bytes`)
  return bytes
}

function number(item: RlpItem | undefined, what: string, limit: bigint): bigint {
  const bytes = bytesOf(item, what)
  if (bytes[0] === 0) throw new DecodeError(`transaction: ${what}: expected no leading zeros`)
  const value = bytesToBigint(bytes)
  if (value >= limit)
    throw new DecodeError(`transaction: ${what}: expected less than 2^${limit.toString(2).length - 1}`)
  return value
}

function chainOf(item: RlpItem | undefined): bigint {
  const chainId = number(item, 'chain id', WORD)
  if (chainId === 0n) throw new DecodeError('transaction: chain id: expected at least 1')
  return chainId
}

function targetOf(item: RlpItem | undefined): Uint8Array | undefined {
  const bytes = bytesOf(item, 'to')
  if (bytes.length === 0) return undefined
  return sized(bytes, 20, 'to')
}
