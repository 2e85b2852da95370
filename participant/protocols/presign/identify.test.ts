/**
 * The alarm of presigning: cheaters in the sums and in the alarm itself are named by all, honest parties by nobody.
 * Three of four sign, and p3 is the one that cheats.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { culprits, type FaultCode, MpcError, ProtocolAbort } from '../../base/errors.ts'
import { G, modQ, sum as sumOf } from '../../math/curve.ts'
import type { Party } from '../../party/party.ts'
import { memberOf, type PartyId } from '../../party/roster.ts'
import type { BroadcastRound, PerPeer, Received, Round } from '../../party/rounds.ts'
import { networkOf } from '../../party/testing.ts'
import { viewed } from '../../party/view.ts'
import { type Codec, decode, encode } from '../../wire/codec.ts'
import { decodePacket, type Envelope, envelopeCodec, signEnvelope, verifyEnvelope } from '../../wire/envelope.ts'
import type { dec } from '../../zk/dec.ts'
import { inProcess, type Work } from '../../zk/work.ts'
import { altered, both, type Cheat, fixture, type Results, runPresign } from '../testing.ts'
import { type Alarms, convict, type Failure, type Heard, type Said } from './identify.ts'
import type { AlarmProduct, AlarmSum, One, Three, Two, TwoProducts } from './rounds.ts'
import { contextOf, type Sum } from './statements.ts'

const f = fixture(4, 3)
const signers = ['p0', 'p2', 'p3']
const { one, two, twoProducts, three, alarm, alarmSum, alarmProducts } = f.presign
/** What a signed message of `2 products` has as its body. */
const productsBody = viewed(twoProducts.codec)
const SUMS: readonly Sum[] = ['delta', 'chi']

function present<T>(value: T | undefined): T {
  assert.ok(value !== undefined)
  return value
}

/** Takes what one peer said in round 3 for something else, and its proof for granted. */
function mishears(change: (m: Three) => Three): Cheat {
  return (party) => ({
    ...party,
    async collect<M>(round: Round<M>) {
      const got = await party.collect(round)
      if (round.name !== three.name) return got
      return got.map((m, from) =>
        from === party.peers[0] ? { ...m, message: change(m.message as unknown as Three) as unknown as M } : m,
      )
    },
    checkEach: async (round, got, check) =>
      round.name === three.name ? undefined : party.checkEach(round, got, check),
  })
}

/** Goes into the alarm for this sum, though nobody cheated. What that alarm is about is as it was sent. */
function alarmed(sum: Sum): Cheat {
  return sum === 'delta'
    ? mishears((m) => ({ ...m, Delta: m.Delta.add(G) }))
    : mishears((m) => ({ ...m, delta: modQ(m.delta + 1n), Delta: m.Delta.add(G) }))
}

/** Claims what it published in round 3, one more than the truth, in its Π^dec too. */
const claims: Cheat = (party) => ({
  ...party,
  work: {
    ...party.work,
    prove: (proof, b, x, w, random) => {
      if (proof.name !== 'dec') return party.work.prove(proof, b, x, w, random)
      const { S, h } = x as { S: typeof G; h: typeof G }
      return party.work.prove(proof, b, { ...x, S: S.add(h) }, w, random)
    },
  },
})

/** Publishes a wrong share of the sum. It does not see by itself that the sum is wrong, so it has to be woken. */
const cheats: Readonly<Record<Sum, Cheat>> = {
  delta: both(
    altered(three, (m) => ({ ...m, delta: modQ(m.delta + 1n) })),
    mishears((m) => ({ ...m, delta: modQ(m.delta + 5n) })),
    claims,
  ),
  chi: both(
    altered(three, (m, _to, { self }) => ({ ...m, S: m.S.add(gammaSeenBy(self)) })),
    mishears((m) => ({ ...m, S: m.S.add(G) })),
    claims,
  ),
}

