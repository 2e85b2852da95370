/**
 * `Secret` is around every secret that a participant keeps: no property that can be reached from a key share, what the
 * protocols return and keep, a participant or its service holds one bare. And buffers with keys are zero after use.
 */
import assert from 'node:assert/strict'
import { DiffieHellman } from 'node:crypto'
import { test } from 'node:test'
import { utf8ToBytes } from '../participant/base/bytes.ts'
import { INSECURE_TEST } from '../participant/base/level.ts'
import { type Random, systemRandom } from '../participant/base/random.ts'
import { Secret } from '../participant/base/secret.ts'
import { modulus } from '../participant/math/modulus.ts'
import type { PartyId } from '../participant/party/roster.ts'
import { allValues } from '../participant/party/testing.ts'
import { type Fixture, fixture, type Run, runAux, runKeygen, runPresign } from '../participant/protocols/testing.ts'
import { connectGateway } from '../participant/room/gateway.ts'
import { openParticipant } from '../participant/signer/participant.ts'
import { signEnvelope } from '../participant/wire/envelope.ts'
import { seal, unseal } from '../participant/wire/sealing.ts'
import type { Binding, Sigma } from '../participant/zk/sigma.ts'
import { instances } from '../participant/zk/testing.ts'
import { noteShare } from './secrecy-record.ts'
import { Canary } from './secrecy-search.ts'

/** Paths of all bare secrets that properties, symbols, maps, sets and prototypes lead to. */
function bare(canary: Canary, root: unknown): readonly string[] {
  const found: string[] = []
  const visited = new Set<unknown>()
  const visit = (value: unknown, path: string): void => {
    if (typeof value === 'bigint' && canary.has(value)) found.push(path)
    if (
      typeof value === 'string' &&
      /^(0x)?[0-9a-f]{24,}$/i.test(value) &&
      canary.has(BigInt(`0x${value.replace(/^0x/, '')}`))
    )
      found.push(path)
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return
    if (visited.has(value) || value instanceof Secret) return
    visited.add(value)
    if (value instanceof Uint8Array) {
      if (canary.has(value)) found.push(path)
      return
    }
    if (value instanceof Map) for (const [k, v] of value) [k, v].forEach((x, i) => void visit(x, `${path}[${i}]`))
    if (value instanceof Set) for (const v of value) visit(v, `${path}{}`)
    for (const key of Reflect.ownKeys(value)) {
      const at = Object.getOwnPropertyDescriptor(value, key)
      visit(at?.value, `${path}.${String(key)}`)
      if (at?.get !== undefined)
        visit(
          attempt(() => (value as never)[key]),
          `${path}.${String(key)}`,
        )
    }
    visit(Object.getPrototypeOf(value), `${path}.__proto__`)
  }
  visit(root, 'root')
  return found
}

function attempt<T>(make: () => T): T | undefined {
  try {
    return make()
  } catch {
    return undefined
  }
}

async function watching<T>(f: Fixture, run: (o: { readonly random: Random }) => Promise<T>): Promise<[Canary, T]> {
  const canary = new Canary()
  for (const share of f.shares.values()) noteShare(canary, share)
  const unwatch = canary.watch()
  try {
    return [canary, await run({ random: canary.random(systemRandom) })]
  } finally {
    unwatch()
  }
}

const two = fixture(2, 2)

test('key shares, a participant and its service', async () => {
  const gateway = connectGateway({ url: 'http://127.0.0.1:9' })
  const [canary] = await watching(two, async () => undefined)
  for (const share of two.shares.values()) {
    assert.deepEqual(bare(canary, share), [])
    const participant = openParticipant({ keyShares: new Map([['a', share]]), gateway })
    const service = participant.serve({ decide: () => undefined, maxSessions: 1, sessionMs: 1_000 })
    assert.deepEqual(bare(canary, [participant, service, participant.accounts(), gateway]), [])
    participant.close()
    await service.stop()
  }
})

test('what key generation, auxiliary information and presigning give', async () => {
  for (const run of [runKeygen, runAux, runPresign]) {
    const [canary, results] = await watching(two, async (o) => {
      // any of the three: what it gives is looked at, whatever it is
      const settled: ReadonlyMap<PartyId, PromiseSettledResult<unknown>> = await run(two, o as Run)
      return allValues(settled)
    })
    for (const value of results.values()) {
      for (const s of secretsIn(value)) canary.note('result', s.expose())
      assert.deepEqual(bare(canary, value), [], run.name)
    }
  }
})

/** Every `Secret` in a value, so that what is in one is not also outside it. */
function secretsIn(value: unknown, visited = new Set<unknown>()): readonly Secret<unknown>[] {
  if (value instanceof Secret) return [value]
  if (typeof value !== 'object' || value === null || visited.has(value) || value instanceof Uint8Array) return []
  visited.add(value)
  const parts = value instanceof Map ? [...value.values()] : Object.values(value)
  return parts.flatMap((v) => secretsIn(v, visited))
}

