/**
 * Our keys as those of the paillier-bigint package, for applications that use it. Its arithmetic is the reference
 * that ours is tested against. Its plaintexts are in [0, N), ours in (−N/2, N/2).
 */
import { PrivateKey, PublicKey } from 'paillier-bigint'
import type { Secret } from '../base/secret.ts'
import { secret } from '../base/secret.ts'
import { inv } from '../math/number-theory.ts'
import type { PaillierKey, PaillierSecretKey } from './paillier-key.ts'

export function toPaillierBigint(key: PaillierKey): PublicKey {
  return new PublicKey(key.N, key.N + 1n)
}

/** With λ = φ(N), for which the package's μ = L((1 + N)^λ)^−1 is φ(N)^−1. */
export function toPaillierBigintSecret(key: PaillierSecretKey): Secret<PrivateKey> {
  const phi = key.phi.expose()
  return secret(new PrivateKey(phi, inv(phi, key.N), toPaillierBigint(key), key.p.expose(), key.q.expose()))
}
