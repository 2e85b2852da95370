/**
 * Timing of one’s own exponentiations: in Node every exponent of a protocol is given to OpenSSL’s constant-time code, none
 * to BigInt. test/timing.test.ts has the measurements, and the same for the points; here are whole protocols, with the
 * alarm, which no honest run reaches.
 */
import '../timing-unfrozen.ts'
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { engine } from '../../participant/math/engine.ts'
import { allValues } from '../../participant/party/testing.ts'
import { type Fixture, fixture, runKeygen, runPresign, runSign } from '../../participant/protocols/testing.ts'
import { inProcess as work } from '../../participant/zk/work.ts'
import { workerPool } from '../../participant/zk/work-pool.ts'
import { type Counts, watchedThread } from '../timing-threads.ts'
import { watchArithmetic } from '../timing-watch.ts'
import { misreading } from './cheats.ts'
import { expectNamed } from './harness.ts'

/** Exponents of a run, by where they were raised; keys are made inside, so that they are watched. */
async function exponentsOf(n: number, run: (f: Fixture) => Promise<void>) {
  const watched = watchArithmetic()
  try {
    await run(fixture(n, n))
  } finally {
    watched.stop()
  }
  return watched
}

/** Lengths only: no exponent is shown. */
const bitsOf = (exponents: ReadonlySet<bigint>): readonly number[] => [...exponents].map((v) => v.toString(2).length)

describe('#54 exponents', { skip: engine.name !== 'openssl' && 'no OpenSSL engine in this build' }, () => {
  test('#54 of key generation, presigning and signing: all in OpenSSL', async () => {
    const { openssl, bigint } = await exponentsOf(2, async (f) => {
      allValues(await runKeygen(f, { work }))
      const presignatures = allValues(await runPresign(f, { work }))
      allValues(await runSign(f, presignatures, new Uint8Array(32).fill(3)))
    })
    assert.deepEqual(bitsOf(bigint), [])
    assert.ok(openssl.size > 50, `${openssl.size}`)
  })

  test('#54 of the alarm: all in OpenSSL', async () => {
    const { openssl, bigint } = await exponentsOf(3, async (f) => {
      const results = await runPresign(f, { work, deadlineMs: 300_000 }, (id) => {
        const share = f.shares.get(id) ?? assert.fail('no share')
        return id === 'p2' ? { ...share, aux: misreading(share.aux, 'delta') } : share
      })
      expectNamed(f, results, 'p2', 'DELTA', /^psi-dec: eq S$/)
    })
    assert.deepEqual(bitsOf(bigint), [])
    assert.ok(openssl.size > 200, `${openssl.size}`)
  })

  test('#54 of proofs in worker threads: all in OpenSSL; with that engine off they would be seen', async () => {
    const [openssl, none] = await inThreads('')
    assert.equal(none, 0)
    assert.ok(openssl > 50, `${openssl}`)
    const [off, bigint] = await inThreads('bigint')
    assert.equal(off, 0)
    assert.ok(bigint > 50, `${bigint}`)
  })
})

/** How many exponents worker threads had in OpenSSL and in BigInt, with this in WALLET_MPC_ENGINE. */
async function inThreads(setting: string): Promise<readonly [openssl: number, bigint: number]> {
  const counts: Counts = new Int32Array(new SharedArrayBuffer(8))
  const pool = workerPool({ size: 1, start: watchedThread(counts, setting) })
  try {
    allValues(await runPresign(fixture(2, 2), { work: pool }))
  } finally {
    await pool.close()
  }
  const [openssl = 0, bigint = 0] = counts
  return [openssl, bigint]
}
