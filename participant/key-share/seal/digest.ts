/**
 * What a key share is known by without its secrets: SHA-256 over everything public in it, and the chain code. The public
 * parts fix the secret ones (x by the public share, the primes by the moduli, the identity by the roster), so two shares
 * with one digest are the same share; and a digest that lies in the open says nothing about a secret: the chain code is
 * 256 random bits.
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '../../base/bytes.ts'
import type { KeyShare } from '../key-share.ts'

/** In hex. */
export function shareDigest({ account, curve, level, epoch, roster, identity, core, aux }: KeyShare): string {
  const hexOf = (n: bigint): string => n.toString(16)
  const parts = [
    'wallet-mpc/key-share-digest',
    account,
    curve,
    level.name,
    epoch,
    core.threshold,
    core.publicKey.toHex(true),
    bytesToHex(core.chainCode),
    core.feldman.map((F) => F.toHex(true)),
    roster.members.map((m) => [
      m.id,
      m.index,
      bytesToHex(m.verifyKey),
      bytesToHex(m.sealKey),
      core.publicShares.get(m.id)?.toHex(true),
    ]),
    identity.id,
    [aux.paillier.N, aux.pedersen.NHat, aux.pedersen.s, aux.pedersen.t].map(hexOf),
    [...aux.peers]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([id, { paillier, pedersen }]) => [id, ...[paillier.N, pedersen.NHat, pedersen.s, pedersen.t].map(hexOf)]),
  ]
  return bytesToHex(sha256(utf8ToBytes(JSON.stringify(parts))))
}
