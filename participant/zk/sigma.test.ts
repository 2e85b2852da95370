/** What holds for every proof: everything is in the challenge, encodings are canonical, checks are total. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { DecodeError } from '../base/errors.ts'
import { INSECURE_TEST } from '../base/level.ts'
import { systemRandom } from '../base/random.ts'
import { combine, G, IDENTITY, mul, Point, Q } from '../math/curve.ts'
import { symmetric } from '../math/sampling.ts'
import { ringPedersen } from '../paillier/ring-pedersen.ts'
import { type Codec, decode, encode } from '../wire/codec.ts'
import { Transcript } from '../wire/transcript.ts'
import { FAULT_CODES } from './codes.ts'
import { type Compact, compact } from './compact.ts'
import { type Binding, inRange, type NonInteractive, nonInteractive, type Proof, signedChallenge } from './sigma.ts'
import { type Instance, instances, seededRandom, testParty } from './testing.ts'

type Fields = Record<string, unknown>
type AnyPlain = NonInteractive<Fields, unknown, Fields, unknown, unknown, Fields, string>
type AnyCompact = Compact<Fields, unknown, Fields, Fields, unknown, Fields, string>
/** `e` in a compact one. */
type AnyProof = Proof<Fields, Fields> & { readonly e?: bigint }
type Any = Instance<Fields, unknown, AnyProof, string, AnyPlain | AnyCompact>

const level = INSECURE_TEST
const typed = instances(level.name)
const all = Object.values(typed) as unknown as readonly Any[]
const [alice, bob, carol] = [testParty(level, 0), testParty(level, 1), testParty(level, 2)]

/** An honest proof, with all of its first message. */
interface Made {
  readonly commitment: Fields
  readonly proof: AnyProof
}

const proofs = new Map(
  all.map(({ proof, binding, statement, witness }) => {
    const made = proof.sigma.commit(level, statement, witness, seededRandom(proof.name))
    return [proof, { commitment: made.commitment, proof: proof.finish(binding, statement, witness, made) }]
  }),
)

function madeBy({ proof }: Any): Made {
  return proofs.get(proof) as Made
}

function isCompact(proof: AnyPlain | AnyCompact): proof is AnyCompact {
  return 'complete' in proof.sigma
}

const MODULI = [alice.own.N, alice.own.NN, bob.own.N, bob.own.NN, alice.setup.NHat, bob.setup.NHat]
const FACTORS = [alice.own, bob.own, alice.ownSetup, bob.ownSetup].map((k) => k.p.expose())

/** The same value, whatever object holds it. */
function same(a: unknown, b: unknown): boolean {
  if (a instanceof Point) return b instanceof Point && a.equals(b)
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b
  const keys = Object.keys(a).filter((k) => typeof (a as Fields)[k] !== 'function')
  const shared = 'NN' in a ? ['N'] : isParameters(a) ? ['NHat', 's', 't'] : keys
  const length = Array.isArray(a) ? a.length === (b as unknown[]).length : true
  return length && shared.every((k) => same((a as Fields)[k], (b as Fields)[k]))
}

function isParameters(value: unknown): value is { NHat: bigint; s: bigint; t: bigint } {
  return typeof value === 'object' && value !== null && 'NHat' in value
}

/** Other values of the same kind, each differing in one place. */
function variants(value: unknown): readonly unknown[] {
  if (typeof value === 'bigint') return [value ^ 1n, value ^ (1n << 900n)]
  if (value instanceof Point) return [value.add(G), value.negate()]
  if (Array.isArray(value)) {
    const changed = value.flatMap((item, i) => variants(item).map((v) => value.map((old, k) => (k === i ? v : old))))
    return [...changed, value.slice(1), [...value, value[0]], [...value].reverse()]
  }
  if (isParameters(value)) {
    const { NHat, s, t } = value
    return [ringPedersen(NHat + 2n, s, t), ringPedersen(NHat, s + 1n, t), ringPedersen(NHat, s, t + 1n)]
  }
  if (typeof value === 'object' && value !== null && 'NN' in value) return [carol.key]
  throw new Error('a kind of value that this test does not know')
}

