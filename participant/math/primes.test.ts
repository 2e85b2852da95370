import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TransportError, UsageError } from '../base/errors.ts'
import { isProbablePrime } from './number-theory.ts'
import { blumPrime, safePrime } from './primes.ts'
import { seededRandom } from './testing.ts'

function assertForm(p: bigint, bits: number): void {
  assert.equal(p >> BigInt(bits - 2), 3n)
  assert.equal(p % 4n, 3n)
  assert.equal(isProbablePrime(p), true)
}

/** Bytes that give the sieve the start that is written, and then bases for the primality tests. */
function startingAt(start: bigint, bits: number): { bytes(length: number): Uint8Array } {
  const rest = seededRandom('bases')
  let first = true
  return {
    bytes(length) {
      if (!first) return rest.bytes(length)
      first = false
      const hex = start.toString(16).padStart(2 * Math.ceil(bits / 8), '0')
      return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
    },
  }
}

test('Blum primes from OpenSSL: exact length, both top bits, ≡ 3 (mod 4)', async () => {
  // half of all primes are ≡ 1: twelve in a row would not pass by luck
  for (let i = 0; i < 12; i++) assertForm(await blumPrime({ bits: 128 }), 128)
  assertForm(await blumPrime({ bits: 912 }), 912)
})

test('safe primes from OpenSSL', async () => {
  for (const bits of [128, 256, 300]) {
    const p = await safePrime({ bits })
    assertForm(p, bits)
    assert.equal(isProbablePrime((p - 1n) / 2n), true)
  }
})

test('the sieve makes both kinds, the same ones from the same randomness', async () => {
  for (let i = 0; i < 6; i++) {
    const make = (seed: string) => blumPrime({ bits: 160, random: seededRandom(seed) })
    const p = await make(`blum ${i}`)
    assertForm(p, 160)
    assert.equal(await make(`blum ${i}`), p)
    assert.notEqual(await make(`other ${i}`), p)
  }
  for (let i = 0; i < 3; i++) {
    const make = () => safePrime({ bits: 128, random: seededRandom(`safe ${i}`) })
    const p = await make()
    assertForm(p, 128)
    assert.equal(isProbablePrime((p - 1n) / 2n), true)
    assert.equal(await make(), p)
  }
})

test('the sieve misses no prime: it finds the first of its kind after the start', async () => {
  for (let i = 0; i < 8; i++) {
    const start = (3n << 62n) + BigInt(i) * 10n ** 9n
    for (const [make, accepts] of [
      [blumPrime, () => true],
      [safePrime, (p: bigint) => isProbablePrime((p - 1n) / 2n)],
    ] as const) {
      let expected = start | 3n
      while (!isProbablePrime(expected) || !accepts(expected)) expected += 4n
      assert.equal(await make({ bits: 64, random: startingAt(start, 64) }), expected)
    }
  }
})

test('the sieve does not run past the last number of its length', async () => {
  // no prime ≡ 3 (mod 4) lies between this start and 2^64, so that a second start is drawn
  const last = 2n ** 64n - 1n
  assert.ok([0n, 4n, 8n, 12n].every((below) => !isProbablePrime(last - below)))
  assertForm(await blumPrime({ bits: 64, random: startingAt(last - 12n, 64) }), 64)
})

test('progress counts the candidates that were tested', async () => {
  const counts: number[] = []
  await safePrime({
    bits: 256,
    random: seededRandom('progress'),
    onProgress: ({ candidates }) => counts.push(candidates),
  })
  assert.ok(counts.length > 0)
  assert.ok(counts.every((n, i) => n >= (counts[i - 1] ?? 0)))
  assert.ok((counts.at(-1) as number) > 1)
  let native = 0
  await blumPrime({ bits: 128, onProgress: ({ candidates }) => (native = candidates) })
  assert.ok(native >= 1)
})

test('cancelled before, while sieving, and while OpenSSL is busy', async () => {
  const cancelled = (error: unknown): boolean => error instanceof TransportError && error.message === 'cancelled'
  await assert.rejects(blumPrime({ bits: 128, signal: AbortSignal.abort() }), cancelled)
  await assert.rejects(blumPrime({ bits: 128, signal: AbortSignal.abort(), random: seededRandom('x') }), cancelled)
  const startedMs = Date.now()
  const signal = AbortSignal.timeout(60)
  await assert.rejects(safePrime({ bits: 1536, signal, random: seededRandom('long') }), cancelled)
  // few bits: the process can't end before OpenSSL's thread has
  const controller = new AbortController()
  const busy = safePrime({ bits: 700, signal: controller.signal })
  controller.abort()
  await assert.rejects(busy, cancelled)
  assert.ok(Date.now() - startedMs < 5000)
})

test('the event loop has its turn while the sieve works', async () => {
  let ticks = 0
  const timer = setInterval(() => (ticks += 1), 5)
  const signal = AbortSignal.timeout(300)
  await assert.rejects(safePrime({ bits: 1536, signal, random: seededRandom('turn') }), TransportError)
  clearInterval(timer)
  assert.ok(ticks >= 2, `${ticks}`)
})

test('sockets and signals have their turn while several are searched for at once', async () => {
  const stop = new AbortController()
  const searches = [1, 2, 3, 4].map((i) =>
    safePrime({ bits: 1536, signal: stop.signal, random: seededRandom(`at once ${i}`) }).catch(() => {}),
  )
  let isOver = false
  const giveUp = setTimeout(() => {
    isOver = true
    stop.abort()
  }, 2_000)
  let polls = 0
  while (polls < 10 && !isOver) {
    await new Promise((resolve) => setImmediate(resolve))
    polls += 1
  }
  stop.abort()
  clearTimeout(giveUp)
  await Promise.all(searches)
  assert.equal(polls, 10)
})

test('too few bits are refused', async () => {
  for (const bits of [0, 63, 100.5, Number.NaN]) {
    await assert.rejects(blumPrime({ bits }), UsageError)
    await assert.rejects(safePrime({ bits, random: seededRandom('few') }), UsageError)
  }
})