/** Γ, as the cheater computes it: noted when it collects round 2. */
const gammas = new Map<PartyId, typeof G>()
function gammaSeenBy(id: PartyId): typeof G {
  return present(gammas.get(id))
}
const notesGamma: Cheat = (party) => {
  let own: typeof G | undefined
  return {
    ...party,
    broadcast<M>(round: BroadcastRound<M>, m: M) {
      if (round.name === two.name) own = (m as unknown as Two).Gamma
      return party.broadcast(round, m)
    },
    async collect<M>(round: Round<M>) {
      const got = await party.collect(round)
      if (round.name === two.name) {
        const others = got.values().map((m) => (m.message as unknown as Two).Gamma)
        gammas.set(party.self, sumOf([present(own), ...others]))
      }
      return got
    },
  }
}

function run(o: Parameters<typeof runPresign>[1]) {
  // long, so that a busy machine doesn't end a run: nothing here waits for the deadline
  return runPresign(f, { signers, deadlineMs: 600_000, ...o })
}

function expectNamed(results: Results<unknown>, honest: readonly PartyId[], code: FaultCode, check: RegExp): void {
  for (const id of honest) {
    const result = present(results.get(id))
    assert.ok(result.status === 'rejected', `${id} has a presignature`)
    const e: unknown = result.reason
    assert.ok(e instanceof ProtocolAbort, `${id}: ${e}`)
    assert.deepEqual(culprits(e), ['p3'], `${id}: ${e.message}`)
    for (const fault of e.faults) {
      assert.equal(fault.code, code)
      assert.match(fault.check, check)
      assert.ok(fault.evidence.length > 0)
      for (const raw of fault.evidence) {
        const envelope = decode(envelopeCodec, raw)
        assert.equal(envelope.from, 'p3')
        assert.ok(verifyEnvelope(envelope, memberOf(f.roster, 'p3').verifyKey))
      }
    }
  }
}

/** Ended for want of a message: a deadline or a peer that stopped. */
function expectNobody(results: Results<unknown>, honest: readonly PartyId[]): void {
  for (const id of honest) {
    const result = present(results.get(id))
    assert.ok(result.status === 'rejected', `${id} has a presignature`)
    const e: unknown = result.reason
    assert.ok(e instanceof MpcError && ['TRANSPORT', 'PEER_STOPPED'].includes(e.code), `${id}: ${e}`)
    assert.deepEqual(culprits(e), [])
  }
}

describe('alarm of presigning: a wrong sum', () => {
  test('another δ, proven as it was published: DELTA', async () => {
    const results = await run({ cheats: { p3: cheats.delta } })
    expectNamed(results, ['p0', 'p2'], 'DELTA', /^psi-dec: eq S$/)
    const { reason } = results.get('p0') as PromiseRejectedResult
    const evidence = (reason as ProtocolAbort).faults[0]?.evidence.map((raw) => decode(envelopeCodec, raw))
    assert.deepEqual(
      evidence?.map((e) => `${e.round} ${e.to}`),
      ['1 ', '2 ', '3 ', 'alarm ', '2 products p0', '2 products p2', 'alarm sum '],
    )
  })

  test('another S, proven as it was published: CHI', async () => {
    const results = await run({ cheats: { p3: both(notesGamma, cheats.chi) } })
    expectNamed(results, ['p0', 'p2'], 'CHI', /^psi-hat-dec: eq S$/)
  })

  test('another factor in D, which an accomplice lets pass: DELTA', async () => {
    const { paillier } = present(f.shares.get('p2')).aux
    const p2: Cheat = (party) => ({
      ...party,
      checkEach: async (round, got, check) =>
        round.name === twoProducts.name ? undefined : party.checkEach(round, got, check),
    })
    const p3 = altered(twoProducts, (m, to) => (to === 'p2' ? { ...m, D: paillier.pow(m.D, 2n) } : m))
    expectNamed(await run({ cheats: { p2, p3 } }), ['p0'], 'DELTA', /^psi-star: eq/)
  })

  test('a lie in the alarm alone: DELTA', async () => {
    const lies = altered(alarm, ({ products }) => ({ products: [...products].reverse() }))
    const [p0, p2, p3] = [alarmed('delta'), alarmed('delta'), both(alarmed('delta'), lies)]
    expectNamed(await run({ cheats: { p0, p2, p3 } }), ['p0', 'p2'], 'DELTA', /^shown: sender and recipient$/)
  })
})

