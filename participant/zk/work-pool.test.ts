import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { bytesToHex } from '../base/bytes.ts'
import { StateError, TransportError, UsageError } from '../base/errors.ts'
import { INSECURE_TEST, level as makeLevel } from '../base/level.ts'
import type { Random } from '../base/random.ts'
import { IDENTITY } from '../math/curve.ts'
import { isProbablePrime } from '../math/number-theory.ts'
import { blumPrime, safePrime } from '../math/primes.ts'
import { ringPedersen } from '../paillier/ring-pedersen.ts'
import { encode } from '../wire/codec.ts'
import type { AnyProof } from './job-table.ts'
import type { Binding } from './sigma.ts'
import { instances, seededRandom } from './testing.ts'
import { inProcess, type Work } from './work.ts'
import { createWorkerPool, startThread } from './work-pool.node.ts'
import { type WorkerHandle, type WorkerPool, workerPool } from './work-pool.ts'
import type { Request } from './worker.ts'

/** A pool of threads that notes what is posted to them. */
interface Observed {
  readonly pool: WorkerPool
  readonly threads: WorkerHandle[]
  readonly posted: Request[]
  jobs(): number
}

function observed(size: number): Observed {
  const threads: WorkerHandle[] = []
  const posted: Request[] = []
  const pool = workerPool({
    size,
    start(events) {
      const thread = startThread(events)
      threads.push(thread)
      const post: WorkerHandle['post'] = (request, transfer) => {
        posted.push(request)
        thread.post(request, transfer)
      }
      return { ...thread, post }
    },
  })
  return { pool, threads, posted, jobs: () => posted.filter((r) => r.at === 'job').length }
}

interface Any {
  readonly proof: AnyProof
  readonly binding: Binding
  readonly statement: unknown
  readonly verifierStatement: unknown
  readonly witness: unknown
}

const all = instances('insecure-test')
const shared = observed(2)
after(() => shared.pool.close())

const proveAny = (work: Work, i: Any, random: Random) => work.prove(i.proof, i.binding, i.statement, i.witness, random)
const hexOf = (i: Any, proof: Awaited<ReturnType<typeof proveAny>>): string =>
  bytesToHex(encode(i.proof.codec(i.binding.level), proof))

async function outcome(run: () => Promise<unknown>): Promise<unknown> {
  try {
    return await run()
  } catch (e) {
    assert.ok(e instanceof Error, 'something else than an error was thrown')
    return [e.constructor, e.message]
  }
}

test('every proof: the same bytes from a worker as from this thread, and both accept them', async () => {
  for (const [name, instance] of Object.entries(all)) {
    const i = instance as Any
    const before = shared.jobs()
    const [here, there] = [
      await proveAny(inProcess, i, seededRandom(name)),
      await proveAny(shared.pool, i, seededRandom(name)),
    ]
    assert.equal(hexOf(i, there), hexOf(i, here), name)
    for (const work of [inProcess, shared.pool]) {
      assert.equal(await work.verify(i.proof, i.binding, i.verifierStatement, there), undefined, name)
    }
    assert.equal(shared.jobs() - before, 2, `${name} was not computed in a worker`)
    assert.notEqual(hexOf(i, await proveAny(shared.pool, i, seededRandom('other'))), hexOf(i, here), name)
  }
})

test('a wrong proof: the same check fails in a worker as in this thread', async () => {
  for (const [name, instance] of Object.entries(all)) {
    const i = instance as Any
    const proof = await proveAny(inProcess, i, seededRandom(name))
    const b = { ...i.binding, slot: 'another' }
    const check = await inProcess.verify(i.proof, b, i.verifierStatement, proof)
    assert.notEqual(check, undefined, name)
    assert.equal(await shared.pool.verify(i.proof, b, i.verifierStatement, proof), check, name)
  }
})

test('statements that no check lets pass', async () => {
  const { proof, binding, verifierStatement: x, statement, witness } = all.encElg
  const given = proof.prove(binding, statement, witness, seededRandom('hostile'))
  const hostile: readonly Partial<typeof x>[] = [
    { A: IDENTITY },
    { B1: IDENTITY },
    { C: 0n },
    { C: -x.C },
    { C: x.C << 9000n },
    { setup: ringPedersen(x.setup.NHat, 0n, -1n) },
  ]
  for (const change of hostile) {
    const check = await inProcess.verify(proof, binding, { ...x, ...change }, given)
    assert.notEqual(check, undefined, JSON.stringify(Object.keys(change)))
    const before = shared.jobs()
    assert.equal(await shared.pool.verify(proof, binding, { ...x, ...change }, given), check, String(check))
    assert.equal(shared.jobs() - before, 1, 'not computed in a worker')
  }
})

