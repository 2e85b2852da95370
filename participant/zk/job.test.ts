import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { InternalError, UsageError } from '../base/errors.ts'
import { G, IDENTITY, mul } from '../math/curve.ts'
import { Reader } from '../wire/codec.ts'
import { checkIn, entryFor, proofIn, proveJob, runJob, verifyJob } from './job.ts'
import { type Format, integer, keyCache, paillier, parts, pedersen, point, string } from './job-format.ts'
import { entryByName } from './job-table.ts'
import { instances } from './testing.ts'

const all = instances('insecure-test')
// its timers keep the process for so long
const keys = keyCache(2000)

function throughFormat<T>(format: Format<T>, value: T): T {
  const out = parts()
  format.write(out, value)
  const r = new Reader(out.join())
  const read = format.read(r, keys)
  assert.equal(r.remaining, 0)
  return read
}

function entryOf(name: string) {
  const entry = entryByName(name)
  assert.ok(entry !== undefined, `no entry for ${name}`)
  return entry
}

test('every proof has an entry under its name', () => {
  for (const { proof, binding } of Object.values(all)) {
    assert.equal(entryFor(proof, binding.level), entryOf(proof.name))
    assert.equal(entryFor({ ...proof }, binding.level), undefined, 'a copy is not the proof itself')
    assert.equal(entryFor(proof, { ...binding.level }), undefined, 'a copy is not the level itself')
  }
})

test('integers, points and text come back as they were', () => {
  for (const n of [0n, 1n, -1n, 255n, 256n, -(2n ** 64n), 3n ** 5000n, -(3n ** 5000n)]) {
    assert.equal(throughFormat(integer, n), n)
  }
  for (const P of [IDENTITY, G, mul(G, 5n), mul(G, -5n)]) assert.ok(throughFormat(point, P).equals(P), 'another point')
  assert.equal(throughFormat(point, mul(G, 1n)), G, 'the generator has lost its tables')
  for (const s of ['', 'alice', 'aé😀']) assert.equal(throughFormat(string, s), s)
})

test("the holder's key stays the holder's, a peer's stays public, and each is made once", () => {
  const { N0, setup } = all.encElg.statement
  const { N0: key, setup: ownSetup } = all.encElg.verifierStatement
  assert.deepEqual(
    ['p' in throughFormat(paillier, N0), 'p' in throughFormat(paillier, key)],
    [true, false],
    'own and public Paillier key',
  )
  assert.deepEqual(
    ['lambda' in throughFormat(pedersen, ownSetup), 'lambda' in throughFormat(pedersen, setup)],
    [true, false],
    'own and public parameters',
  )
  for (const k of [N0, key]) assert.equal(throughFormat(paillier, k), throughFormat(paillier, k))
  for (const s of [setup, ownSetup]) assert.equal(throughFormat(pedersen, s), throughFormat(pedersen, s))
  assert.equal(throughFormat(paillier, N0).N, N0.N)
  assert.equal(throughFormat(pedersen, ownSetup).s, setup.s)
})

test('secret keys are dropped when they are not used, public ones when many others are', async () => {
  const cache = keyCache(30)
  const get = (n: number, isSecret: boolean): unknown => cache.get(Uint8Array.of(n % 256, n >> 8), isSecret, () => ({}))
  const [hidden, open] = [get(1, true), get(2, false)]
  assert.equal(get(1, true), hidden)
  await wait(60)
  assert.notEqual(get(1, true), hidden, 'a secret key was kept')
  assert.equal(get(2, false), open)
  for (let n = 1000; n < 1255; n++) get(n, false)
  assert.equal(get(2, false), open, 'used not long ago')
  for (let n = 2000; n < 2256; n++) get(n, false)
  assert.notEqual(get(2, false), open, 'a public key was kept for ever')
})

test('whoever reads a job or a result overwrites it', () => {
  const { proof, binding, statement, witness, verifierStatement } = all.affG
  const entry = entryOf(proof.name)
  const seed = new Uint8Array(32).fill(9)
  const job = proveJob(entry, binding, statement, witness, seed)
  assert.equal(job.length, job.buffer.byteLength, 'the buffer has more than the job in it')
  assert.ok(Buffer.from(job).includes(Buffer.from(seed)), 'the seed is not in the job')
  const result = runJob(job, keys)
  assert.ok(
    job.every((b) => b === 0),
    'the job is still there',
  )
  assert.equal(seed[0], 9, "the caller's seed is the caller's")
  const made = proofIn(result, entry, binding.level)
  assert.ok(
    result.every((b) => b === 0),
    'the result is still there',
  )
  const check = runJob(verifyJob(entry, binding, verifierStatement, made), keys)
  assert.equal(checkIn(check), undefined)
})

test('joining parts overwrites them', () => {
  const part = Uint8Array.of(1, 2, 3)
  const out = parts()
  out.raw(part)
  assert.deepEqual([out.join(), part], [Uint8Array.of(1, 2, 3), new Uint8Array(3)])
})

test('errors keep their class when it is one of ours or of the language; nothing is thrown in the worker', () => {
  const failed = (error: unknown): Uint8Array => {
    const { proof, binding, statement, witness } = all.sch
    const job = proveJob(entryOf(proof.name), binding, statement, witness, new Uint8Array(32))
    const throwing = {
      get() {
        throw error
      },
    }
    const withKey = proveJob(entryOf('mod'), all.mod.binding, all.mod.statement, all.mod.witness, new Uint8Array(32))
    assert.equal(runJob(job, throwing)[0], 0, 'sch has no key')
    return runJob(withKey, throwing)
  }
  for (const [error, expected] of [
    [new UsageError('usage'), new UsageError('usage')],
    [new RangeError('range'), new RangeError('range')],
    [new SyntaxError('other'), new InternalError('other')],
    ['no error', new InternalError('a proof failed')],
  ] as const) {
    assert.throws(() => checkIn(failed(error)), expected)
  }
  assert.throws(() => checkIn(runJob(new Uint8Array(0), keys)), Error)
})
