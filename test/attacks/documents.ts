/** Files as text, of which tests change one thing: a key share file, and evidence of a wrong opening in key generation. */
import assert from 'node:assert/strict'
import { ProtocolAbort } from '../../participant/base/errors.ts'
import { formatKeyShares } from '../../participant/key-share/format.ts'
import * as kg from '../../participant/protocols/keygen/rounds.ts'
import { altered, type Fixture, runKeygen, testContext } from '../../participant/protocols/testing.ts'
import { formatEvidence } from '../../participant/signer/evidence-file.ts'
import { flip } from './harness.ts'

/** p0's, with one account. */
export function keyShareText(f: Fixture): string {
  const share = f.shares.get('p0') ?? assert.fail('no share')
  return formatKeyShares(new Map([[share.account, share]]))
}

/** What p0 has against p1. */
export async function evidenceText(f: Fixture): Promise<string> {
  const cheats = { p1: altered(kg.two, (m) => ({ ...m, u: flip(m.u) })) }
  const p0 = (await runKeygen(f, { cheats })).get('p0')
  assert.ok(p0?.status === 'rejected' && p0.reason instanceof ProtocolAbort, 'p0 did not abort')
  const fault = p0.reason.faults[0] ?? assert.fail('nobody is named')
  return formatEvidence({ fault, context: testContext(f, 'keygen') })
}
