/** Key share files: what is written comes back, and each thing that is checked is refused by name when it is wrong. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesToHex } from '../base/bytes.ts'
import { DecodeError, UsageError } from '../base/errors.ts'
import { CGGMP24_3072, INSECURE_TEST } from '../base/level.ts'
import { systemRandom } from '../base/random.ts'
import { G, mul, Q, randomNonZeroScalar } from '../math/curve.ts'
import { createIdentity } from '../party/roster.ts'
import { formatKeyShares, parseKeyShares } from './format.ts'
import type { KeyShare } from './key-share.ts'
import type { Entry } from './schema.ts'
import { dealTestShares } from './testing.ts'

type Shares = ReadonlyMap<string, KeyShare>

const LEVELS = { levels: [INSECURE_TEST] }
const deal = dealTestShares({
  parties: ['carol', 'alice', 'bob'],
  threshold: 2,
  accounts: ['main', 'second'],
  level: INSECURE_TEST,
})
const shares = deal.get('alice') as Shares
const json = formatKeyShares(shares)

function assertSameShare(a: KeyShare, b: KeyShare): void {
  // formatting opens every secret and writes every field but the derived ones
  assert.equal(formatKeyShares(new Map([[a.account, a]])), formatKeyShares(new Map([[b.account, b]])))
  assert.equal(a.aux.paillier.phi.expose(), b.aux.paillier.phi.expose())
  assert.equal(a.aux.pedersen.phi.expose(), b.aux.pedersen.phi.expose())
  assert.deepEqual(a.roster, b.roster)
  assert.deepEqual(a.identity.verifyKey, b.identity.verifyKey)
  assert.equal(a.level, b.level)
}

test('every share of every party comes back as it was', () => {
  for (const [, own] of deal) {
    const back = parseKeyShares(formatKeyShares(own), LEVELS)
    assert.deepEqual([...back.keys()], [...own.keys()])
    for (const [account, share] of own) assertSameShare(back.get(account) as KeyShare, share)
  }
})

test('a share at full size comes back, and its moduli have the right sizes', () => {
  const full = dealTestShares({ parties: ['a', 'b'], threshold: 2, accounts: ['x'], level: CGGMP24_3072, epoch: 7 })
  const own = full.get('b') as Shares
  const back = parseKeyShares(formatKeyShares(own), { levels: [CGGMP24_3072] })
  assertSameShare(back.get('x') as KeyShare, own.get('x') as KeyShare)
  assert.equal(back.get('x')?.epoch, 7)
  assert.equal(back.get('x')?.aux.paillier.N.toString(2).length, 3072)
})

test('the dealt shares interpolate to the secret of the public key', () => {
  const [a, b] = ['alice', 'bob'].map((id) => (deal.get(id) as Shares).get('main') as KeyShare)
  if (a === undefined || b === undefined) throw new Error('no share')
  // indices 1 and 2: λ = 2 and −1
  const x = 2n * a.core.x.expose() - b.core.x.expose()
  assert.ok(mul(G, x).equals(a.core.publicKey))
})

test('accounts of one roster share one AuxInfo, one roster and one identity', () => {
  const back = parseKeyShares(json, LEVELS)
  const [one, two] = [back.get('main'), back.get('second')]
  assert.equal(one?.aux, two?.aux)
  assert.equal(one?.roster, two?.roster)
  assert.equal(one?.identity, two?.identity)
  assert.notEqual(one?.core, two?.core)
})

test('accounts of different rosters keep apart, with epochs of their own', () => {
  const other = dealTestShares({
    parties: ['alice', 'dave'],
    threshold: 2,
    accounts: ['third'],
    level: INSECURE_TEST,
    epoch: 5,
  })
  const both = new Map([...shares, ...(other.get('alice') as Shares)])
  const back = parseKeyShares(formatKeyShares(both), LEVELS)
  assert.equal(back.get('third')?.epoch, 5)
  assert.equal(back.get('main')?.epoch, 0)
  assert.notEqual(back.get('third')?.aux, back.get('main')?.aux)
})

test('a hundred accounts of one roster at full size are read in less than a second', () => {
  const accounts = Array.from({ length: 100 }, (_, i) => `account-${i}`)
  const many = dealTestShares({ parties: ['a', 'b'], threshold: 2, accounts, level: CGGMP24_3072 })
  const text = formatKeyShares(many.get('a') as Shares)
  const before = process.cpuUsage()
  assert.equal(parseKeyShares(text, { levels: [CGGMP24_3072] }).size, 100)
  const used = process.cpuUsage(before)
  // processor time: the machine may be busy with something else
  assert.ok((used.user + used.system) / 1e6 < 1, `took ${(used.user + used.system) / 1e3} ms`)
})

test('a level that the caller did not name is refused', () => {
  assert.throws(() => parseKeyShares(json, { levels: [CGGMP24_3072] }), {
    name: 'DecodeError',
    message: 'key shares: account "main": level: expected cggmp24-3072',
  })
})

test('account ids may be any printable text; others are refused in both directions', () => {
  for (const account of ['0', 'constructor', 'Ω/π é', 'a'.repeat(128)]) {
    const share = { ...(shares.get('main') as KeyShare), account }
    assert.equal(parseKeyShares(formatKeyShares(new Map([[account, share]])), LEVELS).get(account)?.account, account)
  }
  for (const account of ['', ' a', 'a\n', 'a\u202eb', 'é'.repeat(65), '__proto__', '\ud800']) {
    const share = { ...(shares.get('main') as KeyShare), account }
    assert.throws(() => formatKeyShares(new Map([[account, share]])), UsageError)
    const text = json.replace('"main":', `${JSON.stringify(account)}:`)
    assert.throws(() => parseKeyShares(text, LEVELS), DecodeError)
  }
})

test('a share under another account than its own is not written', () => {
  const share = shares.get('main') as KeyShare
  assert.throws(() => formatKeyShares(new Map([['x', share]])), {
    name: 'UsageError',
    message: /under its own account/,
  })
})

test('text that is no JSON object is refused without quoting it', () => {
  for (const [text, message] of [
    ['', 'key shares: expected JSON'],
    ['{"a": deadbeef}', 'key shares: expected JSON'],
    [json.slice(0, -10), 'key shares: expected JSON'],
    ['[]', 'key shares: expected an object from account id to share'],
    ['null', 'key shares: expected an object from account id to share'],
    ['"x"', 'key shares: expected an object from account id to share'],
    ['{}', 'key shares: expected at least one account'],
    ['{"a": null}', 'key shares: account "a": entry: expected an object'],
    ['{"a": []}', 'key shares: account "a": entry: expected an object'],
  ] as const) {
    assert.throws(() => parseKeyShares(text, LEVELS), { name: 'DecodeError', message })
  }
})

/** A draft of the entry that a row changes. */
type Draft = { -readonly [K in keyof Entry]: Entry[K] }
type Row = readonly [name: string, change: (e: Draft) => void, message: string]

