/**
 * Paillier encryption (Paillier 1999, with generator 1 + N), as CGGMP24 uses it.
 *
 *   enc(m; ρ) = (1 + N)^m·ρ^N mod N²      C ⊕ D = C·D mod N²      k ⊙ C = C^k mod N²
 *
 *   N   modulus, everybody        p, q  its primes, the holder        φ     (p − 1)(q − 1), the holder
 *   m   plaintext                 ρ     randomness, unit mod N        C, D  ciphertexts, units mod N²
 *
 * Plaintexts are read as signed, in (−N/2, N/2), as the paper's ± ranges are. The holder's key computes the same
 * functions by CRT, so code written for a `PaillierKey` is fast for the holder without knowing it. Integers are
 * never compared in constant time.
 */
import { UsageError } from '../base/errors.ts'
import type { SecurityLevel } from '../base/level.ts'
import { type Secret, secret } from '../base/secret.ts'
import { crtModulus, crtSquareModulus } from '../math/crt.ts'
import { type Modulus, modulus, squareModulus } from '../math/modulus.ts'
import { crt, gcd, inv, mod } from '../math/number-theory.ts'
import { blumPrime } from '../math/primes.ts'
import { type GenerateOptions, twoPrimes } from './two-primes.ts'

export interface PaillierKey {
  readonly N: bigint
  /** N². */
  readonly NN: bigint
  /** enc(m; ρ) for any integer m, taken modulo N. The caller has checked that ρ is a unit. */
  encrypt(m: bigint, rho: bigint): bigint
  /** ρ^N mod N². */
  powN(rho: bigint): bigint
  /** k ⊙ C for any integer k; RangeError when k < 0 and C is no unit. */
  pow(C: bigint, k: bigint): bigint
  /** C ⊕ D. */
  add(C: bigint, D: bigint): bigint
  /** a^e mod N for any integer e; RangeError when e < 0 and a is no unit. */
  powModN(a: bigint, e: bigint): bigint
  /** 0 < r < N and gcd(r, N) = 1. */
  isUnit(r: bigint): boolean
  /** 0 < C < N² and gcd(C, N) = 1. */
  isCiphertext(C: bigint): boolean
}

export interface PaillierSecretKey extends PaillierKey {
  readonly p: Secret<bigint>
  readonly q: Secret<bigint>
  readonly phi: Secret<bigint>
  /** The plaintext in (−N/2, N/2). RangeError when C is no ciphertext. */
  decrypt(C: bigint): Secret<bigint>
}

/** A peer's key. Says nothing about N but that it is at least 2 (RangeError): size and proofs come first. */
export function paillierKey(N: bigint): PaillierKey {
  const modNN = squareModulus(N)
  return keyOver(
    modulus(N),
    modNN,
    (rho) => modNN.pow(rho, N),
    (C) => gcd(C, N) === 1n,
  )
}

/**
 * The holder's key. The caller vouches that p and q are prime; UsageError when they are equal or even, or when
 * gcd(pq, φ) ≠ 1.
 */
export function paillierSecretKey(p: bigint, q: bigint): PaillierSecretKey {
  const modN = crtModulus(p, q)
  const modNN = crtSquareModulus(modN)
  const N = modN.m
  const phi = (p - 1n) * (q - 1n)
  if (gcd(N, phi) !== 1n) throw new UsageError('expected primes of one length: N and φ(N) have a common factor')
  const key = keyOver(modN, modNN, modNN.powN, (C) => C % p !== 0n && C % q !== 0n)
  const decryptions = [plaintextModulo(p, q, modNN.halves[0]), plaintextModulo(q, p, modNN.halves[1])] as const
  const join = crt(p, q)
  return Object.freeze({
    ...key,
    p: secret(p),
    q: secret(q),
    phi: secret(phi),
    decrypt(C: bigint) {
      if (!key.isCiphertext(C)) throw new RangeError('expected a ciphertext: a unit modulo N²')
      const m = join(decryptions[0](C), decryptions[1](C))
      return secret(2n * m > N ? m - N : m)
    },
  })
}

/** A Paillier-Blum key: both primes ≡ 3 (mod 4), N of exactly the level's bits. TransportError when cancelled. */
export async function generatePaillierKey(
  level: SecurityLevel,
  options: GenerateOptions = {},
): Promise<PaillierSecretKey> {
  const [p, q] = await twoPrimes(blumPrime, level.modulusBits, options)
  return paillierSecretKey(p, q)
}

function keyOver(
  modN: Modulus,
  modNN: Modulus,
  powN: (rho: bigint) => bigint,
  isCoprimeToN: (C: bigint) => boolean,
): PaillierKey {
  const [N, NN] = [modN.m, modNN.m]
  return Object.freeze({
    N,
    NN,
    // (1 + N)^m = 1 + m·N mod N²
    encrypt: (m: bigint, rho: bigint) => modNN.mul(1n + mod(m, N) * N, powN(rho)),
    powN,
    pow: modNN.pow,
    add: modNN.mul,
    powModN: modN.pow,
    isUnit: modN.isUnit,
    isCiphertext: (C: bigint) => C > 0n && C < NN && isCoprimeToN(C),
  })
}

/**
 * C ↦ m mod p. With L(u) = (u − 1)/p: C^{p−1} ≡ 1 + m·(p − 1)·N (mod p²), so L(C^{p−1}) = m·(p − 1)·q = −m·q mod p.
 */
function plaintextModulo(p: bigint, q: bigint, modPP: Modulus): (C: bigint) => bigint {
  const scale = inv(-q, p)
  return (C) => (((modPP.pow(C, p - 1n) - 1n) / p) * scale) % p
}
