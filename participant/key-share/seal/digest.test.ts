/** The digest of a key share: every public part changes it, the secrets themselves are not in it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { INSECURE_TEST } from '../../base/level.ts'
import { secret } from '../../base/secret.ts'
import { paillierKey } from '../../paillier/paillier-key.ts'
import type { KeyShare } from '../key-share.ts'
import { dealTestShares } from '../testing.ts'
import { shareDigest } from './digest.ts'

const deal = () =>
  dealTestShares({ parties: ['a', 'b', 'c'], threshold: 2, accounts: ['main'], level: INSECURE_TEST })
    .get('a')
    ?.get('main') ?? assert.fail('no share')
const share = deal()
const other = deal()

test('each public part changes it', () => {
  const { core, aux } = share
  const [peer, known] = [...aux.peers][0] ?? assert.fail('no peer')
  const peers = new Map([...aux.peers, [peer, { ...known, paillier: paillierKey(known.paillier.N + 2n) }]])
  const changed: Readonly<Record<string, KeyShare>> = {
    account: { ...share, account: 'other' },
    epoch: { ...share, epoch: 1 },
    threshold: { ...share, core: { ...core, threshold: 3 } },
    'public key': { ...share, core: { ...core, publicKey: other.core.publicKey } },
    'chain code': { ...share, core: { ...core, chainCode: other.core.chainCode } },
    'Feldman points': { ...share, core: { ...core, feldman: other.core.feldman } },
    'public shares': { ...share, core: { ...core, publicShares: other.core.publicShares } },
    roster: { ...share, roster: other.roster },
    'own name': { ...share, identity: { ...share.identity, id: 'b' } },
    'own bases': { ...share, aux: { ...aux, pedersen: { ...aux.pedersen, t: aux.pedersen.t + 1n } } },
    "a peer's modulus": { ...share, aux: { ...aux, peers } },
  }
  const digests = Object.entries(changed).map(([what, each]) => {
    assert.notEqual(shareDigest(each), shareDigest(share), what)
    return shareDigest(each)
  })
  assert.equal(new Set(digests).size, digests.length)
})

test('it is the same for the same share, in whatever order its peers stand, and says nothing of x', () => {
  const peers = new Map([...share.aux.peers].reverse())
  const x = secret(share.core.x.expose() + 1n)
  const same = { ...share, aux: { ...share.aux, peers }, core: { ...share.core, x } }
  assert.equal(shareDigest(same), shareDigest(share))
  assert.match(shareDigest(share), /^[0-9a-f]{64}$/)
})