const otherPoint = bytesToHex(mul(G, randomNonZeroScalar(systemRandom)).toBytes(true))
const otherIdentity = createIdentity('alice', systemRandom)
const hexOf = (v: bigint, like: string): string => v.toString(16).padStart(like.length, '0')
const plus = (hex: string, n: bigint): string => hexOf(BigInt(`0x${hex}`) + n, hex)
const at = <T>(list: readonly T[], i: number): T => {
  const found = list[i]
  if (found === undefined) throw new Error(`no item ${i}`)
  return found
}
const own = (e: Draft) => e.aux.ring_pedersen
const peer = (e: Draft, id = 'bob') => {
  const found = e.aux.peers[id]
  if (found === undefined) throw new Error('no peer')
  return found
}
const put = (target: object, field: string, value: unknown): void => {
  Object.assign(target, { [field]: value })
}
const INTEGER = 'expected an integer: 456 lower-case hex digits'
const PRIME = 'expected a prime: 228 lower-case hex digits'
const KEY = 'expected a key: 64 lower-case hex digits'
const POINT = 'expected a compressed point: 66 lower-case hex digits'
const ON_CURVE = 'expected a compressed point on the curve'
const BASES = 'expected distinct units other than 1 and -1'
const PRIME_FORM = 'expected a prime of 912 bits, 3 modulo 4'
const OFF_CURVE = `02${'0'.repeat(63)}5`