describe('alarm of presigning: silence and noise blame nobody', () => {
  test('a cheater that does not prove anything', async () => {
    const silent: Cheat = (party) => ({
      ...party,
      broadcast: async (round, m) => (round.name === alarmSum.name ? undefined : party.broadcast(round, m)),
    })
    expectNobody(await run({ cheats: { p3: both(silent, cheats.delta) } }), ['p0', 'p2'])
  })

  test('a network that changes what an honest party shows', async () => {
    const isAlarm = (packet: Uint8Array): boolean => {
      const p = decodePacket(packet)
      return p.kind === 'clear' && p.envelope.round === alarm.name
    }
    const channelOf = networkOf(signers, (from, to, packet) =>
      from === 'p2' && to === 'p0' && isAlarm(packet) ? [packet.map((v, i) => (i === 500 ? v ^ 1 : v))] : [packet],
    )
    const results = await run({ cheats: { p3: cheats.delta }, channelOf })
    expectNobody(results, ['p0'])
    expectNamed(results, ['p2'], 'DELTA', /^psi-dec: eq S$/)
  })

  test('a false alarm of one: the others have their presignatures', async () => {
    const p3: Cheat = both((party) => {
      const collect: Party['collect'] = async (round) => {
        if (round.name === alarm.name) throw new Error('nobody answers')
        return party.collect(round)
      }
      return { ...party, collect }
    }, alarmed('delta'))
    const results = await run({ cheats: { p3 } })
    assert.deepEqual(
      signers.map((id) => results.get(id)?.status),
      ['fulfilled', 'fulfilled', 'rejected'],
    )
  })
})

/** A presigning without a cheater that went into the alarm, as p0 saw it. */
interface Recorded {
  readonly results: Results<unknown>
  readonly failure: Failure
  readonly alarms: Alarms
  readonly judge: Party
}

/** Proofs and their statements are checked once: the rows below differ in one of them. */
function remembering(): Work {
  const known = new WeakMap<object, Map<string, string | undefined>>()
  return {
    ...inProcess,
    async verify(proof, b, x, given) {
      const { sigma } = proof as unknown as typeof dec
      const key = `${proof.name} ${b.prover} ${b.slot} ${encode(sigma.statement(b.level) as Codec<typeof x>, x)}`
      const results = known.get(given as object) ?? new Map()
      known.set(given as object, results)
      if (!results.has(key)) results.set(key, await inProcess.verify(proof, b, x, given))
      return results.get(key)
    },
  }
}

async function record(sum: Sum): Promise<Recorded> {
  const sent = new Map<string, unknown>()
  const got = new Map<string, PerPeer<Received<unknown>>>()
  let judge: Party | undefined
  const records: Cheat = (party) => {
    judge = { ...party, work: remembering() }
    return {
      ...party,
      broadcast(round, m) {
        sent.set(round.name, m)
        return party.broadcast(round, m)
      },
      async collect(round) {
        const all = await party.collect(round)
        got.set(round.name, all)
        return all
      },
    }
  }
  const [p0, p2, p3] = [both(records, alarmed(sum)), alarmed(sum), alarmed(sum)]
  const results = await run({ cheats: { p0, p2, p3 } })
  const peersOf = <M>({ name }: Round<M>) => new Map((got.get(name) as PerPeer<Received<M>>).entries())
  const all = <M>(round: Round<M>) =>
    new Map<PartyId, Heard<M>>([['p0', { message: sent.get(round.name) as M }], ...peersOf(round)])
  const [ones, twos, threes] = [all<One>(one), all<Two>(two), all<Three>(three)]
  const { core, aux } = present(f.shares.get('p0'))
  const said = new Map(
    signers.map((id): [PartyId, Said] => [
      id,
      { one: present(ones.get(id)), two: present(twos.get(id)), three: present(threes.get(id)) },
    ]),
  )
  const moduli = new Map([...aux.peers, ['p0', aux] as const])
  return {
    results,
    failure: {
      sum,
      ctx: contextOf(f.roster, 3, core.publicKey, core.publicShares, signers, moduli),
      Gamma: sumOf([...twos.values()].map((m) => m.message.Gamma)),
      said,
    },
    alarms: {
      shown: all(alarm),
      sums: peersOf<AlarmSum>(alarmSum),
      products: alarmProducts.slice(0, 2).map((round) => peersOf<AlarmProduct>(round)),
    },
    judge: present(judge),
  }
}

