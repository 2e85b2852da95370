/** Evidence: what convicts the guilty convicts again elsewhere, and what the innocent said does not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProtocolAbort } from '../../participant/base/errors.ts'
import { modQ } from '../../participant/math/curve.ts'
import { memoryRoom } from '../../participant/party/simulation.ts'
import { allValues } from '../../participant/party/testing.ts'
import * as kg from '../../participant/protocols/keygen/rounds.ts'
import type { OneProofs } from '../../participant/protocols/presign/rounds.ts'
import * as claim from '../../participant/protocols/presign/statements.ts'
import { altered, fixture, type Results, runKeygen, runPresign } from '../../participant/protocols/testing.ts'
import { decode } from '../../participant/wire/codec.ts'
import { decodePacket, type Envelope, envelopeCodec } from '../../participant/wire/envelope.ts'
import { encElg } from '../../participant/zk/enc-elg.ts'
import { flip, type Runner, said, saying } from './harness.ts'

const two = fixture(2, 2)
const { one, oneProofs } = two.presign

/** The evidence of the one fault that p0 found. */
function evidenceOf(results: Results<unknown>): readonly Envelope[] {
  const result = results.get('p0')
  assert.ok(result?.status === 'rejected' && result.reason instanceof ProtocolAbort, 'expected an abort')
  assert.equal(result.reason.faults.length, 1)
  return result.reason.faults[0]?.evidence.map((raw) => decode(envelopeCodec, raw)) ?? []
}

/** What p1 said in the clear, by round, in a run where all are honest. */
async function saidBy(run: Runner): Promise<ReadonlyMap<string, Envelope>> {
  const room = memoryRoom()
  allValues(await run(two, { cheats: {}, channelOf: () => room }))
  const packets = room.log.map(decodePacket)
  return new Map(
    packets.flatMap((p) => (p.kind === 'clear' && p.envelope.from === 'p1' ? [[p.envelope.round, p.envelope]] : [])),
  )
}

test('evidence of a wrong opening: commitment and opening, and the honest ones pass the same check', async () => {
  const judge = (commit: Envelope, opening: Envelope) => {
    const { V } = said(kg.one.codec, commit)
    return kg.checkOpening(commit.session, 2, commit.from, V, said(kg.two.codec, opening))
  }
  const evidence = evidenceOf(
    await runKeygen(two, { cheats: { p1: altered(kg.two, (m) => ({ ...m, rid: flip(m.rid) })) } }),
  )
  assert.deepEqual(
    evidence.map((e) => e.round),
    ['1', '2'],
  )
  assert.equal(judge(...(evidence as [Envelope, Envelope]))?.code, 'COMMIT_OPEN')
  const honest = await saidBy(runKeygen)
  assert.equal(judge(honest.get('1') as Envelope, honest.get('2') as Envelope), undefined)
})

test('evidence of a wrong sub-share: Feldman points and sub-share', async () => {
  const judge = (opening: Envelope, share: Envelope) =>
    kg.checkSubShare(1, said(kg.two.codec, opening).F, said(kg.twoShares.codec, share))
  for (const [wrong, code] of [
    [1n, 'VSS_SHARE'],
    [0n, undefined],
  ] as const) {
    const shares: kg.SubShare[] = []
    const cheat = altered(kg.twoShares, (m) => {
      shares.push(m)
      return { sigma: modQ(m.sigma + 1n) }
    })
    const [opening, share] = evidenceOf(await runKeygen(two, { cheats: { p1: cheat } })) as [Envelope, Envelope]
    assert.deepEqual([opening.round, share.round], ['2', '2 shares'])
    const sigma = modQ((shares[0]?.sigma ?? 0n) + wrong)
    assert.equal(judge(opening, saying(kg.twoShares.codec, share, { sigma }))?.code, code)
  }
})

test('evidence of a wrong ψ0: what it is about, and the proof', async () => {
  const [share, peer] = [two.shares.get('p0'), two.shares.get('p1')]
  assert.ok(share && peer, 'share && peer')
  const { core, aux } = share
  const publicAux = new Map([...aux.peers, ...peer.aux.peers])
  const ctx = claim.contextOf(two.roster, 2, core.publicKey, core.publicShares, two.parties, publicAux)
  /** Somebody who was not there, and has no secret. */
  const judge = (first: Envelope, proofs: Envelope) => {
    const statement = claim.psi0(ctx, 'p1', 'p0', said(one.codec, first))
    const binding = {
      session: first.session,
      epoch: 0,
      level: two.level,
      prover: 'p1',
      verifier: 'p0',
      slot: 'presign psi0',
    }
    return encElg.verify(binding, statement, said(oneProofs.codec, proofs).psi0)
  }
  let right: OneProofs | undefined
  const cheat = altered(oneProofs, (m) => {
    right = m
    return { ...m, psi0: m.psi1 }
  })
  const [first, proofs] = evidenceOf(await runPresign(two, { cheats: { p1: cheat } })) as [Envelope, Envelope]
  assert.deepEqual([first.round, proofs.round], ['1', '1 proofs'])
  assert.match(judge(first, proofs) ?? '', /^eq/)
  assert.equal(judge(first, saying(oneProofs.codec, proofs, right as OneProofs)), undefined)
})
