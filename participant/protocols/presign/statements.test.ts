/** Who may presign with whom. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InternalError, UsageError } from '../../base/errors.ts'
import { G, sum } from '../../math/curve.ts'
import { fixture } from '../testing.ts'
import { contextOf, of, requireSession } from './statements.ts'

const f = fixture(4, 2)
const { core, aux } = f.shares.get('p0') ?? assert.fail('no share')
const context = (signers: readonly string[], publicKey = core.publicKey) =>
  contextOf(f.roster, 2, publicKey, core.publicShares, signers, aux.peers)

test('for every set of signers in order, the weighted shares sum to the public key', () => {
  for (const signers of [
    ['p0', 'p1'],
    ['p0', 'p3'],
    ['p2', 'p3'],
  ]) {
    assert.ok(
      sum([...context(signers).W.values()]).equals(core.publicKey),
      'sum([...context(signers).W.values()]).equals(core.publicKey)',
    )
  }
})

for (const [what, signers] of [
  ['none', []],
  ['one', ['p0']],
  ['one more than the threshold', ['p0', 'p1', 'p2']],
  ['one twice', ['p0', 'p0']],
  ['one twice, besides others', ['p0', 'p1', 'p1']],
  ['another order', ['p1', 'p0']],
  ['a stranger', ['p0', 'p9']],
  ['a stranger, besides others', ['p0', 'p1', 'p9']],
] as const) {
  test(`refused as signers, before anything is computed: ${what}`, () => {
    const message = 'signers: expected 2 distinct members in roster order'
    assert.throws(() => context(signers), { name: UsageError.name, message })
  })
}

test('shares that do not fit the public key are our own mistake', () => {
  assert.throws(() => context(['p0', 'p1'], core.publicKey.add(G)), InternalError)
})

test('the signers are the parties of the session, in any order, nobody more and nobody less', () => {
  const party = { self: 'p1', peers: ['p0', 'p3'] }
  requireSession(party, ['p0', 'p1', 'p3'])
  for (const signers of [['p0', 'p1'], ['p0', 'p1', 'p2'], ['p0', 'p3'], ['p0', 'p1', 'p2', 'p3'], []]) {
    assert.throws(() => requireSession(party, signers), UsageError)
  }
})

test('a value that is missing is our own mistake', () => {
  assert.throws(() => of(new Map<string, number>(), 'p0'), InternalError)
})