test('errors come back with their class and message', async () => {
  const { proof, binding, statement, witness } = all.fac
  const x = { ...statement, setup: ringPedersen(statement.setup.NHat, 0n, 0n) }
  const run = (work: Work) => outcome(() => work.prove(proof, binding, x, witness, seededRandom('negative')))
  const expected = await run(inProcess)
  assert.equal((expected as unknown[])[0], RangeError)
  assert.deepEqual(await run(shared.pool), expected)
})

test('what a worker does not know is computed here: other proofs and levels, values without an encoding', async () => {
  const { proof, binding, statement, witness } = all.sch
  const given = proof.prove(binding, statement, witness, seededRandom('sch'))
  const before = shared.jobs()
  const level = makeLevel('insecure-test', false, [1824, 256, 1280, 512, 8])
  assert.notEqual(await shared.pool.verify(proof, { ...binding, level }, statement, given), undefined)
  assert.equal(await shared.pool.verify({ ...proof, verify: () => 'eq X' }, binding, statement, given), 'eq X')
  const wrong = { ...given, response: { z: -1n } }
  assert.equal(await shared.pool.verify(proof, binding, statement, wrong), 'eq X')
  assert.equal(shared.jobs(), before)
  assert.equal(binding.level, INSECURE_TEST)
})

test('fifty at once', async () => {
  const { proof, binding, statement, verifierStatement, witness } = all.encElg
  const made = await Promise.all(
    Array.from({ length: 50 }, (_, n) => {
      return shared.pool.prove(proof, binding, statement, witness, seededRandom(`fifty ${n}`))
    }),
  )
  assert.equal(new Set(made.map((p) => p.commitment.S)).size, 50)
  const checks = await Promise.all(made.map((p) => shared.pool.verify(proof, binding, verifierStatement, p)))
  assert.deepEqual([...new Set(checks)], [undefined])
  assert.equal(shared.threads.length, 2)
})

test('the buffer of a job is transferred, so that this thread keeps no copy, and the seed is overwritten', async () => {
  const { proof, binding, statement, witness } = all.affG
  const seeds: Uint8Array[] = []
  const inner = seededRandom('transfer')
  const random: Random = {
    bytes(length) {
      const drawn = inner.bytes(length)
      seeds.push(drawn)
      return drawn
    },
  }
  const made = shared.pool.prove(proof, binding, statement, witness, random)
  const request = shared.posted.at(-1)
  assert.ok(request?.at === 'job', 'no job was posted')
  assert.equal(request.job.byteLength, 0)
  await made
  assert.deepEqual(seeds, [new Uint8Array(32)])
})

test('a request goes before everything in the background', async () => {
  const { pool, jobs } = observed(1)
  const { proof, binding, statement, witness } = all.prm
  const order: string[] = []
  const prove = async (work: Work, name: string): Promise<void> => {
    await work.prove(proof, binding, statement, witness, seededRandom(name))
    order.push(name)
  }
  const { background } = pool
  await Promise.all([
    ...['b1', 'b2', 'b3'].map((name) => prove(background, name)),
    ...['r1', 'r2'].map((name) => prove(pool, name)),
  ])
  assert.deepEqual(order, ['b1', 'r1', 'r2', 'b2', 'b3'])
  assert.equal(background.background, background)
  assert.equal(jobs(), 5)
  await pool.close()
})

test('the job of a worker that dies is done by another one', async () => {
  const { pool, threads, jobs } = observed(1)
  await pool.ready
  const { proof, binding, statement, witness } = all.prm
  const made = pool.prove(proof, binding, statement, witness, seededRandom('killed'))
  await threads[0]?.end()
  assert.deepEqual(await made, await inProcess.prove(proof, binding, statement, witness, seededRandom('killed')))
  assert.deepEqual([threads.length, jobs(), pool.size], [2, 2, 1])
  await pool.close()
})