function bindingVariants(b: Binding): readonly (readonly [string, Binding])[] {
  return [
    ['first byte of session', { ...b, session: b.session.map((v, i) => (i === 0 ? v ^ 128 : v)) }],
    ['last byte of session', { ...b, session: b.session.map((v, i) => (i === 31 ? v ^ 1 : v)) }],
    ['length of session', { ...b, session: b.session.slice(1) }],
    ['epoch', { ...b, epoch: b.epoch + 1 }],
    ['level', { ...b, level: { ...b.level, digest: b.level.digest.map((v, i) => (i === 31 ? v ^ 1 : v)) } }],
    ['prover', { ...b, prover: 'bob' }],
    ['verifier', { ...b, verifier: 'carol' }],
    ['slot', { ...b, slot: `${b.slot}-hat` }],
    // a letter moves from one field to the next
    ['border of prover and verifier', { ...b, prover: `${b.prover}x`, verifier: b.verifier.slice(1) }],
    ['border of verifier and slot', { ...b, verifier: `${b.verifier}p`, slot: b.slot.slice(1) }],
  ]
}

for (const i of all) {
  const { proof, binding, statement, verifierStatement } = i
  const { commitment, proof: honestProof } = madeBy(i)
  const honest = String(proof.challenge(binding, statement, commitment))

  describe(`challenge of Π^${proof.name}`, () => {
    it('is the same for both sides', () => {
      assert.equal(String(proof.challenge(binding, verifierStatement, commitment)), honest)
    })
    it('changes with every field of the binding', () => {
      for (const [what, b] of bindingVariants(binding)) {
        assert.notEqual(String(proof.challenge(b, statement, commitment)), honest, what)
      }
    })
    for (const field of Object.keys(statement)) {
      it(`changes with ${field} of the statement`, () => {
        for (const v of variants(statement[field])) {
          assert.notEqual(String(proof.challenge(binding, { ...statement, [field]: v }, commitment)), honest)
        }
      })
    }
    for (const field of Object.keys(commitment)) {
      it(`changes with ${field} of the first message`, () => {
        for (const v of variants(commitment[field])) {
          assert.notEqual(String(proof.challenge(binding, statement, { ...commitment, [field]: v })), honest)
        }
      })
    }
    it('changes with the name of the proof', () => {
      const name = `${proof.name}*`
      const renamed = isCompact(proof)
        ? compact({ ...proof.sigma, name })
        : nonInteractive({ ...(proof as AnyPlain).sigma, name })
      assert.notEqual(String(renamed.challenge(binding, statement, commitment)), honest)
    })
  })

  describe(`encoding of Π^${proof.name}`, () => {
    const codec = proof.codec(level) as Codec<AnyProof>
    const bytes = encode(codec, honestProof)
    it('comes back the same and verifies', () => {
      const back = decode(codec, bytes)
      assert.deepEqual(encode(codec, back), bytes)
      assert.equal(proof.verify(binding, verifierStatement, back as never), undefined)
    })
    it('refuses a byte more and a byte less', () => {
      assert.throws(() => decode(codec, new Uint8Array([...bytes, 0])), DecodeError)
      assert.throws(() => decode(codec, bytes.slice(0, -1)), DecodeError)
      assert.throws(() => decode(codec, new Uint8Array(0)), DecodeError)
    })
    it('with any byte changed, is refused or is another proof that does not hold', () => {
      fc.assert(
        fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
          const changed = bytes.map((v, k) => (k === at ? v ^ flip : v))
          let back: AnyProof
          try {
            back = decode(codec, changed)
          } catch (error) {
            assert.ok(error instanceof DecodeError)
            return
          }
          assert.deepEqual(encode(codec, back), changed)
          assert.notEqual(proof.verify(binding, verifierStatement, back as never), undefined)
        }),
        { numRuns: 25 },
      )
    })
  })

  describe(`check of Π^${proof.name}`, () => {
    const names = Object.keys(FAULT_CODES[proof.name as keyof typeof FAULT_CODES])
    const numbers = fc.oneof(
      fc.constantFrom(0n, 1n, -1n, 2n, ...MODULI, ...MODULI.map((m) => m - 1n), ...MODULI.map((m) => -m)),
      fc.constantFrom(...FACTORS, ...FACTORS.map((f) => 3n * f), ...FACTORS.map((f) => -f)),
      fc.bigInt({ min: -(1n << 4000n), max: 1n << 4000n }),
      fc.bigInt({ min: 0n, max: 1n << 1824n }),
      fc.bigInt({ min: -(1n << 256n), max: 1n << 256n }),
    )
    const points = fc.bigInt({ min: 0n, max: 5n }).map((k) => (k === 0n ? IDENTITY : mul(G, k)))
    const setups = fc.constantFrom(
      carol.setup,
      ringPedersen(bob.setup.NHat, 0n, bob.setup.t),
      ringPedersen(bob.setup.NHat, bob.setup.s, bob.ownSetup.p.expose()),
      ringPedersen(8n, 2n, 4n),
    )
    const keys = fc.constantFrom(carol.key, alice.key, bob.key)

    /** Hostile values of the same kind as `value`. */
    const hostile = (value: unknown): fc.Arbitrary<unknown> => {
      if (typeof value === 'bigint') return numbers
      if (typeof value === 'boolean') return fc.boolean()
      if (value instanceof Point) return points
      if (Array.isArray(value)) {
        const items = fc.tuple(...value.map((item) => mixed(item)))
        return fc.oneof(items, fc.array(hostile(value[0]), { maxLength: 2 * value.length }))
      }
      if (isParameters(value)) return setups
      if (typeof value === 'object' && value !== null && 'NN' in value) return keys
      return garbled(value as Fields)
    }
    const mixed = (value: unknown): fc.Arbitrary<unknown> =>
      fc.oneof({ arbitrary: fc.constant(value), weight: 6 }, { arbitrary: hostile(value), weight: 1 })
    const garbled = (value: Fields): fc.Arbitrary<Fields> =>
      fc.record(
        Object.fromEntries(
          Object.entries(value)
            .filter(([, v]) => typeof v !== 'function')
            .map(([k, v]) => [k, mixed(v)]),
        ),
      )

    it('is total: names a check for hostile values, and never throws', () => {
      const given = honestProof
      // with the right challenge too, so that equations are reached; nothing but the honest proof may pass
      const e = proof.challenge(binding, statement, commitment)
      const check = (x: Fields, c: Fields, sentE: unknown, response: Fields): string | undefined => {
        if (!isCompact(proof)) return (proof as AnyPlain).sigma.check(level, x, c, e, response)
        const failed = proof.verify(binding, x, { commitment: c, e: sentE as bigint, response })
        if (failed === 'eq challenge') proof.sigma.check(level, x, c, sentE as bigint, response)
        return failed
      }
      fc.assert(
        fc.property(
          garbled(verifierStatement),
          garbled(given.commitment),
          mixed(given.e ?? 0n),
          garbled(given.response),
          (x, c, sentE, response) => {
            const failed = check(x, c, sentE, response)
            const e = isCompact(proof) ? { e: sentE } : {}
            if (failed === undefined)
              assert.ok(same({ ...given, x: verifierStatement }, { commitment: c, ...e, response, x }))
            else assert.ok(names.includes(failed))
          },
        ),
        { numRuns: 60 },
      )
    })
    it('is total for statements of any size', () => {
      fc.assert(
        fc.property(garbled(verifierStatement), (x) => {
          const failed = proof.verify(binding, x, honestProof as never)
          assert.ok(failed === undefined ? same(verifierStatement, x) : names.includes(failed))
        }),
        { numRuns: 30 },
      )
    })
  })
}

