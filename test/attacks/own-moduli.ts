/** A party that brings its own moduli and bases into the auxiliary information, and the best proofs it has for them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FaultCode } from '../../participant/base/errors.ts'
import type { PartyId } from '../../participant/party/roster.ts'
import type { AuxInfo } from '../../participant/protocols/material.ts'
import { type Cheat, type Fixture, honest, runAux } from '../../participant/protocols/testing.ts'
import { expectNamed } from './harness.ts'

export type Own = Pick<AuxInfo, 'paillier' | 'pedersen'>

export interface Bringing {
  /** The numbers of the attacks, then what the cheater brings. */
  readonly what: string
  /** From what it would honestly have, and the first party's. */
  readonly own: (own: Own, peer: Own) => Own
  readonly cheat?: Cheat
  readonly code: FaultCode
  readonly check: RegExp
}

/** The codes of what is found by looking at the numbers alone. */
const LOOKED_AT: ReadonlySet<FaultCode> = new Set(['AUX_SIZE', 'AUX_RP_BASE', 'AUX_DUP', 'DECODE'])

/** A test for each row, in which the last party cheats. No proof is verified for what can be seen without it. */
export function bringing(f: Fixture, rows: readonly Bringing[]): void {
  const of = (id: PartyId): Own => f.shares.get(id)?.aux ?? assert.fail(`${id} has no moduli`)
  const cheater = f.parties.at(-1) as PartyId
  for (const { what, own, cheat, code, check } of rows) {
    test(`${what}: ${code}`, async () => {
      const proofs = counted()
      const results = await runAux(f, { cheats: { p0: proofs.cheat, [cheater]: cheat ?? honest } }, (id) =>
        id === cheater ? own(of(id), of('p0')) : of(id),
      )
      expectNamed(f, results, cheater, code, check)
      if (LOOKED_AT.has(code)) assert.equal(proofs.count(), 0, 'a proof was verified')
    })
  }
}

/** An honest party whose verified proofs are counted. */
function counted(): { readonly cheat: Cheat; count(): number } {
  let verified = 0
  return {
    cheat: (party) => ({
      ...party,
      work: {
        ...party.work,
        verify(proof, b, x, given) {
          verified++
          return party.work.verify(proof, b, x, given)
        },
      },
    }),
    count: () => verified,
  }
}

export const withN = (N: (own: Own, peer: Own) => bigint): Bringing['own'] => {
  return (own, peer) => ({ ...own, paillier: { ...own.paillier, N: N(own, peer) } })
}

export const withPedersen = (change: (p: AuxInfo['pedersen']) => Partial<AuxInfo['pedersen']>): Bringing['own'] => {
  return (own) => ({ ...own, pedersen: { ...own.pedersen, ...change(own.pedersen) } })
}