const records = new Map<Sum, Promise<Recorded>>()

/** Made when it is first asked for: each takes seconds. */
function recorded(sum: Sum): Promise<Recorded> {
  const made = records.get(sum) ?? record(sum)
  records.set(sum, made)
  return made
}

describe('alarm of presigning: honest twins', () => {
  for (const sum of SUMS) {
    test(`an honest transcript convicts nobody: ${sum}`, async () => {
      const { results, failure, alarms, judge } = await recorded(sum)
      for (const [id, result] of results) {
        assert.ok(result.status === 'rejected' && result.reason instanceof ProtocolAbort, id)
        assert.deepEqual(result.reason.faults, [])
        assert.match(result.reason.message, sum === 'delta' ? /\(DELTA\)/ : /\(CHI\)/)
      }
      assert.deepEqual(await convict(failure, alarms, ['p2', 'p3'], judge, f.presign), [])
    })
  }
})

interface Change {
  readonly shown?: (products: readonly Uint8Array[]) => readonly Uint8Array[]
  /** The presigning that `other` is, if not this one. */
  readonly from?: Sum
  readonly sum?: (m: AlarmSum, other: Recorded) => AlarmSum
  /** The proof about p2, p3's second other signer. */
  readonly product?: (m: AlarmProduct, forP0: AlarmProduct, other: Recorded) => AlarmProduct
  readonly said?: (m: Said) => Said
  /** What p3 signed for p2 in round 2, which p2 shows. */
  readonly given?: (m: TwoProducts) => TwoProducts
}

/** Encoded with another body or head, and signed again by `by`. */
function resigned(raw: Uint8Array, by: PartyId, change: Partial<Envelope>): Uint8Array {
  const { signingKey } = present(f.identities.get(by))
  return encode(envelopeCodec, signEnvelope({ ...decode(envelopeCodec, raw), ...change }, signingKey))
}

function replaced<V>(map: ReadonlyMap<PartyId, Heard<V>>, id: PartyId, change: (m: V) => V) {
  const old = present(map.get(id))
  return new Map(map).set(id, { ...old, message: change(old.message) })
}

async function faultsAfter(sum: Sum, change: Change, accused: readonly PartyId[] = ['p2', 'p3']) {
  const { failure, alarms, judge } = await recorded(sum)
  const other = await recorded(change.from ?? sum)
  const [forP0, forP2] = alarms.products as [Alarms['products'][number], Alarms['products'][number]]
  const mine = present(forP0.get('p3')).message
  let shown = replaced(alarms.shown, 'p3', (m) => ({ products: change.shown?.(m.products) ?? m.products }))
  if (change.given !== undefined) {
    const { given } = change
    shown = replaced(shown, 'p2', ({ products: [first, second] }) => {
      const raw = present(second)
      const was = decode(productsBody, decode(envelopeCodec, raw).body)
      const body = encode(productsBody, { ...was, message: given(was.message) })
      return { products: [present(first), resigned(raw, 'p3', { body })] }
    })
  }
  const changed: Alarms = {
    shown,
    sums: replaced(alarms.sums, 'p3', (m) => change.sum?.(m, other) ?? m),
    products: [forP0, replaced(forP2, 'p3', (m) => change.product?.(m, mine, other) ?? m)],
  }
  const said = new Map(failure.said)
  said.set('p3', change.said?.(present(said.get('p3'))) ?? present(said.get('p3')))
  return convict({ ...failure, said }, changed, accused, judge, f.presign)
}

