/**
 * What the commitments of key generation and of the auxiliary information are bound to, and that the last proofs of both
 * are for the randomness that everybody contributed to, revealed after all had committed (CGGMP24, Fig. 6 and 7).
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesToHex } from '../../participant/base/bytes.ts'
import { INSECURE_TEST } from '../../participant/base/level.ts'
import { systemRandom } from '../../participant/base/random.ts'
import { G } from '../../participant/math/curve.ts'
import type { PartyId } from '../../participant/party/roster.ts'
import type { BroadcastRound } from '../../participant/party/rounds.ts'
import { allValues } from '../../participant/party/testing.ts'
import * as aux from '../../participant/protocols/aux-info/rounds.ts'
import * as keygen from '../../participant/protocols/keygen/rounds.ts'
import { type Cheat, fixture, runAux, runKeygen } from '../../participant/protocols/testing.ts'

const [session, other, rid, c, u] = [0, 0, 0, 0, 0].map(() => systemRandom.bytes(32)) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
  Uint8Array,
]

test('a commitment of key generation fits no other session and no other party', () => {
  const opening: keygen.Opening = { rid, F: [G, G.double()], A: G, c, u }
  const V = keygen.commitTo(session, 'a', opening)
  assert.deepEqual(keygen.commitTo(session, 'a', opening), V)
  assert.notDeepEqual(keygen.commitTo(other, 'a', opening), V)
  assert.notDeepEqual(keygen.commitTo(session, 'b', opening), V)
})

test('a commitment of the auxiliary information fits no other session and no other party', () => {
  const psiHat = { commitment: { A: [] }, response: { z: [] } }
  const opening: aux.Opening = { N: 15n, NHat: 21n, s: 4n, t: 2n, psiHat, rho: rid, u }
  const V = aux.commitTo(INSECURE_TEST, session, 'a', opening)
  assert.deepEqual(aux.commitTo(INSECURE_TEST, session, 'a', opening), V)
  assert.notDeepEqual(aux.commitTo(INSECURE_TEST, other, 'a', opening), V)
  assert.notDeepEqual(aux.commitTo(INSECURE_TEST, session, 'b', opening), V)
})

/** Notes what the parties opened in round 2 as their randomness, and the slots that they asked bindings for. */
function observer(field: 'rid' | 'rho') {
  const opened: Uint8Array[] = []
  const slots = new Set<string>()
  const watch: Cheat = (party) => ({
    ...party,
    broadcast<M>(round: BroadcastRound<M>, m: M) {
      if (round.name === '2') opened.push((m as unknown as Record<string, Uint8Array>)[field] as Uint8Array)
      return party.broadcast(round, m)
    },
    binding(prover, verifier, slot) {
      slots.add(slot)
      return party.binding(prover, verifier, slot)
    },
  })
  const expected = (): string => bytesToHex(opened.reduce((a, b) => a.map((v, i) => v ^ (b[i] as number))))
  return { watch, slots, expected }
}

const two = fixture(2, 2)
const all = (cheat: Cheat): Record<PartyId, Cheat> => Object.fromEntries(two.parties.map((id) => [id, cheat]))

test('the proof of the final share is for the randomness of all', async () => {
  const { watch, slots, expected } = observer('rid')
  allValues(await runKeygen(two, { cheats: all(watch) }))
  assert.deepEqual([...slots], [`psi ${expected()}`])
})

test('the proofs about the modulus are for the randomness of all', async () => {
  const { watch, slots, expected } = observer('rho')
  allValues(await runAux(two, { cheats: all(watch) }))
  assert.deepEqual([...slots].sort(), [`phi ${expected()}`, `psi ${expected()}`, 'psi-hat'].sort())
})
