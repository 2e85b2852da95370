import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { runIn, testHost } from '../config/testing.ts'
import { DecodeError, type Fault, ProtocolAbort } from '../participant/base/errors.ts'
import { CGGMP24_3072, INSECURE_TEST, type SecurityLevel } from '../participant/base/level.ts'
import { systemRandom } from '../participant/base/random.ts'
import type { KeyShare } from '../participant/key-share/key-share.ts'
import { modQ } from '../participant/math/curve.ts'
import { runAll } from '../participant/party/testing.ts'
import { convicts } from '../participant/protocols/evidence.ts'
import { presign } from '../participant/protocols/presign/protocol.ts'
import { type SessionContext, sessionOf } from '../participant/protocols/session-context.ts'
import { one, sign, signRounds } from '../participant/protocols/sign/protocol.ts'
import { altered, fixture, honest } from '../participant/protocols/testing.ts'
import { type Evidence, formatEvidence, parseEvidence } from '../participant/signer/evidence-file.ts'
import { runWalletMpc } from './program.ts'

/** What p0 keeps when p1 sends another partial signature. */
async function guilty(level: SecurityLevel): Promise<Evidence> {
  const f = fixture(2, 2, level)
  const share = f.shares.get('p0') as KeyShare
  const context: SessionContext = {
    purpose: 'sign',
    level,
    roster: f.roster,
    threshold: 2,
    account: 'a',
    epoch: 0,
    signers: f.parties,
    nonces: new Map(f.parties.map((id) => [id, systemRandom.bytes(32)])),
    feldman: share.core.feldman,
    aux: new Map([...share.aux.peers, ['p0', share.aux]]),
    digest: systemRandom.bytes(32),
  }
  const cheat = altered(one, (m) => ({ sigma: modQ(m.sigma + 1n) }))
  const { identities, roster, parties: signers } = f
  const common = { identities, roster, level, protocols: [f.presign, signRounds], session: sessionOf(context) }
  const results = await runAll({ ...common, deadlineMs: 120_000 }, async (party, id) => {
    const { core, aux } = f.shares.get(id) as KeyShare
    const presignature = await presign({ core, aux, signers, rounds: f.presign }, party('presign'))
    const mine = (id === 'p1' ? cheat : honest)(party('sign'))
    return sign({ presignature, digest: context.digest as Uint8Array }, mine)
  })
  const result = results.get('p0')
  assert.ok(result?.status === 'rejected' && result.reason instanceof ProtocolAbort, String(result))
  return { fault: result.reason.faults[0] as Fault, context }
}

let folder: string
let full: Evidence
let small: Evidence
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wallet-mpc-evidence-'))
  full = await guilty(CGGMP24_3072)
  small = await guilty(INSECURE_TEST)
})
after(() => rm(folder, { recursive: true, force: true }))

async function verify(text: string, ...flags: readonly string[]) {
  const file = join(folder, 'evidence.json')
  await writeFile(file, text)
  return runIn(testHost(['evidence', 'verify', file, ...flags]), runWalletMpc)
}

test('a file says the same as what it was made of', async () => {
  const read = parseEvidence(formatEvidence(small))
  assert.equal(formatEvidence(read), formatEvidence(small))
  assert.equal(await convicts(read.fault, read.context), true)
})

test('evidence verify says who did what, and the roster to compare', async () => {
  const { exitCode: code, stdout, stderr } = await verify(formatEvidence(full))
  assert.deepEqual([code, stderr], [0, ''])
  assert.match(stdout, /p1 broke sign, round 1: eq sigma Gamma \(PARTIAL_SIG\)/)
  assert.match(stdout, /fingerprint +([0-9a-f]{4}-){4}[0-9a-f]{4}/)
  const json = JSON.parse((await verify(formatEvidence(full), '--json')).stdout)
  assert.deepEqual([json.proven, json.culprit, json.code, json.account], [true, 'p1', 'PARTIAL_SIG', 'a'])
})

test('evidence that proves nothing exits with 5 and names nobody as guilty', async () => {
  const {
    exitCode: code,
    stdout,
    stderr,
  } = await verify(formatEvidence({ ...full, fault: { ...full.fault, code: 'CHI' } }))
  assert.deepEqual([code, stdout], [5, ''])
  assert.match(stderr, /nothing is proven against p1/)
})

test('a file of a test level, a malformed one and a missing one get one line and exit code 2', async () => {
  const text = formatEvidence(full)
  const bad: readonly (readonly [string, RegExp])[] = [
    [formatEvidence(small), /insecure-test is for tests only/],
    ['', /evidence: expected JSON/],
    ['{}', /evidence: version: /],
    [text.replace('"version": 1', '"version": 2'), /evidence: version: /],
    [text.replace('"purpose"', '"porpoise"'), /evidence: context/],
    [text.replace(/"level": "[^"]*"/, '"level": "none"'), /context.level: expected a known security level/],
    [text.replace(/"index": 1/, '"index": 3'), /roster: expected index 1/],
    [text.replace(/"verify_key": "../, '"verify_key": "zz'), /verify_key/],
  ]
  for (const [content, line] of bad) {
    const { exitCode: code, stderr } = await verify(content)
    assert.equal(code, 2, stderr)
    assert.match(stderr, line)
    assert.equal(stderr.trim().split('\n').length, 1)
  }
  const missing = await runIn(testHost(['evidence', 'verify', join(folder, 'nothing.json')]), runWalletMpc)
  assert.equal(missing.exitCode, 2)
  assert.throws(() => parseEvidence('[]'), DecodeError)
  assert.equal((await readFile(join(folder, 'evidence.json'), 'utf8')).length > 0, true)
})
