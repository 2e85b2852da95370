/** What a signature must be, asked of implementations that are not ours: noble, libsecp256k1 in wasm, OpenSSL. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import * as libsecp256k1 from 'tiny-secp256k1'
import { bigintToBytes, concatBytes, fromHex, toBase64 } from '../participant/base/bytes.ts'
import { type Point, Q } from '../participant/math/curve.ts'
import type { Signature } from '../participant/protocols/material.ts'

/** OpenSSL's version, or undefined when there is no such command. */
export const openssl: string | undefined = (() => {
  try {
    return execFileSync('openssl', ['version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  } catch {
    return undefined
  }
})()

/** Low-s, in range, valid for all three, and its recovery id gives back the key. */
export function expectSignature(signature: Signature, digest: Uint8Array, publicKey: Point): void {
  const { r, s, recovery } = signature
  assert.ok(r > 0n && r < Q, 'r is out of range')
  assert.ok(s > 0n && s <= Q / 2n, 's is not low')
  const key = publicKey.toBytes(true)
  const compact = concatBytes(bigintToBytes(r, 32), bigintToBytes(s, 32))
  assert.ok(secp256k1.verify(compact, digest, key, { prehash: false, lowS: true }), 'noble refuses')
  assert.ok(libsecp256k1.verify(digest, key, compact, true), 'libsecp256k1 refuses')
  assert.deepEqual(libsecp256k1.recover(digest, compact, recovery as 0 | 1 | 2 | 3, true), key)
  if (openssl !== undefined) assert.ok(verifiedByOpenssl(compact, digest, publicKey), 'openssl refuses')
}

/** The X.509 wrapping of an uncompressed secp256k1 key. */
const SPKI = fromHex('3056301006072a8648ce3d020106052b8104000a034200')

export function verifiedByOpenssl(compact: Uint8Array, digest: Uint8Array, publicKey: Point): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'signature-'))
  try {
    const spki = toBase64(concatBytes(SPKI, publicKey.toBytes(false))).replace(/.{64}/g, '$&\n')
    const file = (name: string, content: string | Uint8Array): string => {
      writeFileSync(join(folder, name), content)
      return join(folder, name)
    }
    const key = file('key.pem', `-----BEGIN PUBLIC KEY-----\n${spki}\n-----END PUBLIC KEY-----\n`)
    const der = secp256k1.Signature.fromBytes(compact).toBytes('der')
    const given = ['-sigfile', file('sig', der), '-in', file('digest', digest)]
    execFileSync('openssl', ['pkeyutl', '-verify', '-pubin', '-inkey', key, ...given], { stdio: 'ignore' })
    return true
  } catch {
    return false
  } finally {
    rmSync(folder, { recursive: true })
  }
}
