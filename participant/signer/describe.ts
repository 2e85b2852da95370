/** Signatures, keys and addresses in the forms that wallets and chains use. */
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import { bigintToBytes, bytesToHex, concatBytes, utf8ToBytes } from '../base/bytes.ts'
import type { Point } from '../math/curve.ts'
import type { Signature } from '../protocols/material.ts'

export interface SignResult {
  readonly account: string
  readonly publicKey: Point
  /** The 32 bytes that were signed. */
  readonly digest: Uint8Array
  readonly signature: Signature
}

/** All hex is lower case with 0x, but for the address, which is in EIP-55 form. */
export interface SignatureDescription {
  readonly account: string
  readonly address: string
  /** Compressed, 33 bytes. */
  readonly publicKey: string
  readonly digest: string
  readonly r: string
  readonly s: string
  /** 27 + recovery, as in Ethereum's legacy form. */
  readonly v: number
  readonly recovery: number
  /** r, s, v: 65 bytes. */
  readonly signature: string
  /** ASN.1 DER, as openssl and Bitcoin take it. */
  readonly der: string
}

export function describeSignature({ account, publicKey, digest, signature }: SignResult): SignatureDescription {
  const { r, s, recovery } = signature
  const [rBytes, sBytes, v] = [bigintToBytes(r, 32), bigintToBytes(s, 32), 27 + recovery]
  return {
    account,
    address: ethereumAddress(publicKey),
    publicKey: hex(publicKey.toBytes(true)),
    digest: hex(digest),
    r: hex(rBytes),
    s: hex(sBytes),
    v,
    recovery,
    signature: hex(concatBytes(rBytes, sBytes, Uint8Array.of(v))),
    der: hex(new secp256k1.Signature(r, s).toBytes('der')),
  }
}

/** The last 20 bytes of keccak256 of the uncompressed key, in EIP-55 form. */
export function ethereumAddress(publicKey: Point): string {
  return addressText(keccak_256(publicKey.toBytes(false).slice(1)).slice(12))
}

/** EIP-55 of 20 bytes: upper case where the digit of the hash is 8 or more. */
export function addressText(address: Uint8Array): string {
  const digits = bytesToHex(address)
  const check = bytesToHex(keccak_256(utf8ToBytes(digits)))
  const mixed = [...digits].map((c, i) => (Number.parseInt(check[i] as string, 16) >= 8 ? c.toUpperCase() : c))
  return `0x${mixed.join('')}`
}

function hex(bytes: Uint8Array): string {
  return `0x${bytesToHex(bytes)}`
}