describe('the first message is chosen before the challenge', () => {
  // a simulated transcript: challenge and response first, then the first message that fits them
  const random = seededRandom('simulated')
  const e = symmetric(random, 200)

  it('Π^sch', () => {
    const { proof, binding, statement } = typed.sch
    const z = 77n
    const simulated = { A: combine([[z, G]]).subtract(combine([[e, statement.X]])) }
    assert.equal(proof.sigma.check(level, statement, simulated, e, { z }), undefined)
    assert.equal(proof.verify(binding, statement, { commitment: simulated, response: { z } }), 'eq X')
  })
  it('Π^elog', () => {
    const { proof, binding, statement: x } = typed.elog
    const response = { z: 77n, u: 78n }
    const { L, M, X, Y, h } = x
    const first = proof.sigma.complete(level, x, {}, e, response)
    // every equation holds with what is recomputed
    assert.ok(mul(G, 77n).equals(first.A.subtract(combine([[e, L]]))), 'eq L')
    const right = first.N.subtract(combine([[e, M]]))
    assert.ok(mul(G, 78n).add(mul(X, 77n)).equals(right), 'eq M')
    assert.ok(mul(h, 78n).equals(first.B.subtract(combine([[e, Y]]))), 'eq Y')
    assert.equal(proof.verify(binding, x, { commitment: {}, e, response }), 'eq challenge')
  })
  it('Π^prm', () => {
    const { proof, binding, statement } = typed.prm
    const z = Array.from({ length: level.repetitions }, (_, k) => BigInt(k) + 5n)
    const bits = z.map((zi): 0 | 1 => (zi % 3n === 0n ? 1 : 0))
    const { setup } = alice
    const A = z.map((zi, k) => setup.commit(bits[k] === 1 ? -1n : 0n, zi))
    assert.equal(proof.sigma.check(level, statement, { A }, bits, { z }), undefined)
    assert.equal(proof.verify(binding, statement, { commitment: { A }, response: { z } }), 'eq s')
  })
  it('Π^enc-elg, with D chosen last', () => {
    const { proof, binding, statement, witness, verifierStatement: x } = typed.encElg
    const { C, N0 } = x
    const response = { z1: 5n, z2: 7n, z3: 9n, w: 11n }
    const { S } = proof.prove(binding, statement, witness, random).commitment
    const sent = { S, D: N0.add(N0.encrypt(5n, 7n), N0.pow(C, e)) }
    assert.equal(proof.sigma.admit(level, x, sent, response), undefined)
    assert.equal(proof.sigma.check(level, x, sent, e, response), undefined)
    assert.equal(proof.verify(binding, x, { commitment: sent, e, response }), 'eq challenge')
  })
  it('Π^aff-g, with By chosen last', () => {
    const { proof, binding, statement, witness, verifierStatement: x } = typed.affG
    const { Y, N1 } = x
    const response = { z1: 5n, z2: 7n, z3: 9n, z4: 11n, w: 13n, wY: 15n }
    const { S, T } = proof.prove(binding, statement, witness, random).commitment
    const sent = { S, T, By: N1.add(N1.encrypt(7n, 15n), N1.pow(Y, e)) }
    assert.equal(proof.sigma.admit(level, x, sent, response), undefined)
    assert.equal(proof.sigma.check(level, x, sent, e, response), undefined)
    assert.equal(proof.verify(binding, x, { commitment: sent, e, response }), 'eq challenge')
  })
})

