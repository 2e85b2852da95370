/** The canary, continued: every message made wrong in every way, silence in every round, and the alarm of three signers. */
import { test } from 'node:test'
import { modQ } from '../participant/math/curve.ts'
import { altered, runPresign, undecodable } from '../participant/protocols/testing.ts'
import { nudging, silent } from './secrecy-cheats.ts'
import { failing, table, three } from './secrecy-scene.ts'

for (const [name, f, rounds, run] of table) {
  for (const round of rounds) {
    test(`${name} ${round.name}: bytes that don't decode`, () => failing(f, run, undecodable(round)))
    test(`${name} ${round.name}: a wrong first value`, () => failing(f, run, nudging(round, 'first')))
    test(`${name} ${round.name}: silence until the deadline`, () =>
      failing(f, run, silent(round), { deadlineMs: 1_500 }))
  }
}

for (const what of ['delta', 'S'] as const) {
  test(`presigning with three: a wrong ${what}, and the alarm`, () => {
    const wrong = altered(three.presign.three, (m) =>
      what === 'delta' ? { ...m, delta: modQ(m.delta + 1n) } : { ...m, S: m.S.double() },
    )
    return failing(three, (o) => runPresign(three, o), wrong)
  })
}