test('what a prover keeps between commitment and response', () => {
  // biome-ignore lint/suspicious/noExplicitAny: each proof has types of its own; here all are treated alike
  type Any = Sigma<any, any, any, any, any, any, any>
  let kept = 0
  for (const { proof, statement, witness, binding } of Object.values(instances(INSECURE_TEST.name))) {
    const sigma = proof.sigma as Any
    const canary = new Canary()
    const b = binding as Binding
    const made = sigma.commit(b.level, statement, witness, canary.random(systemRandom))
    for (const s of [...secretsIn(made.kept), ...secretsIn(witness)]) canary.note('kept', s.expose())
    // Π^mod shows its w
    if (sigma.name === 'mod') canary.allow([made.commitment.w])
    assert.deepEqual(bare(canary, made), [], sigma.name)
    kept += secretsIn(made.kept).length
  }
  assert.ok(kept > 20, `${kept}`)
})

test('control: a secret beside its wrapper is found, wherever it is', () => {
  const canary = new Canary()
  const x = 2n ** 200n + 12345n
  canary.note('x', x)
  const bytes = Buffer.from(x.toString(16).padStart(64, '0'), 'hex')
  class Hiding {
    get x(): bigint {
      return x
    }
  }
  const hidden = Object.defineProperty({}, 'h', { value: x, enumerable: false })
  const leaky = [
    { x },
    [x],
    new Map([['k', x]]),
    new Set([x]),
    hidden,
    new Hiding(),
    { [Symbol('s')]: x },
    Object.assign(() => 0, { x }),
  ]
  for (const [i, value] of [...leaky, new Uint8Array(bytes), x.toString(16)].entries())
    assert.equal(bare(canary, { deep: [value] }).length, 1, `${i}`)
  assert.deepEqual(bare(canary, { x: new Secret(x), f: () => x }), [])
})

/** Every Uint8Array that a call to `crypto` or a `Random` gave out, to be looked at afterwards. */
function keeping(): { readonly random: Random; readonly drawn: Uint8Array[] } {
  const drawn: Uint8Array[] = []
  const random: Random = {
    bytes(length) {
      const b = systemRandom.bytes(length)
      drawn.push(b)
      return b
    },
  }
  return { random, drawn }
}

const isZero = (b: Uint8Array): boolean => b.every((v) => v === 0)

test('the ephemeral key of a sealed packet is zero after sealing', () => {
  const { random, drawn } = keeping()
  const [identity] = two.identities.values()
  assert.ok(identity)
  const message = {
    session: new Uint8Array(32),
    protocol: 'p',
    round: 'r',
    from: 'p1',
    to: identity.id,
    body: utf8ToBytes('b'),
  }
  const packet = seal(signEnvelope(message, identity.signingKey), identity.sealKey, random)
  assert.equal(drawn.length, 1)
  assert.ok(drawn.every(isZero))
  assert.deepEqual(unseal(packet, identity.sealingKey).body, utf8ToBytes('b'))
  assert.ok(!isZero(identity.sealingKey.expose()), 'the long-term key stays')
})

test('the plaintext that was sealed, and the one that was opened, are zero afterwards', () => {
  const [identity] = two.identities.values()
  assert.ok(identity)
  const body = systemRandom.bytes(40)
  const message = { session: new Uint8Array(32), protocol: 'p', round: 'r', from: 'p1', to: identity.id, body }
  const fills: string[] = []
  const fill = Uint8Array.prototype.fill
  Uint8Array.prototype.fill = function (this: Uint8Array, ...args: Parameters<typeof fill>) {
    if (args[0] === 0 && this.length > 40) fills.push(Buffer.from(this).toString('hex'))
    return fill.apply(this, args)
  }
  try {
    const packet = seal(signEnvelope(message, identity.signingKey), identity.sealKey, systemRandom)
    const wiped = (): number => fills.filter((hex) => hex.includes(Buffer.from(body).toString('hex'))).length
    assert.equal(wiped(), 1)
    unseal(packet, identity.sealingKey)
    assert.equal(wiped(), 2)
  } finally {
    Uint8Array.prototype.fill = fill
  }
})

const WITHOUT_OPENSSL = process.env['WALLET_MPC_ENGINE'] === 'bigint' && 'the OpenSSL engine is turned off'

test('the bytes of an exponent, and the exponent inside OpenSSL, are zero after an exponentiation', {
  skip: WITHOUT_OPENSSL,
}, () => {
  const given: Uint8Array[] = []
  const setPrivateKey = DiffieHellman.prototype.setPrivateKey
  DiffieHellman.prototype.setPrivateKey = function (this: DiffieHellman, key: Uint8Array) {
    given.push(key)
    return Reflect.apply(setPrivateKey, this, [key])
  } as typeof setPrivateKey
  try {
    modulus(2n ** 607n - 1n).pow(3n, 2n ** 300n + 7n)
  } finally {
    DiffieHellman.prototype.setPrivateKey = setPrivateKey
  }
  const [exponent, ...after] = given
  assert.ok(exponent !== undefined, 'OpenSSL was not used')
  assert.ok(isZero(exponent))
  assert.deepEqual([...(after.at(-1) ?? [])], [1])
})
