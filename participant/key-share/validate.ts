/**
 * What must hold between the fields of a key share, checked whenever one is read:
 *
 *   x·G = X_own                 the share is the one that the others know
 *   X_j = F(j), F(0) = X        all public shares are on one polynomial with the public key
 *   |F| = t, 2 ≤ t ≤ n          and its degree is what the threshold says
 *   N = pq, N̂ = p̂q̂, s = t^λ    own moduli; primes of half their size, 3 modulo 4
 *   N_j, N̂_j odd, of exact size, all different over all parties; s, t not degenerate
 *
 * Whether the moduli are products of primes was proven when they were made; it isn't tested again here.
 * Every function throws DecodeError or UsageError with `field.path: expected …`.
 */
import { bitLength, bytesToBigint, equalBytes, fromHex } from '../base/bytes.ts'
import { DecodeError } from '../base/errors.ts'
import type { SecurityLevel } from '../base/level.ts'
import { secret } from '../base/secret.ts'
import { G, mul, type Point } from '../math/curve.ts'
import { evaluateInExponent } from '../math/polynomial.ts'
import { type PaillierSecretKey, paillierKey, paillierSecretKey } from '../paillier/paillier-key.ts'
import { baseProblem, type RingPedersenSecret, ringPedersen, ringPedersenSecret } from '../paillier/ring-pedersen.ts'
import { checkRoster, type Identity, identityOf, type PartyId, type Roster } from '../party/roster.ts'
import type { AuxInfo, CoreShare, PeerAux } from '../protocols/material.ts'
import { decode, point, scalar } from '../wire/codec.ts'
import type { Entry } from './schema.ts'

function need(ok: boolean, path: string, expected: string): void {
  if (!ok) throw new DecodeError(`${path}: expected ${expected}`)
}

function read<T>(path: string, expected: string, from: () => T): T {
  try {
    return from()
  } catch {
    throw new DecodeError(`${path}: expected ${expected}`)
  }
}

function readPoint(path: string, hex: string): Point {
  return read(path, 'a compressed point on the curve', () => decode(point, fromHex(hex)))
}

function integer(hex: string): bigint {
  return bytesToBigint(fromHex(hex))
}

/** The keys of the object must be exactly these names. */
function needNames(object: object, names: readonly string[], path: string, who: string): void {
  const have = Object.keys(object)
  need(have.length === names.length && names.every((n) => Object.hasOwn(object, n)), path, `one entry for each ${who}`)
}

export function readRoster(raw: Entry['roster']): Roster {
  const members = raw.map((m) => ({
    id: m.id,
    index: m.index,
    verifyKey: fromHex(m.verify_key),
    sealKey: fromHex(m.seal_key),
  }))
  return checkRoster({ members })
}

export function readIdentity(raw: Entry['identity'], roster: Roster): Identity {
  const identity = identityOf(raw.id, secret(fromHex(raw.signing_key)), secret(fromHex(raw.sealing_key)))
  const member = roster.members.find((m) => m.id === raw.id)
  if (member === undefined) throw new DecodeError('identity.id: expected a member of the roster')
  const pinned = 'the key whose public key is in the roster'
  need(equalBytes(identity.verifyKey, member.verifyKey), 'identity.signing_key', pinned)
  need(equalBytes(identity.sealKey, member.sealKey), 'identity.sealing_key', pinned)
  return identity
}

export function readCore(raw: Entry, roster: Roster, own: PartyId): CoreShare {
  const { threshold } = raw
  const n = roster.members.length
  need(threshold <= n, 'threshold', `at most the number of members, ${n}`)
  need(raw.feldman.length === threshold, 'feldman', `as many points as the threshold, ${threshold}`)
  const F = raw.feldman.map((hex, i) => readPoint(`feldman.${i}`, hex))
  const publicKey = readPoint('public_key', raw.public_key)
  need(F[0]?.equals(publicKey) === true, 'public_key', 'the first Feldman point')

  needNames(
    raw.public_shares,
    roster.members.map((m) => m.id),
    'public_shares',
    'member',
  )
  const publicShares = new Map<PartyId, Point>()
  for (const { id, index } of roster.members) {
    const path = `public_shares.${id}`
    const X = readPoint(path, raw.public_shares[id] ?? '')
    need(X.equals(evaluateInExponent(F, BigInt(index))), path, 'the value of the Feldman polynomial at the index')
    publicShares.set(id, X)
  }

  const x = read('key_share', 'a scalar below the order of the curve', () => decode(scalar, fromHex(raw.key_share)))
  need(publicShares.get(own)?.equals(mul(G, x)) === true, 'key_share', 'the secret of the own public share')
  return { threshold, x: secret(x), feldman: F, publicKey, publicShares, chainCode: fromHex(raw.chain_code) }
}

