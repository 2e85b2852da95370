/**
 * Attacks with evaluation points: a share at 0 is the key itself, and two parties at points that are the same modulo q
 * hold one share. Points that are 0 or equal modulo q are refused wherever a roster comes from.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DecodeError, UsageError } from '../../participant/base/errors.ts'
import { INSECURE_TEST as level } from '../../participant/base/level.ts'
import { systemRandom } from '../../participant/base/random.ts'
import { dealCore } from '../../participant/key-share/deal.ts'
import { parseKeyShares } from '../../participant/key-share/format.ts'
import { Q } from '../../participant/math/curve.ts'
import { lagrange } from '../../participant/math/polynomial.ts'
import { checkRoster, makeRoster, type Roster, rosterCodec } from '../../participant/party/roster.ts'
import { allValues } from '../../participant/party/testing.ts'
import { fixture, runKeygen } from '../../participant/protocols/testing.ts'
import { parseEvidence } from '../../participant/signer/evidence-file.ts'
import { encode } from '../../participant/wire/codec.ts'
import { evidenceText, keyShareText } from './documents.ts'

const two = fixture(2, 2)

/** The second member at another point, as digits; the first is at 1. */
const POINTS: readonly (readonly [what: string, digits: string])[] = [
  ['#22 0', '0'],
  ['#22 q', `${Q}`],
  ['#22 2q', `${2n * Q}`],
  ['#22 −q', `-${Q}`],
  ['#23 the same point twice', '1'],
  ['#23 1 + q', `${1n + Q}`],
  ['#23 1 − q', `${1n - Q}`],
  ['half a point', '1.5'],
  ['a gap', '3'],
  ['more than a u16', `${2n + 65536n}`],
]

const at = (digits: string): Roster => {
  const { members } = two.roster
  return { members: members.map((m, i) => (i === 1 ? { ...m, index: Number(digits) } : m)) }
}

const keyShareFile = keyShareText(two)
const evidence = await evidenceText(two)

/** The text of a file with other digits for the index of the second member. */
function edited(file: string, digits: string): string {
  const changed = file.replace(/("index": ?)2\b/g, `$1${digits}`)
  assert.notEqual(changed, file, 'there is no index 2 in the file')
  return changed
}

describe('evaluation points', () => {
  for (const [what, digits] of POINTS) {
    test(`${what} in a roster`, () => {
      assert.throws(() => checkRoster(at(digits)), UsageError)
      if (Number(digits) < 0 || Number(digits) > 65535) assert.throws(() => encode(rosterCodec, at(digits)), RangeError)
    })
    test(`${what} in a key share file`, () => {
      const levels = [level]
      assert.throws(() => parseKeyShares(edited(keyShareFile, digits), { levels }), DecodeError)
      assert.throws(() => parseKeyShares(edited(keyShareFile, `"${digits}"`), { levels }), DecodeError)
    })
    test(`${what} in an evidence file`, () => {
      assert.throws(() => parseEvidence(edited(evidence, digits)), DecodeError)
      assert.throws(() => parseEvidence(edited(evidence, `"${digits}"`)), DecodeError)
    })
    test(`${what} for the dealer`, () => {
      assert.throws(() => dealCore(at(digits), 2, systemRandom), UsageError)
    })
    test(`${what} in key generation`, async () => {
      await assert.rejects(async () => allValues(await runKeygen({ ...two, roster: at(digits) })), UsageError)
    })
  }

  test('#22 #23 unedited, both files are read', () => {
    assert.equal(parseKeyShares(keyShareFile, { levels: [level] }).size, 1)
    assert.equal(parseEvidence(evidence).context.roster.members.length, 2)
  })

  test('#22 #23 interpolation takes points modulo q', () => {
    for (const xs of [
      [0n, 1n],
      [Q, 1n],
      [2n * Q, 1n],
      [1n, 1n],
      [1n, 1n + Q],
      [1n, 1n - Q],
    ]) {
      assert.throws(() => lagrange(xs, 0), UsageError, `${xs}`)
    }
    assert.equal(lagrange([1n, 2n], 0), 2n)
  })

  test('#22 #23 nobody brings its own point: a roster is numbered by whoever makes it', () => {
    const brought = two.roster.members.map((m) => ({ ...m, index: 0 }))
    assert.deepEqual(
      makeRoster(brought).members.map((m) => m.index),
      [1, 2],
    )
  })
})