test('workers that all die, and none at all: everything is done in this thread', async () => {
  const { proof, binding, statement, witness } = all.sch
  let starts = 0
  const dying = workerPool({
    size: 2,
    start({ onEnd }) {
      starts += 1
      setTimeout(onEnd, 1)
      return { post: () => undefined, hold: () => undefined, end: async () => undefined }
    },
  })
  const missing = workerPool({
    size: 2,
    start() {
      throw new UsageError('no workers here')
    },
  })
  for (const pool of [dying, missing, createWorkerPool({ size: 0 })]) {
    const proofs = await Promise.all(
      Array.from({ length: 5 }, (_, n) => pool.prove(proof, binding, statement, witness, seededRandom(`${n}`))),
    )
    const p = await blumPrime({ bits: 128, maker: pool.primes })
    assert.equal(isProbablePrime(p), true)
    for (const [n, made] of proofs.entries()) {
      assert.deepEqual(made, await inProcess.prove(proof, binding, statement, witness, seededRandom(`${n}`)))
    }
    await pool.ready
    assert.equal(pool.size, 0)
    await pool.close()
  }
  assert.ok(starts < 20, `${starts} starts`)
})

test('close: what runs and what waits rejects, as does what comes later', async () => {
  const { pool } = observed(1)
  const { proof, binding, statement, witness } = all.prm
  const start = () => pool.prove(proof, binding, statement, witness, seededRandom('closing'))
  const left = [start(), start(), blumPrime({ bits: 1536, maker: pool.primes })]
  const rejections = left.map((p) => assert.rejects(p, (e) => e instanceof StateError))
  await Promise.all([pool.close(), pool.close(), ...rejections])
  await assert.rejects(start(), StateError)
  await assert.rejects(blumPrime({ bits: 128, maker: pool.primes }), StateError)
  assert.equal(pool.size, 0)
})

test('primes of both kinds from all workers at once', async () => {
  const [blum, safe] = await Promise.all([
    blumPrime({ bits: 912, maker: shared.pool.primes }),
    safePrime({ bits: 640, maker: shared.pool.primes }),
  ])
  assert.deepEqual([blum >> 910n, blum % 4n, isProbablePrime(blum)], [3n, 3n, true])
  assert.deepEqual([safe >> 638n, isProbablePrime(safe), isProbablePrime(safe / 2n)], [3n, true, true])
  assert.equal(shared.posted.filter((r) => r.at === 'search' && r.safe).length, 2)
})

test('a search counts on, is cancelled at once, the next one begins, and proofs go in between', async () => {
  const controller = new AbortController()
  const { proof, binding, statement, witness } = all.sch
  const counts: number[] = []
  let counted = (): void => undefined
  const progress = new Promise<void>((resolve) => (counted = resolve))
  const onProgress = ({ candidates }: { readonly candidates: number }): void => {
    counts.push(candidates)
    if (candidates > (counts[0] as number)) counted()
  }
  const long = safePrime({ bits: 3000, maker: shared.pool.primes, signal: controller.signal, onProgress })
  const next = blumPrime({ bits: 256, maker: shared.pool.primes })
  let found = false
  void next.then(() => (found = true))
  await shared.pool.prove(proof, binding, statement, witness, seededRandom('between'))
  await progress
  assert.equal(found, false)
  controller.abort()
  await assert.rejects(long, (e) => e instanceof TransportError && e.message === 'cancelled')
  assert.equal(isProbablePrime(await next), true)
  await assert.rejects(safePrime({ bits: 512, maker: shared.pool.primes, signal: AbortSignal.abort() }), TransportError)
})

test('sizes that make no sense are refused', () => {
  for (const size of [-1, 1.5, 257, Number.NaN]) assert.throws(() => createWorkerPool({ size }), UsageError)
})

test('a pool that nobody closes does not keep a process, and a job does', async () => {
  const folder = fileURLToPath(new URL('.', import.meta.url))
  const script = `
    import { createWorkerPool } from './work-pool.node.ts'
    import { instances, seededRandom } from './testing.ts'
    const { proof, binding, statement, witness } = instances('insecure-test').sch
    const pool = createWorkerPool({ size: 2 })
    void pool.prove(proof, binding, statement, witness, seededRandom('x')).then(() => console.log('made'))`
  const args = ['--import', 'tsx', '--input-type=module', '--eval', script]
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder, timeout: 60_000 })
  assert.equal(stdout, 'made\n')
})