const first = (change: (raw: Uint8Array) => Uint8Array): Change => ({
  shown: ([raw, ...rest]) => [change(present(raw)), ...rest],
})
/** In place of what p0 sent to p3, something else that p0 signed. */
const fromP0 = (change: Partial<Envelope>): Change => first((raw) => resigned(raw, 'p0', change))
const body = (raw: Uint8Array): Partial<Envelope> => {
  const was = decode(productsBody, decode(envelopeCodec, raw).body)
  return { body: encode(productsBody, { ...was, message: { ...was.message, D: was.message.D + 1n } }) }
}
const flipped = (z: readonly bigint[]): readonly bigint[] => z.map((v, i) => (i === 0 ? v ^ 1n : v))
const response = <P extends { response: object }>(m: { proof: P }, change: Partial<P['response']>) => ({
  proof: { ...m.proof, response: { ...m.proof.response, ...change } },
})

describe('alarm of presigning: lies in the alarm', () => {
  const rows: readonly (readonly [what: string, Change, check: string])[] = [
    ['shows nothing', { shown: () => [] }, 'shown: length'],
    ['shows one message less', { shown: (p) => p.slice(1) }, 'shown: length'],
    ['shows one message more', { shown: (p) => [...p, ...p.slice(1)] }, 'shown: length'],
    ['shows garbage', first(() => Uint8Array.of(1, 2, 3)), 'shown: envelope'],
    [
      'shows a changed body',
      first((raw) => encode(envelopeCodec, { ...decode(envelopeCodec, raw), ...body(raw) })),
      'shown: signature',
    ],
    ['shows what it signed itself', first((raw) => resigned(raw, 'p3', body(raw))), 'shown: signature'],
    ['shows one message twice', { shown: ([p]) => [present(p), present(p)] }, 'shown: sender and recipient'],
    ['shows what was for another', fromP0({ to: 'p2' }), 'shown: sender and recipient'],
    ['shows another session', fromP0({ session: new Uint8Array(32) }), 'shown: session and round'],
    ['shows another round', fromP0({ round: one.name }), 'shown: session and round'],
    ['shows another protocol', fromP0({ protocol: 'sign' }), 'shown: session and round'],
    ['shows what would have ended round 3', fromP0({ body: Uint8Array.of(1) }), 'shown: body'],
    ['Π^dec, another response', { sum: (m) => response(m, { w: flipped(m.proof.response.w) }) }, 'psi-dec: eq S'],
    [
      'Π^dec, one repetition',
      { sum: (m) => response(m, { z: m.proof.response.z.slice(1) }) },
      'psi-dec: length response',
    ],
    [
      'Π^dec of another session',
      { from: 'chi', sum: (_m, o) => present(o.alarms.sums.get('p3')).message },
      'psi-dec: eq X',
    ],
    [
      'Π^aff-g*, another response',
      { product: (m) => response(m, { z1: flipped(m.proof.response.z1) }) },
      'psi-star: eq X',
    ],
    [
      'Π^aff-g*, no repetitions',
      { product: (m) => response(m, { z1: [], z2: [], w: [], wY: [] }) },
      'psi-star: length response',
    ],
    [
      'Π^aff-g* of another session',
      { from: 'chi', product: (_m, _p, o) => present(o.alarms.products[1]?.get('p3')).message },
      'psi-star: eq X',
    ],
  ]
  for (const [what, change, check] of rows) {
    test(`${what}: ${check}`, async () => {
      const faults = await faultsAfter('delta', change)
      assert.deepEqual(
        faults.map(({ culprit, protocol, code, check }) => ({ culprit, protocol, code, check })),
        [{ culprit: 'p3', protocol: 'presign', code: 'DELTA', check }],
      )
    })
  }

  test('Π^aff-g* for another, twice', async () => {
    const [fault, ...more] = await faultsAfter('delta', { product: (_m, forP0) => forP0 })
    // under another modulus, numbers may be too large before an equation fails
    assert.match(present(fault).check, /^psi-star: (eq X|group A|group w)$/)
    assert.deepEqual([present(fault).culprit, present(fault).round, more], ['p3', 'alarm product 2', []])
  })

  test('the same for χ', async () => {
    const sum = await faultsAfter('chi', { sum: (m) => response(m, { w: flipped(m.proof.response.w) }) })
    assert.deepEqual(
      sum.map(({ culprit, round, code, check }) => [culprit, round, code, check]),
      [['p3', 'alarm sum', 'CHI', 'psi-hat-dec: eq S']],
    )
    const product = await faultsAfter('chi', { product: (m) => response(m, { z1: flipped(m.proof.response.z1) }) })
    assert.deepEqual(
      product.map(({ culprit, round, code, check }) => [culprit, round, code, check]),
      [['p3', 'alarm product 2', 'CHI', 'psi-hat-star: eq X']],
    )
  })
})

