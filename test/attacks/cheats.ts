/**
 * What a dishonest party does in more than one table of attacks: proofs that are made in another way than the protocol
 * makes them, and messages that are kept and said again.
 */
import assert from 'node:assert/strict'
import { bytesToHex } from '../../participant/base/bytes.ts'
import type { Random } from '../../participant/base/random.ts'
import { secret } from '../../participant/base/secret.ts'
import type { PartyId } from '../../participant/party/roster.ts'
import type { Round } from '../../participant/party/rounds.ts'
import type { AuxInfo } from '../../participant/protocols/material.ts'
import { altered, type Cheat } from '../../participant/protocols/testing.ts'
import { type Codec, encode } from '../../participant/wire/codec.ts'
import type { Compact, CompactProof } from '../../participant/zk/compact.ts'
import type { Binding, Provable } from '../../participant/zk/sigma.ts'

/** What the protocol asks to have proven. */
export interface Asked<S, W> {
  readonly b: Binding
  readonly x: S
  readonly w: W
  readonly random: Random
}

/** Makes the proof of this slot in a way of its own. */
export function provingSlot<S, W, P, Ch extends string>(
  proof: Provable<S, W, P, Ch>,
  slot: string,
  forge: (asked: Asked<S, W>) => P,
): Cheat {
  return (party) => ({
    ...party,
    work: {
      ...party.work,
      async prove(given, b, x, w, random) {
        if ((given as unknown) !== proof || b.slot !== `${party.protocol} ${slot}`) {
          return party.work.prove(given, b, x, w, random)
        }
        const made = forge({ b, x: x as unknown as S, w: w as unknown as W, random })
        return made as unknown as Awaited<ReturnType<typeof given.prove>>
      },
    },
  })
}

/** Changes values of its own first message, and goes on as if it had made them. */
export function committing<S, W, C extends T, T, K, R, Ch extends string>(
  proof: Compact<S, W, C, T, K, R, Ch>,
  slot: string,
  change: (commitment: C, x: S) => Partial<C>,
): Cheat {
  return provingSlot(proof, slot, ({ b, x, w, random }) => {
    const { commitment, kept } = proof.sigma.commit(b.level, x, w, random)
    return proof.finish(b, x, w, { commitment: { ...commitment, ...change(commitment, x) }, kept })
  })
}

/** A false statement, and how the proof is made to fit once the challenge is known. */
export interface Afterwards<S, W, C, T, R> {
  /** The values of the first message that fit afterwards. */
  readonly values: readonly (keyof C & string)[]
  readonly claims: (asked: Asked<S, W>) => { readonly x: S; readonly w: W }
  readonly picks: (x: S, made: CompactProof<T, R>) => Pick<CompactProof<T, R>, 'commitment' | 'response'>
}

/**
 * Picks values of the first message after the challenge, which was taken from the others and from other ones in their
 * place. Every equation holds with that challenge: a proof whose challenge left these values out would be taken.
 */
export function afterwards<S, W, C extends T, T, K, R, Ch extends string>(
  proof: Compact<S, W, C, T, K, R, Ch>,
  slot: string,
  { values, claims, picks }: Afterwards<S, W, C, T, R>,
): Cheat {
  return provingSlot(proof, slot, (asked) => {
    const { b, random } = asked
    const { level } = b
    const { x, w } = claims(asked)
    const made = proof.sigma.commit(level, x, w, random)
    const honest = proof.finish(b, x, w, made)
    const picked = { ...honest, ...picks(x, honest) }
    const { commitment, e, response } = picked
    assert.equal(proof.sigma.admit(level, x, commitment, response), undefined, 'everything is in its group')
    assert.equal(proof.sigma.check(level, x, commitment, e, response), undefined, 'the equations hold')
    // the first message that fits is the one that was hashed, but for the values that were picked
    const first = proof.sigma.complete(level, x, commitment, e, response)
    const bytes = (c: C): string => bytesToHex(encode(proof.sigma.commitment(level) as Codec<C>, c))
    const names = Object.keys(first as object) as (keyof C & string)[]
    const hashed = bytes(made.commitment)
    const differ = names.filter((k) => bytes({ ...made.commitment, [k]: first[k] }) !== hashed)
    assert.deepEqual(differ.sort(), [...values].sort(), 'other values were picked')
    return picked
  })
}

/** Draws from this in place of the system's randomness. */
export function drawingFrom(random: Random): Cheat {
  return (party) => ({ ...party, random })
}

/** Keeps what it sends in this round, by recipient; '' for everybody. */
export function keeping<M>(round: Round<M>, kept: Map<PartyId | '', M>): Cheat {
  return altered(round, (m, to) => {
    kept.set(to, m)
    return m
  })
}

/**
 * For one of three presigners: takes what it decrypts for one more, in all of D for δ, in all of D̂ for χ. Its share of
 * the sum is wrong then, and it goes into the alarm as everybody does.
 */
export function misreading(aux: AuxInfo, sum: 'delta' | 'chi'): AuxInfo {
  let count = 0
  const { paillier } = aux
  const decrypt: typeof paillier.decrypt = (C) => {
    const isD = count++ % 2 === 0
    // two products from each of two peers; what it opens in the alarm comes after
    const isWrong = count <= 4 && isD === (sum === 'delta')
    return isWrong ? secret(paillier.decrypt(C).expose() + 1n) : paillier.decrypt(C)
  }
  return { ...aux, paillier: { ...paillier, decrypt } }
}
