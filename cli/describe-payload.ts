/** What a payload says, for a person who is asked to sign or approve it: parsed by the code that makes the digest. */
import {
  addressText,
  type Payload,
  parseTransaction,
  parseTypedData,
  type Signature,
  signedTransaction,
  type Transaction,
} from '../participant/index.ts'

/** Bytes of a message that are shown. */
const SHOWN = 2_000

/** Numbers are decimal text: they are beyond what JSON holds. */
export type Described = Readonly<Record<string, string | readonly string[]>>

export function describePayload(payload: Payload): Described {
  if (payload.kind === 'transaction') return describeTransaction(parseTransaction(payload.transaction))
  if (payload.kind !== 'typed-data') return {}
  const { primaryType, chainId, verifyingContract } = parseTypedData(payload.json)
  return {
    type: 'typed data',
    'primary type': primaryType,
    ...(chainId === undefined ? {} : { chain: chainId.toString() }),
    ...(verifyingContract === undefined ? {} : { contract: addressText(verifyingContract) }),
    content: escaped(JSON.parse(new TextDecoder().decode(payload.json))),
  }
}

/** Hex of the signed transaction, as a node takes it; undefined for anything else. */
export function signedForm(payload: Payload, signature: Signature): string | undefined {
  if (payload.kind !== 'transaction') return undefined
  return hex(signedTransaction(parseTransaction(payload.transaction), signature))
}

/** Rows for a table. */
export function payloadRows(payload: Payload): readonly [string, string][] {
  return Object.entries(describePayload(payload)).map(([label, value]) => [
    label,
    typeof value === 'string' ? value : value.join(' '),
  ])
}

/** A message, for those who approve it: as text, or as hex where it is none. */
export function messageRows(payload: Payload): readonly [string, string][] {
  if (!('message' in payload)) return []
  const shown = payload.message.subarray(0, SHOWN)
  const more = payload.message.length > SHOWN ? ` … ${payload.message.length} bytes` : ''
  const text = Buffer.from(shown).toString('utf8')
  return [['message', `${text.includes('\ufffd') ? hex(shown) : escaped(text)}${more}`]]
}

/** JSON in ASCII: nothing in it can start a line, steer a terminal, or turn the direction of writing. */
function escaped(value: unknown): string {
  return JSON.stringify(value).replace(/[^\x20-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function describeTransaction(tx: Transaction): Described {
  const { accessList, authorizations, maxPriorityFeePerGas: tip } = tx
  return {
    type: tx.type.replace('_', ', '),
    chain: tx.chainId?.toString() ?? 'every chain',
    nonce: tx.nonce.toString(),
    to: tx.to === undefined ? 'a new contract' : addressText(tx.to),
    value: `${tx.value} wei (${ether(tx.value)} ether)`,
    data: hex(tx.data),
    gas: tx.gasLimit.toString(),
    'fee per gas': `at most ${tx.maxFeePerGas} wei${tip === undefined ? '' : `, of it a tip of at most ${tip}`}`,
    'fee at most': `${tx.gasLimit * tx.maxFeePerGas} wei (${ether(tx.gasLimit * tx.maxFeePerGas)} ether)`,
    ...(accessList.length === 0 ? {} : { access: accessList.map((a) => addressText(a.address)) }),
    ...(authorizations.length === 0 ? {} : { 'code from': authorizations.map((a) => addressText(a.address)) }),
  }
}

function ether(wei: bigint): string {
  const digits = wei.toString().padStart(19, '0')
  return `${digits.slice(0, -18)}.${digits.slice(-18)}`.replace(/\.?0+$/, '')
}

function hex(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes).toString('hex')}`
}
