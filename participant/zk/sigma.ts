/**
 * Fiat–Shamir, once for all proofs. CGGMP24, appendix on Σ-protocols.
 *
 * A proof file gives a `Sigma`: commit, respond, check, and the codecs of its statement, commitment and response.
 * `nonInteractive` turns it into prove and verify; compact.ts does the same for proofs that send the challenge in the
 * place of what can be recomputed. The challenge hashes the proof's name, the binding (session, epoch, security level,
 * prover, verifier, slot), the whole statement and every value of the first message, each through its codec; a proof
 * can't leave one of them out.
 *
 * Legend for this folder:  e challenge · z, w, v, u, λ responses · α, β, γ, δ, r, μ, ν, x, y masks of the prover ·
 * capital letters are group elements · hats belong to ring-Pedersen · N₀ the verifier's Paillier modulus in Π^aff-g ·
 * N₁ the prover's.
 */
import type { SecurityLevel } from '../base/level.ts'
import type { Random } from '../base/random.ts'
import { type Codec, encode, struct, type Writer } from '../wire/codec.ts'
import { type Stream, Transcript } from '../wire/transcript.ts'

/** Who proves what to whom, where. Part of every challenge. */
export interface Binding {
  /** 32 bytes; see party/session.ts. */
  readonly session: Uint8Array
  readonly epoch: number
  readonly level: SecurityLevel
  readonly prover: string
  /** The verifier for whom the proof was made; '' when it is for everybody. */
  readonly verifier: string
  /** Which proof of this kind in the session, e.g. `psi` or `psi-hat`. */
  readonly slot: string
}

/** Statements are hashed, never decoded: they are rebuilt by whoever checks. */
export interface Encoder<T> {
  write(w: Writer, value: T): void
}

/** S statement, W witness, C commitment, K what the prover keeps, E challenge, R response, Ch names of checks. */
export interface Sigma<S, W, C, K, E, R, Ch extends string> {
  readonly name: string
  statement(level: SecurityLevel): Encoder<S>
  commitment(level: SecurityLevel): Codec<C>
  response(level: SecurityLevel): Codec<R>
  challenge(level: SecurityLevel, x: S, stream: Stream): E
  commit(level: SecurityLevel, x: S, w: W, random: Random): { readonly commitment: C; readonly kept: K }
  respond(level: SecurityLevel, x: S, w: W, kept: K, e: E): R
  /** The first check that fails. Total: hostile values give a name, never an exception. Cheap checks come first. */
  check(level: SecurityLevel, x: S, commitment: C, e: E, response: R): Ch | undefined
}

export interface Proof<C, R> {
  readonly commitment: C
  readonly response: R
}

/** What makes and checks proofs of one kind, P, whatever they are made of. */
export interface Provable<S, W, P, Ch extends string> {
  readonly name: string
  codec(level: SecurityLevel): Codec<P>
  prove(b: Binding, x: S, w: W, random: Random): P
  /** The name of the first check that fails, or undefined when the proof holds. */
  verify(b: Binding, x: S, proof: P): Ch | undefined
}

export interface NonInteractive<S, W, C, K, E, R, Ch extends string> extends Provable<S, W, Proof<C, R>, Ch> {
  readonly sigma: Sigma<S, W, C, K, E, R, Ch>
  challenge(b: Binding, x: S, commitment: C): E
  /** For a commitment that was made (and committed to) in an earlier round. `kept` is used once. */
  finish(b: Binding, x: S, w: W, made: { readonly commitment: C; readonly kept: K }): Proof<C, R>
}

/** What a proof's name, statement and first message are for the challenge. */
export interface Hashed<S, C> {
  readonly name: string
  statement(level: SecurityLevel): Encoder<S>
  commitment(level: SecurityLevel): Encoder<C>
}

/** The one transcript from which every challenge is taken. */
export function challengeStream<S, C>(of: Hashed<S, C>, b: Binding, x: S, commitment: C): Stream {
  return new Transcript(`zk ${of.name}`)
    .bytes('level', b.level.digest)
    .bytes('session', b.session)
    .text('epoch', String(b.epoch))
    .text('prover', b.prover)
    .text('verifier', b.verifier)
    .text('slot', b.slot)
    .bytes('statement', encode(of.statement(b.level) as Codec<S>, x))
    .bytes('commitment', encode(of.commitment(b.level) as Codec<C>, commitment))
    .stream()
}

export function nonInteractive<S, W, C, K, E, R, Ch extends string>(
  sigma: Sigma<S, W, C, K, E, R, Ch>,
): NonInteractive<S, W, C, K, E, R, Ch> {
  const challenge = (b: Binding, x: S, commitment: C): E =>
    sigma.challenge(b.level, x, challengeStream(sigma, b, x, commitment))
  const finish = (b: Binding, x: S, w: W, made: { readonly commitment: C; readonly kept: K }): Proof<C, R> => {
    const e = challenge(b, x, made.commitment)
    return { commitment: made.commitment, response: sigma.respond(b.level, x, w, made.kept, e) }
  }
  return {
    name: sigma.name,
    sigma,
    codec: (level) => struct({ commitment: sigma.commitment(level), response: sigma.response(level) }),
    challenge,
    prove: (b, x, w, random) => finish(b, x, w, sigma.commit(b.level, x, w, random)),
    finish,
    verify: (b, x, proof) =>
      sigma.check(b.level, x, proof.commitment, challenge(b, x, proof.commitment), proof.response),
  }
}

/** A challenge in ±q/2: 0 ≤ e' < q from the stream, taken as signed. */
export function signedChallenge(stream: Stream, q: bigint): bigint {
  const e = stream.below(q)
  return e > q / 2n ? e - q : e
}

/** −2^bits ≤ z ≤ 2^bits. */
export function inRange(z: bigint, bits: number): boolean {
  const bound = 1n << BigInt(bits)
  return z >= -bound && z <= bound
}