export function readAux(raw: Entry['aux'], level: SecurityLevel, roster: Roster, own: PartyId): AuxInfo {
  const others = roster.members.map((m) => m.id).filter((id) => id !== own)
  needNames(raw.peers, others, 'aux.peers', 'other member')
  const seen = new Set<bigint>()
  const fresh = (path: string, m: bigint): void => {
    need(bitLength(m) === level.modulusBits, path, `a modulus of exactly ${level.modulusBits} bits`)
    need(m % 2n === 1n, path, 'an odd modulus')
    need(!seen.has(m), path, 'a modulus that is used nowhere else')
    seen.add(m)
  }

  const paillier = readPaillier(raw.paillier, level)
  fresh('aux.paillier.n', paillier.N)
  const pedersen = readPedersen(raw.ring_pedersen, level)
  fresh('aux.ring_pedersen.n_hat', pedersen.NHat)

  const peers = new Map<PartyId, PeerAux>()
  for (const id of others) {
    const path = `aux.peers.${id}`
    const peer = raw.peers[id]
    if (peer === undefined) throw new DecodeError(`${path}: expected an entry`)
    const [N, NHat, s, t] = [integer(peer.n), integer(peer.n_hat), integer(peer.s), integer(peer.t)]
    fresh(`${path}.n`, N)
    fresh(`${path}.n_hat`, NHat)
    needBases(path, NHat, s, t)
    peers.set(id, { paillier: paillierKey(N), pedersen: ringPedersen(NHat, s, t) })
  }
  return { paillier, pedersen, peers }
}

function readPaillier(raw: Entry['aux']['paillier'], level: SecurityLevel): PaillierSecretKey {
  const path = 'aux.paillier'
  const [p, q] = readPrimes(path, raw, level)
  need(p * q === integer(raw.n), `${path}.n`, 'the product of p and q')
  return read(path, 'primes that make a Paillier key', () => paillierSecretKey(p, q))
}

function readPedersen(raw: Entry['aux']['ring_pedersen'], level: SecurityLevel): RingPedersenSecret {
  const path = 'aux.ring_pedersen'
  const [p, q] = readPrimes(path, raw, level)
  const NHat = integer(raw.n_hat)
  need(p * q === NHat, `${path}.n_hat`, 'the product of p and q')
  const [lambda, s, t] = [integer(raw.lambda), integer(raw.s), integer(raw.t)]
  need(lambda < (p - 1n) * (q - 1n), `${path}.lambda`, 'less than the order of the units')
  needBases(path, NHat, s, t)
  const pedersen = read(path, 'primes and bases that fit together', () => ringPedersenSecret(p, q, lambda, t))
  need(pedersen.s === s, `${path}.s`, 't to the power of lambda')
  return pedersen
}

function readPrimes(
  path: string,
  raw: { readonly p: string; readonly q: string },
  level: SecurityLevel,
): [bigint, bigint] {
  const bits = level.modulusBits / 2
  const prime = (field: 'p' | 'q'): bigint => {
    const value = integer(raw[field])
    need(bitLength(value) === bits && value % 4n === 3n, `${path}.${field}`, `a prime of ${bits} bits, 3 modulo 4`)
    return value
  }
  const [p, q] = [prime('p'), prime('q')]
  need(p !== q, `${path}.q`, 'another prime than p')
  return [p, q]
}

function needBases(path: string, NHat: bigint, s: bigint, t: bigint): void {
  need(baseProblem(NHat, s, t) === undefined, `${path}.s, ${path}.t`, 'distinct units other than 1 and -1')
}
