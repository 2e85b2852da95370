/** The timing test of timing.test.ts at the sizes that are used: N, and the halves that its holder computes with. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemRandom } from '../participant/base/random.ts'
import { engine } from '../participant/math/engine.ts'
import { testPrimesFull } from '../participant/paillier/testing.ts'
import { compareTiming, squareAndMultiply } from './timing-welch.ts'

const { p, q } = testPrimesFull(0)

for (const [what, m, bits] of [
  ['modulo p', p, 1536],
  ['modulo N', p * q, 3072],
] as const) {
  test(`${what}, exponents of ${bits} bits`, { skip: engine.name !== 'openssl' && 'no OpenSSL engine' }, () => {
    const top = 1n << BigInt(bits - 1)
    const random = (): bigint => BigInt(`0x${Buffer.from(systemRandom.bytes(bits / 8)).toString('hex')}`) | top
    const base = 3n ** 900n
    const prepared = engine.prepare(m)
    prepared.pow(base, random())
    const control = compareTiming((e) => squareAndMultiply(base, e, m), top | 1n, random, {
      batches: 3,
      samples: 12,
      runs: 2,
    })
    assert.ok(control.t > 10 && control.relative > 0.15, `control: ${JSON.stringify(control)}`)
    // few bits set, and all of them
    for (const fixed of [top | 1n, 2n * top - 1n]) {
      const ours = compareTiming((e) => prepared.pow(base, e), fixed, random, { batches: 5, samples: 60, runs: 3 })
      const said = `${JSON.stringify(ours)}, control ${JSON.stringify(control)}`
      assert.ok(ours.relative < control.relative / 8, said)
      assert.ok(ours.t < control.t / 2, said)
    }
  })
}