const TABLE: readonly Row[] = [
  // form
  ['version', (e) => put(e, 'version', 2), 'version: expected 1'],
  ['version as text', (e) => put(e, 'version', '1'), 'version: expected 1'],
  ['curve', (e) => put(e, 'curve', 'ed25519'), 'curve: expected secp256k1'],
  ['level unknown', (e) => put(e, 'level', 'none'), 'level: expected insecure-test'],
  ['level no text', (e) => put(e, 'level', 5), 'level: expected the name of a security level'],
  ['field missing', (e) => put(e, 'epoch', undefined), 'epoch: expected a whole number from 0 to 4294967295'],
  ['field unknown', (e) => put(e, 'extra', 1), 'entry: expected no field extra'],
  ['field unknown, hostile', (e) => put(e, 'a\n"b', 1), 'entry: expected no field a??b'],
  ['field unknown below', (e) => put(e.aux.paillier, 'phi', '00'), 'aux.paillier: expected no field phi'],
  ['epoch negative', (e) => put(e, 'epoch', -1), 'epoch: expected a whole number from 0 to 4294967295'],
  ['epoch fraction', (e) => put(e, 'epoch', 0.5), 'epoch: expected a whole number from 0 to 4294967295'],
  ['epoch large', (e) => put(e, 'epoch', 2 ** 32), 'epoch: expected a whole number from 0 to 4294967295'],
  ['threshold 1', (e) => put(e, 'threshold', 1), 'threshold: expected a whole number from 2 to 32'],
  ['public_key form', (e) => put(e, 'public_key', 5), `public_key: ${POINT}`],
  ['public_key upper case', (e) => put(e, 'public_key', e.public_key.replace(/[a-f]/, 'A')), `public_key: ${POINT}`],
  [
    'key_share short',
    (e) => put(e, 'key_share', e.key_share.slice(2)),
    'key_share: expected a scalar: 64 lower-case hex digits',
  ],
  ['feldman form', (e) => put(e, 'feldman', ['', '']), `feldman.0: ${POINT}`],
  ['feldman no list', (e) => put(e, 'feldman', {}), 'feldman: expected a list'],
  ['feldman long', (e) => put(e, 'feldman', Array(33).fill(otherPoint)), 'feldman: expected at most 32 points'],
  ['public_shares no map', (e) => put(e, 'public_shares', []), 'public_shares: expected an object'],
  ['public_shares form', (e) => put(e.public_shares, 'bob', 'zz'), `public_shares.bob: ${POINT}`],
  ['public_shares name', (e) => put(e.public_shares, 'b b', otherPoint), 'public_shares.b?b: expected a party name'],
  ['chain_code', (e) => put(e, 'chain_code', ''), 'chain_code: expected a chain code: 64 lower-case hex digits'],
  ['roster form', (e) => put(at(e.roster, 1), 'verify_key', 'x'), `roster.1.verify_key: ${KEY}`],
  ['roster seal_key form', (e) => put(at(e.roster, 0), 'seal_key', 'x'), `roster.0.seal_key: ${KEY}`],
  ['roster id form', (e) => put(at(e.roster, 0), 'id', '-'), 'roster.0.id: expected a party name'],
  [
    'roster index form',
    (e) => put(at(e.roster, 0), 'index', 0),
    'roster.0.index: expected a whole number from 1 to 32',
  ],
  ['roster long', (e) => put(e, 'roster', Array(33).fill(at(e.roster, 0))), 'roster: expected at most 32 members'],
  ['identity missing', (e) => put(e, 'identity', undefined), 'identity: expected an object'],
  ['identity form', (e) => put(e.identity, 'signing_key', 'AB'), `identity.signing_key: ${KEY}`],
  ['sealing_key form', (e) => put(e.identity, 'sealing_key', 1), `identity.sealing_key: ${KEY}`],
  ['aux missing', (e) => put(e, 'aux', undefined), 'aux: expected an object'],
  ['own n form', (e) => put(e.aux.paillier, 'n', `0${e.aux.paillier.n}`), `aux.paillier.n: ${INTEGER}`],
  ['own p form', (e) => put(e.aux.paillier, 'p', '03'), `aux.paillier.p: ${PRIME}`],
  ['own lambda form', (e) => put(own(e), 'lambda', '01'), `aux.ring_pedersen.lambda: ${INTEGER}`],
  ['peer form', (e) => put(peer(e), 's', null), `aux.peers.bob.s: ${INTEGER}`],
  ['peers no map', (e) => put(e.aux, 'peers', null), 'aux.peers: expected an object'],

  // roster and identity
  ['roster of one', (e) => put(e, 'roster', [at(e.roster, 0)]), 'roster: expected 2 to 32 members'],
  ['roster order', (e) => e.roster.reverse(), 'roster: expected index 1 for member carol'],
  [
    'roster same key',
    (e) => put(at(e.roster, 1), 'verify_key', at(e.roster, 2).verify_key),
    'roster: two members have the same signing key',
  ],
  ['identity stranger', (e) => put(e.identity, 'id', 'mallory'), 'identity.id: expected a member of the roster'],
  [
    'identity of another',
    (e) => put(e.identity, 'id', 'bob'),
    'identity.signing_key: expected the key whose public key is in the roster',
  ],
  [
    'signing key',
    (e) => put(e.identity, 'signing_key', bytesToHex(otherIdentity.signingKey.expose())),
    'identity.signing_key: expected the key whose public key is in the roster',
  ],
  [
    'sealing key',
    (e) => put(e.identity, 'sealing_key', bytesToHex(otherIdentity.sealingKey.expose())),
    'identity.sealing_key: expected the key whose public key is in the roster',
  ],

  // the sharing
  ['threshold above n', (e) => put(e, 'threshold', 4), 'threshold: expected at most the number of members, 3'],
  ['threshold above degree', (e) => put(e, 'threshold', 3), 'feldman: expected as many points as the threshold, 3'],
  ['feldman longer', (e) => e.feldman.push(otherPoint), 'feldman: expected as many points as the threshold, 2'],
  ['feldman off curve', (e) => e.feldman.splice(1, 1, OFF_CURVE), `feldman.1: ${ON_CURVE}`],
  [
    'feldman other',
    (e) => e.feldman.splice(1, 1, otherPoint),
    'public_shares.alice: expected the value of the Feldman polynomial at the index',
  ],
  ['public_key off curve', (e) => put(e, 'public_key', OFF_CURVE), `public_key: ${ON_CURVE}`],
  ['public_key other', (e) => put(e, 'public_key', otherPoint), 'public_key: expected the first Feldman point'],
  [
    'public share missing',
    (e) => Reflect.deleteProperty(e.public_shares, 'bob'),
    'public_shares: expected one entry for each member',
  ],
  [
    'public share extra',
    (e) => put(e.public_shares, 'dave', otherPoint),
    'public_shares: expected one entry for each member',
  ],
  ['public share off curve', (e) => put(e.public_shares, 'carol', OFF_CURVE), `public_shares.carol: ${ON_CURVE}`],
  [
    'public share other',
    (e) => put(e.public_shares, 'carol', otherPoint),
    'public_shares.carol: expected the value of the Feldman polynomial at the index',
  ],
  [
    'key_share large',
    (e) => put(e, 'key_share', plus(hexOf(Q, e.key_share), 0n)),
    'key_share: expected a scalar below the order of the curve',
  ],
  [
    'key_share zero',
    (e) => put(e, 'key_share', '0'.repeat(64)),
    'key_share: expected the secret of the own public share',
  ],
  [
    'key_share other',
    (e) => put(e, 'key_share', hexOf(7n, e.key_share)),
    'key_share: expected the secret of the own public share',
  ],

  // own moduli
  ['own p even', (e) => put(e.aux.paillier, 'p', plus(e.aux.paillier.p, 1n)), `aux.paillier.p: ${PRIME_FORM}`],
  ['own p, 1 modulo 4', (e) => put(e.aux.paillier, 'p', plus(e.aux.paillier.p, 2n)), `aux.paillier.p: ${PRIME_FORM}`],
  ['own q short', (e) => put(e.aux.paillier, 'q', `0${e.aux.paillier.q.slice(1)}`), `aux.paillier.q: ${PRIME_FORM}`],
  ['own p = q', (e) => put(e.aux.paillier, 'q', e.aux.paillier.p), 'aux.paillier.q: expected another prime than p'],
  ['own p other', (e) => put(e.aux.paillier, 'p', own(e).p), 'aux.paillier.n: expected the product of p and q'],
  ['own n other', (e) => put(e.aux.paillier, 'n', own(e).n_hat), 'aux.paillier.n: expected the product of p and q'],
  ['own N̂ primes', (e) => put(own(e), 'q', own(e).p), 'aux.ring_pedersen.q: expected another prime than p'],
  [
    'own N̂ prime form',
    (e) => put(own(e), 'p', plus(own(e).p, 4n).replace(/.$/, '1')),
    `aux.ring_pedersen.p: ${PRIME_FORM}`,
  ],
  [
    'own N̂ other',
    (e) => put(own(e), 'n_hat', e.aux.paillier.n),
    'aux.ring_pedersen.n_hat: expected the product of p and q',
  ],
  [
    'own N̂ = N',
    (e) => Object.assign(own(e), ownPrimesOf(e)),
    'aux.ring_pedersen.n_hat: expected a modulus that is used nowhere else',
  ],
  [
    'own s other',
    (e) => put(own(e), 's', hexOf(4n, own(e).s)),
    'aux.ring_pedersen.s: expected t to the power of lambda',
  ],
  [
    'own t other',
    (e) => put(own(e), 't', hexOf(4n, own(e).t)),
    'aux.ring_pedersen.s: expected t to the power of lambda',
  ],
  [
    'own lambda other',
    (e) => put(own(e), 'lambda', hexOf(4n, own(e).lambda)),
    'aux.ring_pedersen.s: expected t to the power of lambda',
  ],
  [
    'own lambda large',
    (e) => put(own(e), 'lambda', own(e).n_hat),
    'aux.ring_pedersen.lambda: expected less than the order of the units',
  ],
  ['own t = 1', (e) => put(own(e), 't', hexOf(1n, own(e).t)), `aux.ring_pedersen.s, aux.ring_pedersen.t: ${BASES}`],

  // peers' moduli
  [
    'peer missing',
    (e) => Reflect.deleteProperty(e.aux.peers, 'bob'),
    'aux.peers: expected one entry for each other member',
  ],
  ['peer extra', (e) => put(e.aux.peers, 'alice', peer(e)), 'aux.peers: expected one entry for each other member'],
  [
    'peer n short',
    (e) => put(peer(e), 'n', `0${peer(e).n.slice(1)}`),
    'aux.peers.bob.n: expected a modulus of exactly 1824 bits',
  ],
  ['peer n even', (e) => put(peer(e), 'n', plus(peer(e).n, 1n)), 'aux.peers.bob.n: expected an odd modulus'],
  [
    'peer n_hat short',
    (e) => put(peer(e), 'n_hat', `0${peer(e).n_hat.slice(1)}`),
    'aux.peers.bob.n_hat: expected a modulus of exactly 1824 bits',
  ],
  [
    'peer n_hat even',
    (e) => put(peer(e), 'n_hat', plus(peer(e).n_hat, 1n)),
    'aux.peers.bob.n_hat: expected an odd modulus',
  ],
  [
    'peer n own',
    (e) => put(peer(e), 'n', e.aux.paillier.n),
    'aux.peers.bob.n: expected a modulus that is used nowhere else',
  ],
  [
    'peer n_hat = n',
    (e) => put(peer(e), 'n_hat', peer(e).n),
    'aux.peers.bob.n_hat: expected a modulus that is used nowhere else',
  ],
  [
    'peers same n',
    (e) => put(peer(e, 'carol'), 'n', peer(e).n),
    'aux.peers.carol.n: expected a modulus that is used nowhere else',
  ],
  ['peer s = 1', (e) => put(peer(e), 's', hexOf(1n, peer(e).s)), `aux.peers.bob.s, aux.peers.bob.t: ${BASES}`],
  ['peer t = 0', (e) => put(peer(e), 't', hexOf(0n, peer(e).t)), `aux.peers.bob.s, aux.peers.bob.t: ${BASES}`],
  ['peer t = -1', (e) => put(peer(e), 't', plus(peer(e).n_hat, -1n)), `aux.peers.bob.s, aux.peers.bob.t: ${BASES}`],
  ['peer s = t', (e) => put(peer(e), 's', peer(e).t), `aux.peers.bob.s, aux.peers.bob.t: ${BASES}`],
]

