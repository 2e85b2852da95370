/** Evidence files: what is read is written again as the same JSON. Whether it convicts is another question. */
import assert from 'node:assert/strict'
import { utf8ToBytes } from '../../participant/base/bytes.ts'
import { DecodeError } from '../../participant/base/errors.ts'
import { INSECURE_TEST } from '../../participant/base/level.ts'
import { dealTestShares } from '../../participant/key-share/testing.ts'
import { formatEvidence, parseEvidence } from '../../participant/signer/evidence-file.ts'
import { diceRandom } from './dice.ts'
import { changeJson } from './key-share.fuzz.ts'
import { refusedBy, type Target } from './target.ts'

function evidence(): string {
  const random = diceRandom('evidence')
  const parties = ['alice', 'bob']
  const dealt = dealTestShares({ parties, threshold: 2, accounts: ['main'], level: INSECURE_TEST, random })
  const share = dealt.get('alice')?.get('main')
  assert.ok(share !== undefined)
  const { roster, level, core, aux } = share
  return formatEvidence({
    fault: {
      culprit: 'bob',
      protocol: 'presign',
      round: '3',
      code: 'PROOF_EQ',
      check: 'psi-prime-prime: eq challenge',
      evidence: [random.bytes(40), random.bytes(41)],
      record: [random.bytes(5)],
    },
    context: {
      purpose: 'sign',
      level,
      threshold: 2,
      account: 'main',
      epoch: 0,
      roster,
      signers: parties,
      nonces: new Map(parties.map((id) => [id, random.bytes(32)])),
      feldman: core.feldman,
      digest: random.bytes(32),
      aux: aux.peers,
    },
  })
}

export const targets: readonly Target[] = [
  {
    name: 'evidence',
    text: true,
    seeds: () => [utf8ToBytes(evidence())],
    change: changeJson,
    attempt(raw) {
      const text = new TextDecoder().decode(raw)
      const result = refusedBy(DecodeError, () => parseEvidence(text))
      if (result === undefined) return 'refused'
      assert.deepEqual(JSON.parse(formatEvidence(result.value)), JSON.parse(text), 'is written as something else')
      return 'same'
    },
  },
]