describe('alarm of presigning: what the statements contain', () => {
  const otherK = (m: Said): Said => ({
    ...m,
    one: { message: { K: present(f.shares.get('p0')).aux.paillier.encrypt(1n, 1n) } },
  })
  const otherGamma = (m: Said): Said => ({ ...m, two: { message: { Gamma: m.two.message.Gamma.add(G) } } })
  const otherDelta = (m: Said): Said => ({
    ...m,
    three: { message: { ...m.three.message, delta: modQ(m.three.message.delta + 1n) } },
  })
  const otherS = (m: Said): Said => ({
    ...m,
    three: { message: { ...m.three.message, S: m.three.message.S.add(G) } },
  })
  const found = async (sum: Sum, said: (m: Said) => Said) =>
    [...new Set((await faultsAfter(sum, { said }, ['p3'])).map((x) => x.check.split(':')[0]))].sort()

  test('δ: K, Γ_i and δ_i, and not S_i', async () => {
    assert.deepEqual(await found('delta', otherK), ['psi-dec'])
    assert.deepEqual(await found('delta', otherGamma), ['psi-dec', 'psi-star'])
    assert.deepEqual(await found('delta', otherDelta), ['psi-dec'])
    assert.deepEqual(await found('delta', otherS), [])
  })
  test('χ: K and S_i, and neither Γ_i nor δ_i', async () => {
    assert.deepEqual(await found('chi', otherK), ['psi-hat-dec'])
    assert.deepEqual(await found('chi', otherGamma), [])
    assert.deepEqual(await found('chi', otherDelta), [])
    assert.deepEqual(await found('chi', otherS), ['psi-hat-dec'])
  })

  // p3 signs for its accomplice p2 what no honest party would have taken
  const strange = async (sum: Sum, given: (m: TwoProducts) => TwoProducts) =>
    (await faultsAfter(sum, { given }, ['p3'])).map((x) => x.check)
  const p2Key = present(f.shares.get('p2')).aux.paillier

  test('D or F that is no ciphertext: named, without an exception', async () => {
    for (const bad of [0n, present(f.shares.get('p3')).aux.paillier.p.expose()]) {
      assert.deepEqual(await strange('delta', (m) => ({ ...m, F: bad })), ['psi-star: group Y'])
      assert.deepEqual(await strange('chi', (m) => ({ ...m, FHat: bad })), ['psi-hat-star: group Y'])
    }
    for (const bad of [0n, p2Key.p.expose()]) {
      const accused = await faultsAfter('delta', { given: (m) => ({ ...m, D: bad }) })
      assert.deepEqual(
        accused.map((x) => [x.culprit, x.check]),
        [['p3', 'psi-star: group D']],
      )
    }
  })
  test('another D, F, D̂ or F̂: in the sum that it belongs to, and only there', async () => {
    const twice = (m: bigint): bigint => p2Key.pow(m, 2n)
    assert.deepEqual(await strange('delta', (m) => ({ ...m, D: twice(m.D) })), ['psi-star: eq X'])
    assert.deepEqual(await strange('chi', (m) => ({ ...m, D: twice(m.D) })), [])
    assert.deepEqual(await strange('chi', (m) => ({ ...m, DHat: twice(m.DHat) })), ['psi-hat-star: eq X'])
    assert.deepEqual(await strange('delta', (m) => ({ ...m, DHat: twice(m.DHat) })), [])
    const F = (m: TwoProducts) => m.F ** 2n % present(f.shares.get('p3')).aux.paillier.NN
    assert.deepEqual(await strange('delta', (m) => ({ ...m, F: F(m) })), ['psi-star: eq X', 'psi-dec: eq X'])
  })
})