/** The own Paillier primes as ring-Pedersen parameters: fits together, but for the modulus being used twice. */
function ownPrimesOf(e: Draft): object {
  const { n, p, q } = e.aux.paillier
  const t = 4n
  // s = t^3
  return { n_hat: n, p, q, t: hexOf(t, n), lambda: hexOf(3n, n), s: hexOf(t ** 3n, n) }
}

for (const [name, change, message] of TABLE) {
  test(`refused: ${name}`, () => {
    const { main } = JSON.parse(json) as { readonly main: Draft }
    change(main)
    // the whole message: so it quotes no value
    const expected = { name: 'DecodeError', message: `key shares: account "main": ${message}` }
    assert.throws(() => parseKeyShares(JSON.stringify({ main }), LEVELS), expected)
  })
}

test('accounts of one roster with different epochs are refused', () => {
  const file = JSON.parse(json) as { readonly main: Draft; readonly second: Draft }
  put(file.second, 'epoch', 1)
  assert.throws(() => parseKeyShares(JSON.stringify(file), LEVELS), {
    name: 'DecodeError',
    message: 'key shares: account "second": epoch: expected the same as in the other accounts of this roster',
  })
})

test('entries under another name than the members have are refused as such', () => {
  for (const [field, path, who] of [
    ['public_shares', 'public_shares', 'member'],
    ['peers', 'aux.peers', 'other member'],
  ] as const) {
    const renamed = json.replace(new RegExp(`("${field}": \\{[^}]*?)"bob"`), '$1"zoe"')
    assert.notEqual(renamed, json)
    const message = `key shares: account "main": ${path}: expected one entry for each ${who}`
    assert.throws(() => parseKeyShares(renamed, LEVELS), { name: DecodeError.name, message }, field)
  }
})

test('the name __proto__ is refused wherever it stands', () => {
  for (const text of [
    json.replace('"public_shares": {', `"public_shares": {"__proto__": "${otherPoint}",`),
    json.replace('"peers": {', '"peers": {"__proto__": {},'),
  ]) {
    assert.throws(() => parseKeyShares(text, LEVELS), { message: 'key shares: expected no field __proto__' })
  }
})