describe('compact', () => {
  for (const i of all.filter(({ proof }) => isCompact(proof))) {
    const { binding, statement, verifierStatement: x } = i
    const proof = i.proof as unknown as AnyCompact
    const made = madeBy(i)
    const given = made.proof as AnyProof & { readonly e: bigint }
    it(`Π^${proof.name}: recomputes the first message of an honest prover, and sends no more than it needs`, () => {
      const first = proof.sigma.complete(level, x, given.commitment, given.e, given.response)
      assert.ok(same(made.commitment, first))
      const sent = Object.keys(given.commitment)
      assert.deepEqual(sent, { 'enc-elg': ['S', 'D'], 'aff-g': ['By', 'S', 'T'], elog: [] }[proof.name])
    })
    it(`Π^${proof.name}: has a challenge below q, of 32 bytes, and no other form of it`, () => {
      assert.equal(given.e, proof.challenge(binding, statement, made.commitment))
      assert.ok(given.e >= 0n && given.e < Q)
      // the same residue modulo q is another challenge for ciphertexts, and for points it is not hashed
      for (const e of [given.e + Q, given.e - Q])
        assert.equal(proof.verify(binding, x, { ...given, e }), 'eq challenge')
    })
  }
  it('is total where a recomputed point is the identity', () => {
    const { proof, binding, statement: x } = typed.elog
    const response = { z: 0n, u: 0n }
    const first = proof.sigma.complete(level, x, {}, 0n, response)
    assert.ok(first.A.is0() && first.N.is0() && first.B.is0())
    assert.equal(proof.verify(binding, x, { commitment: {}, e: 0n, response }), 'eq challenge')
  })
})

describe('nonInteractive', () => {
  it('takes fresh randomness for each proof', () => {
    for (const { proof, binding, statement, witness } of all) {
      const [a, b] = [1, 2].map(() =>
        encode(proof.codec(level) as Codec<AnyProof>, proof.prove(binding, statement, witness, systemRandom)),
      )
      assert.notDeepEqual(a, b)
    }
  })
})

describe('signedChallenge', () => {
  it('is in ±q/2 and takes both signs', () => {
    const stream = new Transcript('signed challenge').stream()
    const values = Array.from({ length: 200 }, () => signedChallenge(stream, Q))
    assert.ok(values.every((e) => 2n * e <= Q && 2n * e > -Q))
    const negative = values.filter((e) => e < 0n).length
    assert.ok(negative > 60 && negative < 140)
  })
  it('reaches every residue', () => {
    const stream = new Transcript('signed challenge').stream()
    const values = new Set(Array.from({ length: 300 }, () => signedChallenge(stream, 7n)))
    assert.deepEqual(
      [...values].sort((a, b) => Number(a - b)),
      [-3n, -2n, -1n, 0n, 1n, 2n, 3n],
    )
  })
})

describe('inRange', () => {
  it('includes both ends and nothing beyond', () => {
    assert.ok([-256n, 0n, 256n].every((z) => inRange(z, 8)))
    assert.ok([-257n, 257n, 1n << 300n, -(1n << 300n)].every((z) => !inRange(z, 8)))
  })
})
