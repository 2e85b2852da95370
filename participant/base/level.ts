/**
 * Security levels: every size that the protocol depends on. CGGMP24, appendix C.1.
 *
 *   ℓ    bits of a secret multiplier (x, k, γ)          ℓ' bits of the additive mask (β)
 *   ε    slack that hides a secret in a response        m  repetitions of Π^mod and Π^prm
 *   N    Paillier modulus                               N̂  ring-Pedersen modulus
 *
 * The inequalities are asserted when this module loads. `insecure-test` is for tests alone: its moduli can be
 * factored, and every production entry point refuses it (`requireProduction`).
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { UsageError } from './errors.ts'

export interface SecurityLevel {
  readonly name: 'cggmp24-3072' | 'insecure-test'
  readonly production: boolean
  /** Exact bit length of N and N̂; each prime has half of it. */
  readonly modulusBits: number
  readonly ell: number
  readonly ellPrime: number
  readonly epsilon: number
  readonly repetitions: number
  /** SHA-256 of all sizes; part of every session id and of every challenge. */
  readonly digest: Uint8Array
}

/** κ: bits of the curve's order. */
const KAPPA = 256

/** Throws UsageError when an inequality does not hold. */
export function level(
  name: SecurityLevel['name'],
  production: boolean,
  sizes: readonly [number, number, number, number, number],
): SecurityLevel {
  const [modulusBits, ell, ellPrime, epsilon, repetitions] = sizes
  const need = (ok: boolean, what: string): void => {
    if (!ok) throw new UsageError(`security level ${name}: ${what} does not hold`)
  }
  need(modulusBits % 16 === 0, 'modulus bits are a multiple of 16')
  need(ell >= KAPPA, 'ℓ ≥ κ')
  need(epsilon >= ell + KAPPA, 'ε ≥ ℓ + κ')
  need(ellPrime >= 3 * ell + epsilon, "ℓ' ≥ 3ℓ + ε")
  // Π^dec opens masks of ℓ' + ε + 6 bits with responses ε bits wider: they must not wrap around N (PAPER.md, "dec range")
  need(!production || modulusBits >= ellPrime + 2 * epsilon + 9, "log N ≥ ℓ' + 2ε + 9")
  // 21 bits more for Π^dec with its widened range (PAPER.md, "dec range")
  need(modulusBits >= ellPrime + epsilon + 21, "log N ≥ ℓ' + ε + 21")
  // Π^fac shows that no factor is below 2^ℓ only when this holds; the test level gives it up for speed
  need(!production || modulusBits / 2 >= 2 * ell + epsilon, '½ log N ≥ 2ℓ + ε')
  const text = `wallet-mpc level ${name} ${sizes.join(' ')}`
  return {
    name,
    production,
    modulusBits,
    ell,
    ellPrime,
    epsilon,
    repetitions,
    digest: sha256(new TextEncoder().encode(text)),
  }
}

export const CGGMP24_3072 = level('cggmp24-3072', true, [3072, 256, 1280, 512, 128])

/** The ranges are the real ones, since they follow from the curve; only the modulus and the repetitions are small. */
export const INSECURE_TEST = level('insecure-test', false, [1824, 256, 1280, 512, 16])

export const LEVELS: readonly SecurityLevel[] = [CGGMP24_3072, INSECURE_TEST]

export function levelByName(name: string): SecurityLevel | undefined {
  return LEVELS.find((l) => l.name === name)
}

/** Every production entry point calls this. Throws UsageError for a level made for tests. */
export function requireProduction(l: SecurityLevel): void {
  if (!l.production) throw new UsageError(`security level ${l.name} is for tests only`)
}
