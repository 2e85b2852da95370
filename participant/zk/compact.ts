/**
 * Proofs that send the challenge in the place of first-message values. CGGMP24, appendix on Σ-protocols; the idea is
 * Schnorr's.
 *
 * A value of the first message on one side of an equation, with statement, challenge and response on the other, need not
 * travel: the verifier computes it, hashes the whole first message, and sees whether that gives the challenge that it
 * was sent. This holds exactly when the equation holds with the value that the prover hashed, so nothing is lost (PAPER.md,
 * "Compact proofs"). What travels is what no equation gives, and what an equation is kept about.
 *
 * The challenge e is in [0, q), and responses are z = α − e·x, so that the value is A = z·G + e·X: no inverses.
 */
import type { SecurityLevel } from '../base/level.ts'
import type { Random } from '../base/random.ts'
import { Q } from '../math/curve.ts'
import { type Codec, scalar, struct } from '../wire/codec.ts'
import { type Binding, challengeStream, type Hashed, type Provable } from './sigma.ts'

/** The check of every compact proof: the first message that fits has another challenge. */
export type ChallengeCheck = 'eq challenge'

/** Letters as in `Sigma`; T is what travels of the commitment C. */
export interface CompactSigma<S, W, C extends T, T, K, R, Ch extends string> extends Hashed<S, C> {
  /** Like a statement, the first message is hashed and never decoded: this encodes whatever was computed. */
  commitment: Hashed<S, C>['commitment']
  sent(level: SecurityLevel): Codec<T>
  response(level: SecurityLevel): Codec<R>
  commit(level: SecurityLevel, x: S, w: W, random: Random): { readonly commitment: C; readonly kept: K }
  /** z = α − e·x. */
  respond(level: SecurityLevel, x: S, w: W, kept: K, e: bigint): R
  /** The part of a commitment that travels, and no more. */
  part(commitment: C): T
  /** Ranges and membership. Total; comes before any arithmetic with what was sent. */
  admit(level: SecurityLevel, x: S, sent: T, response: R): Ch | undefined
  /** The whole first message that fits. Total for what `admit` lets pass. */
  complete(level: SecurityLevel, x: S, sent: T, e: bigint, response: R): C
  /** The equations about what travels. Total for what `admit` lets pass. */
  check(level: SecurityLevel, x: S, sent: T, e: bigint, response: R): Ch | undefined
}

export interface CompactProof<T, R> {
  readonly commitment: T
  /** In [0, q). */
  readonly e: bigint
  readonly response: R
}

export interface Compact<S, W, C extends T, T, K, R, Ch extends string>
  extends Provable<S, W, CompactProof<T, R>, Ch | ChallengeCheck> {
  readonly sigma: CompactSigma<S, W, C, T, K, R, Ch>
  challenge(b: Binding, x: S, commitment: C): bigint
  /** All checks but those of the equations about what travels. */
  begin(b: Binding, x: S, proof: CompactProof<T, R>): Ch | ChallengeCheck | undefined
  finish(b: Binding, x: S, w: W, made: { readonly commitment: C; readonly kept: K }): CompactProof<T, R>
}

export function compact<S, W, C extends T, T, K, R, Ch extends string>(
  sigma: CompactSigma<S, W, C, T, K, R, Ch>,
): Compact<S, W, C, T, K, R, Ch> {
  const challenge = (b: Binding, x: S, commitment: C): bigint => challengeStream(sigma, b, x, commitment).below(Q)
  const finish = (b: Binding, x: S, w: W, made: { readonly commitment: C; readonly kept: K }): CompactProof<T, R> => {
    const e = challenge(b, x, made.commitment)
    return { commitment: sigma.part(made.commitment), e, response: sigma.respond(b.level, x, w, made.kept, e) }
  }
  const begin = (
    b: Binding,
    x: S,
    { commitment, e, response }: CompactProof<T, R>,
  ): Ch | ChallengeCheck | undefined => {
    const refused = sigma.admit(b.level, x, commitment, response)
    if (refused !== undefined) return refused
    if (challenge(b, x, sigma.complete(b.level, x, commitment, e, response)) !== e) return 'eq challenge'
    return undefined
  }
  return {
    name: sigma.name,
    sigma,
    codec: (level) => struct({ commitment: sigma.sent(level), e: scalar, response: sigma.response(level) }),
    challenge,
    prove: (b, x, w, random) => finish(b, x, w, sigma.commit(b.level, x, w, random)),
    finish,
    begin,
    verify: (b, x, proof) => begin(b, x, proof) ?? sigma.check(b.level, x, proof.commitment, proof.e, proof.response),
  }
}
