/**
 * What a dishonest party does in more than one table of attacks: proofs that are made in another way than the protocol
 * makes them, and messages that are kept and said again.
 */
import assert from 'node:assert/strict'
import type { Random } from '../../participant/base/random.ts'
import { secret } from '../../participant/base/secret.ts'
import type { PartyId } from '../../participant/party/roster.ts'
import type { Round } from '../../participant/party/rounds.ts'
import type { AuxInfo } from '../../participant/protocols/material.ts'
import { altered, type Cheat } from '../../participant/protocols/testing.ts'
import type { Binding, NonInteractive, Proof } from '../../participant/zk/sigma.ts'

/** What the protocol asks to have proven. */
export interface Asked<S, W> {
  readonly b: Binding
  readonly x: S
  readonly w: W
  readonly random: Random
}

/** Makes the proof of this slot in a way of its own. */
export function provingSlot<S, W, C, K, E, R, Ch extends string>(
  proof: NonInteractive<S, W, C, K, E, R, Ch>,
  slot: string,
  forge: (asked: Asked<S, W>) => Proof<C, R>,
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

/** A false statement, and how a first message is made to fit once the challenge is known. */
export interface Afterwards<S, W, C, E, R> {
  readonly claims: (asked: Asked<S, W>) => { readonly x: S; readonly w: W }
  readonly picks: (x: S, made: Proof<C, R>, e: E) => Proof<C, R>
}

/**
 * Picks a value of the first message after the challenge, which was taken from the others and from another one in its
 * place. Every equation holds with that challenge: a proof whose challenge left the value out would be taken.
 */
export function afterwards<S, W, C, K, E, R, Ch extends string>(
  proof: NonInteractive<S, W, C, K, E, R, Ch>,
  slot: string,
  { claims, picks }: Afterwards<S, W, C, E, R>,
): Cheat {
  return provingSlot(proof, slot, (asked) => {
    const { b, random } = asked
    const { x, w } = claims(asked)
    const { commitment, kept } = proof.sigma.commit(b.level, x, w, random)
    const e = proof.challenge(b, x, commitment)
    const picked = picks(x, { commitment, response: proof.sigma.respond(b.level, x, w, kept, e) }, e)
    const failed = proof.sigma.check(b.level, x, picked.commitment, e, picked.response)
    assert.equal(failed, undefined, 'the equations hold with the challenge that it was made for')
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
