/** What proofs and messages are made of, each with everything prepared: exponentiations, Paillier, points, envelopes. */
import { CGGMP24_3072 } from '../../participant/base/level.ts'
import { systemRandom } from '../../participant/base/random.ts'
import { combine, G, mul, mulPublic, randomScalar } from '../../participant/math/curve.ts'
import { bigintEngine, type Engine, engine } from '../../participant/math/engine.ts'
import { modulus } from '../../participant/math/modulus.ts'
import { uniformBelow, unit } from '../../participant/math/sampling.ts'
import { createIdentity } from '../../participant/party/roster.ts'
import { decodePacket, encodePacket, signEnvelope, verifyEnvelope } from '../../participant/wire/envelope.ts'
import { seal, unseal } from '../../participant/wire/sealing.ts'
import { testParty } from '../../participant/zk/testing.ts'
import { type Row, timedCalls } from './row.ts'

const random = systemRandom
const row = (name: string, call: () => unknown): Row => ({
  name,
  measure: (record, runs) => timedCalls(record, runs, call),
})

/** Bits of modulus and exponent, as signing has them. */
const POWERS = [
  [6144, 3072],
  [6144, 768],
  [6144, 256],
  [3072, 3840],
  [3072, 3072],
  [3072, 1536],
  [3072, 256],
  [1536, 1536],
] as const

function power(by: Engine, modulusBits: number, exponentBits: number): Row {
  // odd, and of exactly these bits
  const top = 1n << BigInt(modulusBits - 1)
  const modM = modulus(top | uniformBelow(random, top) | 1n, by)
  const base = uniformBelow(random, modM.m)
  const e = (1n << BigInt(exponentBits - 1)) | uniformBelow(random, 1n << BigInt(exponentBits - 1))
  return row(`power, modulus ${modulusBits} bits, exponent ${exponentBits}, ${by.name}`, () => modM.pow(base, e))
}

const engines = engine === bigintEngine ? [bigintEngine] : [engine, bigintEngine]
const powers = POWERS.flatMap(([m, e]) => engines.map((by) => power(by, m, e)))

function paillier(): readonly Row[] {
  const { own, key, ownSetup, setup } = testParty(CGGMP24_3072, 0)
  const [m, rho] = [randomScalar(random), unit(random, own.N)]
  const C = own.encrypt(m, rho)
  const [x, y] = [uniformBelow(random, 1n << 768n), uniformBelow(random, 1n << 3840n)]
  return [
    row('Paillier encryption, own key', () => own.encrypt(m, rho)),
    row('Paillier encryption, key of a peer', () => key.encrypt(m, rho)),
    row('Paillier decryption', () => own.decrypt(C)),
    row('ring-Pedersen commitment, 768 and 3840 bits, own parameters', () => ownSetup.commit(x, y)),
    row('ring-Pedersen commitment, 768 and 3840 bits, parameters of a peer', () => setup.commit(x, y)),
  ]
}

function points(): readonly Row[] {
  const [k, l] = [randomScalar(random), randomScalar(random)]
  const [P, R] = [mul(G, k), mul(G, l)]
  return [
    row('secret scalar times G', () => mul(G, k)),
    row('secret scalar times a point', () => mul(P, k)),
    row('public scalar times a point', () => mulPublic(P, k)),
    row('k·P + l·R, public', () =>
      combine([
        [k, P],
        [l, R],
      ]),
    ),
    row('adding two points', () => P.add(R)),
  ]
}

/** A body of 8 KB, as large as the proofs of one round. */
function envelopes(): readonly Row[] {
  const [a, b] = [createIdentity('a', random), createIdentity('b', random)]
  const message = {
    session: random.bytes(32),
    protocol: 'presign',
    round: 'one',
    from: 'a',
    to: 'b',
    body: random.bytes(8192),
  }
  const envelope = signEnvelope(message, a.signingKey)
  if (!verifyEnvelope(envelope, a.verifyKey)) throw new Error('an honest envelope fails')
  const sealed = seal(envelope, b.sealKey, random)
  const packet = encodePacket(sealed)
  return [
    row('envelope of 8 KB, sign', () => signEnvelope(message, a.signingKey)),
    row('envelope of 8 KB, verify', () => verifyEnvelope(envelope, a.verifyKey)),
    row('envelope of 8 KB, seal', () => seal(envelope, b.sealKey, random)),
    row('envelope of 8 KB, open', () => unseal(sealed, b.sealingKey)),
    row('packet of 8 KB, encode', () => encodePacket(sealed)),
    row('packet of 8 KB, decode', () => decodePacket(packet)),
  ]
}

export const rows: readonly Row[] = [...powers, ...paillier(), ...points(), ...envelopes()]
