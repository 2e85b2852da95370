/** Proofs that a busy machine has not begun hold no session beyond its deadline. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TransportError } from '../base/errors.ts'
import { INSECURE_TEST } from '../base/level.ts'
import { systemRandom } from '../base/random.ts'
import { secret } from '../base/secret.ts'
import { G, mul, randomNonZeroScalar } from '../math/curve.ts'
import { sch } from '../zk/sch.ts'
import type { Binding } from '../zk/sigma.ts'
import { inProcess, type Work } from '../zk/work.ts'
import { type ConnectionOptions, openConnection } from './connection.ts'
import { createIdentity, makeRoster } from './roster.ts'
import { memoryRoom } from './simulation.ts'

const identities = ['alice', 'bob'].map((id) => createIdentity(id, systemRandom))
const roster = makeRoster(identities)
const binding: Binding = {
  session: new Uint8Array(32),
  epoch: 0,
  level: INSECURE_TEST,
  prover: 'alice',
  verifier: '',
  slot: 's',
}
const x = randomNonZeroScalar(systemRandom)
const statement = { X: mul(G, x) }
const proof = sch.prove(binding, statement, { x: secret(x) }, systemRandom)

/** A pool of threads that are all busy for ever. */
const busy: Work = {
  ...inProcess,
  prove: () => new Promise(() => {}),
  verify: () => new Promise(() => {}),
  verifyTwo: () => new Promise(() => {}),
  get background() {
    return busy
  },
}

function open(more: Partial<ConnectionOptions>) {
  const [alice] = identities
  assert.ok(alice)
  return openConnection({
    identity: alice,
    roster,
    signers: ['alice', 'bob'],
    session: systemRandom.bytes(32),
    epoch: 0,
    level: INSECURE_TEST,
    channel: memoryRoom(),
    protocols: [{ protocol: 'p', rounds: [] }],
    random: systemRandom,
    work: busy,
    deadlineMs: 50,
    ...more,
  })
}

const asks: Readonly<Record<string, (work: Work) => Promise<unknown>>> = {
  prove: (work) => work.prove(sch, binding, statement, { x: secret(x) }, systemRandom),
  verify: (work) => work.verify(sch, binding, statement, proof),
  verifyTwo: (work) => work.verifyTwo({} as never, {} as never, {} as never, systemRandom),
  background: (work) => work.background.verify(sch, binding, statement, proof),
}

for (const [name, ask] of Object.entries(asks)) {
  test(`the deadline ends a session that waits for ${name}, and blames nobody`, { timeout: 5_000 }, async () => {
    const ended = open({}).run((party) => ask(party('p').work))
    await assert.rejects(ended, (e) => e instanceof TransportError && /deadline passed/.test(e.message))
  })
}

test('cancelling ends it too', { timeout: 5_000 }, async () => {
  const cancelling = new AbortController()
  const ended = open({ deadlineMs: 60_000, signal: cancelling.signal }).run((party) => {
    const asked = party('p').work.verify(sch, binding, statement, proof)
    cancelling.abort()
    return asked
  })
  await assert.rejects(ended, (e) => e instanceof TransportError && /cancelled/.test(e.message))
})

test('what is computed in time comes through, and what it throws as well', async () => {
  const failing: Work = { ...inProcess, verify: async () => Promise.reject(new RangeError('its own')) }
  assert.equal(
    await open({ work: inProcess }).run((p) => p('p').work.verify(sch, binding, statement, proof)),
    undefined,
  )
  await assert.rejects(
    open({ work: failing }).run((p) => p('p').work.verify(sch, binding, statement, proof)),
    /its own/,
  )
})

test('a check that nobody has to wait for goes on after the deadline', async () => {
  const late = async (): Promise<undefined> => new Promise((resolve) => setTimeout(() => resolve(undefined), 100))
  const work: Work = { ...inProcess, verify: late }
  const ended = open({ work, deadlineMs: 20 }).run((p) => p('p').workToTheEnd.verify(sch, binding, statement, proof))
  assert.equal(await ended, undefined)
})
