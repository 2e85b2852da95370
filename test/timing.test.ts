/**
 * Secret exponents and scalars: in Node they go to OpenSSL's constant-time exponentiation and to noble's constant-time
 * multiplication, and never to BigInt's or to the variable-time one. Then that OpenSSL's time doesn't show the exponent,
 * with a leaky exponentiation as control; timing.slow.test.ts has more samples and sizes.
 */
import './timing-unfrozen.ts'
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { systemRandom } from '../participant/base/random.ts'
import { secret } from '../participant/base/secret.ts'
import { modQ } from '../participant/math/curve.ts'
import { engine } from '../participant/math/engine.ts'
import { allValues } from '../participant/party/testing.ts'
import { type Fixture, fixture, runAux, runKeygen, runPresign, runSign } from '../participant/protocols/testing.ts'
import { inProcess as work } from '../participant/zk/work.ts'
import { noteShare } from './secrecy-record.ts'
import { Canary } from './secrecy-search.ts'
import { watchArithmetic } from './timing-watch.ts'
import { compareTiming, squareAndMultiply } from './timing-welch.ts'

const bitsOf = (v: bigint): number => v.toString(2).length

/** Runs, in this thread, with all secrets noted and all arithmetic watched; keys are made inside, so that they are too. */
async function watched(run: (f: Fixture, canary: Canary) => Promise<void>, n = 2) {
  const w = watchArithmetic()
  const canary = new Canary()
  const unwatch = canary.watch()
  try {
    const f = fixture(n, n)
    for (const share of f.shares.values()) noteShare(canary, share)
    await run(f, canary)
  } finally {
    unwatch()
    w.stop()
  }
  const numbers = canary.entries().map(([, bytes]) => BigInt(`0x${bytes.toString('hex')}`))
  return { w, canary, numbers }
}

test('in Node the engine is OpenSSL', { skip: process.env['WALLET_MPC_ENGINE'] === 'bigint' && 'turned off' }, () =>
  assert.equal(engine.name, 'openssl'),
)

describe('where secrets end up', { skip: engine.name !== 'openssl' && 'no OpenSSL engine in this build' }, () => {
  test('presigning and signing: every secret exponent is in OpenSSL, none in BigInt', async () => {
    const { w, numbers } = await watched(async (f, canary) => {
      const made = allValues(await runPresign(f, { work, random: canary.random(systemRandom) } as object))
      await runSign(f, made, new Uint8Array(32).fill(3))
    })
    // nothing at all but short, public exponents is left to BigInt
    assert.deepEqual([...w.bigint].map(bitsOf), [])
    // for commitments under the peer's parameters and products under its key, secrets and masks are exponents as they are
    const verbatim = numbers.filter((v) => w.openssl.has(v))
    assert.ok(verbatim.length >= 30, `${verbatim.length}`)
  })

  test('the holder’s operations: decryption, N-th powers, commitments, powers modulo N and N²', async () => {
    let expected: readonly bigint[] = []
    const { w } = await watched(async (f) => {
      const { paillier, pedersen } = [...f.shares.values()][0]?.aux ?? assert.fail()
      const [p, q] = [paillier.p.expose(), paillier.q.expose()]
      const [a, b] = [pedersen.p.expose(), pedersen.q.expose()]
      const e = 2n ** 900n + 12345n
      const y = 2n ** 700n + 77n
      paillier.decrypt(paillier.encrypt(5n, 7n))
      paillier.pow(3n, e)
      paillier.powModN(3n, e)
      pedersen.commit(e, y)
      const exponent = pedersen.lambda.expose() * e + y
      expected = [
        ...[p - 1n, q - 1n, p, q, q % (p - 1n), p % (q - 1n)],
        ...[e % (p * (p - 1n)), e % (q * (q - 1n)), e % (p - 1n), e % (q - 1n)],
        ...[exponent % (a - 1n), exponent % (b - 1n)],
      ]
    })
    for (const [i, v] of expected.entries()) assert.ok(w.openssl.has(v), `exponent ${i}`)
    assert.deepEqual([...w.bigint].map(bitsOf), [])
  })

  test('auxiliary information: every exponentiation but short, public ones is in OpenSSL', async () => {
    const { w } = await watched(async (f, canary) => {
      allValues(await runAux(f, { work, random: canary.random(systemRandom) } as object))
    })
    assert.deepEqual([...w.bigint].map(bitsOf), [])
    assert.ok(w.openssl.size > 100)
  })

  test('control: an exponentiation by BigInt is seen', async () => {
    const { w } = await watched(async () => {
      const { bigintEngine } = await import('../participant/math/engine.ts')
      bigintEngine.prepare(2n ** 607n - 1n).pow(3n, 2n ** 100n + 1n)
    })
    assert.deepEqual([...w.bigint], [2n ** 100n + 1n])
  })
})

describe('points', () => {
  test('no secret scalar is multiplied in variable time, in any protocol', async () => {
    for (const run of [runKeygen, runPresign]) {
      const { w, numbers } = await watched(async (f, canary) => {
        const made = allValues((await run(f, { work, random: canary.random(systemRandom) } as object)) as never)
        for (const v of made.values()) canary.note('x', (v as { x?: { expose(): bigint } }).x?.expose())
      })
      const scalars = new Set(numbers.flatMap((v) => [modQ(v), modQ(-v)]))
      assert.deepEqual([...w.variableTimePoints].filter((k) => scalars.has(k)).length, 0, run.name)
      assert.ok([...w.constantTimePoints].filter((k) => scalars.has(k)).length >= 4, run.name)
    }
  })

  test('a sub-share that came in is checked in constant time', async () => {
    const { checkSubShare } = await import('../participant/protocols/keygen/rounds.ts')
    const { feldman } = await import('../participant/math/polynomial.ts')
    const w = watchArithmetic()
    const sigma = 2n ** 250n + 99n
    try {
      const F = feldman([secret(sigma - 5n), secret(5n)])
      assert.equal(checkSubShare(1, F, { sigma }), undefined)
    } finally {
      w.stop()
    }
    assert.ok(w.constantTimePoints.has(sigma))
    assert.ok(!w.variableTimePoints.has(sigma))
  })
})

test('OpenSSL’s time does not show the exponent; square and multiply does', {
  skip: engine.name !== 'openssl' && 'no OpenSSL engine in this build',
}, () => {
  const m = 2n ** 1279n - 1n
  const base = 3n ** 700n
  const bits = 512
  const random = (): bigint =>
    BigInt(`0x${Buffer.from(systemRandom.bytes(bits / 8)).toString('hex')}`) | (1n << BigInt(bits - 1))
  // one bit set, where a random exponent has half of them
  const fixed = (1n << BigInt(bits - 1)) | 1n
  const prepared = engine.prepare(m)
  const o = { batches: 3, samples: 40, runs: 3 }
  prepared.pow(base, random())
  const ours = compareTiming((e) => prepared.pow(base, e), fixed, random, o)
  const control = compareTiming((e) => squareAndMultiply(base, e, m), fixed, random, o)
  const said = `OpenSSL t ${ours.t.toFixed(1)}, ${ours.relative.toFixed(3)}; control t ${control.t.toFixed(1)}, ${control.relative.toFixed(3)}`
  assert.ok(control.t > 10 && control.relative > 0.15, said)
  assert.ok(ours.relative < control.relative / 4, said)
  assert.ok(ours.t < control.t / 3, said)
})
