/**
 * For tests of the protocols: parties with key shares, runs among all of them, and parties that do one thing other than
 * the protocol says. A `Cheat` stands between the real protocol and its `Party`, so all else is what an honest party
 * does.
 */
import { INSECURE_TEST, type SecurityLevel } from '../base/level.ts'
import { type Random, systemRandom } from '../base/random.ts'
import { secret } from '../base/secret.ts'
import type { KeyShare } from '../key-share/key-share.ts'
import { dealTestShares } from '../key-share/testing.ts'
import { G, invQ, modQ, mul, randomNonZeroScalar } from '../math/curve.ts'
import type { Channel } from '../party/channel.ts'
import type { Party, ProtocolRounds } from '../party/party.ts'
import type { Identity, PartyId, Roster } from '../party/roster.ts'
import type { BroadcastRound, DirectRound, Round } from '../party/rounds.ts'
import { runAll, type SimulatedSession } from '../party/testing.ts'
import { fixed } from '../wire/codec.ts'
import type { Binding, Proof } from '../zk/sigma.ts'
import { inProcess, type Work } from '../zk/work.ts'
import { auxInfo } from './aux-info/protocol.ts'
import { type AuxRounds, auxRounds } from './aux-info/rounds.ts'
import { convicts } from './evidence.ts'
import { keygen } from './keygen/protocol.ts'
import { keygenRounds } from './keygen/rounds.ts'
import type { AuxInfo, CoreShare, Presignature, Signature } from './material.ts'
import { presign } from './presign/protocol.ts'
import { type PresignRounds, presignRounds } from './presign/rounds.ts'
import { type SessionContext, sessionOf } from './session-context.ts'
import { sign, signRounds } from './sign/protocol.ts'

export interface Fixture {
  readonly level: SecurityLevel
  readonly parties: readonly PartyId[]
  readonly threshold: number
  readonly roster: Roster
  readonly identities: ReadonlyMap<PartyId, Identity>
  readonly shares: ReadonlyMap<PartyId, KeyShare>
  readonly aux: AuxRounds
  readonly presign: PresignRounds
}

/** Parties p0, p1, … with dealt shares of one account. */
export function fixture(n: number, threshold: number, level: SecurityLevel = INSECURE_TEST): Fixture {
  const parties = Array.from({ length: n }, (_, i) => `p${i}`)
  const dealt = dealTestShares({ parties, threshold, accounts: ['a'], level })
  const shares = new Map(parties.map((id) => [id, dealt.get(id)?.get('a') as KeyShare]))
  return {
    level,
    parties,
    threshold,
    roster: (shares.get('p0') as KeyShare).roster,
    identities: new Map([...shares].map(([id, s]) => [id, s.identity])),
    shares,
    aux: auxRounds(level),
    presign: presignRounds(level),
  }
}

export interface Run {
  /** What each party does in place of the protocol's own; nothing for those who are honest. */
  readonly cheats?: Readonly<Record<PartyId, Cheat>>
  readonly signers?: readonly PartyId[]
  readonly channelOf?: (id: PartyId) => Channel
  readonly deadlineMs?: number
  readonly work?: Work
}

export type Results<T> = ReadonlyMap<PartyId, PromiseSettledResult<T>>

function run<T>(
  f: Fixture,
  o: Run,
  protocols: readonly ProtocolRounds[],
  each: (party: (protocol: string) => Party, id: PartyId) => Promise<T>,
  bringsOwn: (id: PartyId) => boolean = () => false,
): Promise<Results<T>> {
  const { identities, roster, level } = f
  const { cheats = {}, ...rest } = o
  // a worker thread refuses to prove what is no secret key at all; who cheats does not use one
  const workOf = (id: PartyId) => (cheats[id] !== undefined || bringsOwn(id) ? inProcess : undefined)
  const session = sessionFor(testContext(f, protocols.at(-1)?.protocol ?? '', o.signers))
  return runAll({ identities, roster, level, protocols, workOf, ...session, ...rest }, (party, id) =>
    each((protocol) => (cheats[id] ?? honest)(party(protocol)), id),
  )
}

function sessionFor(context: SessionContext): Pick<SimulatedSession, 'session' | 'convicts'> {
  try {
    return { session: sessionOf(context), convicts: (fault) => convicts(fault, context) }
  } catch {
    // signers and thresholds that no session has: it is the protocol that has to refuse them
    return {}
  }
}

/** A session of these parties, or of some of them, with fresh nonces; with a key and moduli unless they are being made. */
export function testContext(f: Fixture, purpose: string, signers: readonly PartyId[] = f.parties): SessionContext {
  const { level, roster, threshold } = f
  const nonces = new Map(signers.map((id) => [id, systemRandom.bytes(32)]))
  const common = { purpose, level, roster, threshold, account: 'a', epoch: 0, signers, nonces }
  if (purpose === 'keygen' || purpose === 'aux-info') return common
  const { core, aux } = f.shares.get('p0') as KeyShare
  return { ...common, feldman: core.feldman, aux: new Map([...aux.peers, ['p0', aux] as const]) }
}

export function runKeygen(f: Fixture, o: Run = {}): Promise<Results<CoreShare>> {
  return run(f, o, [keygenRounds], (party) => keygen({ threshold: f.threshold }, party('keygen')))
}

/** `secrets` are the moduli that each brings along. */
export function runAux(
  f: Fixture,
  o: Run = {},
  secrets: (id: PartyId) => Pick<AuxInfo, 'paillier' | 'pedersen'> = (id) => (f.shares.get(id) as KeyShare).aux,
): Promise<Results<AuxInfo>> {
  const each = (party: (protocol: string) => Party, id: PartyId): Promise<AuxInfo> => {
    const { paillier, pedersen } = secrets(id)
    return auxInfo({ paillier, pedersen, rounds: f.aux }, party('aux-info'))
  }
  const isOwn = (id: PartyId): boolean => secrets(id) !== f.shares.get(id)?.aux
  return run(f, o, [f.aux], each, isOwn)
}

/** `material` is what each party has: by default its dealt share. */
export function runPresign(
  f: Fixture,
  o: Run = {},
  material: (id: PartyId) => { readonly core: CoreShare; readonly aux: AuxInfo } = (id) => f.shares.get(id) as KeyShare,
): Promise<Results<Presignature>> {
  const signers = o.signers ?? f.parties
  return run(f, o, [f.presign], (party, id) => {
    const { core, aux } = material(id)
    return presign({ core, aux, signers, rounds: f.presign }, party('presign'))
  })
}

export function runSign(
  f: Fixture,
  presignatures: ReadonlyMap<PartyId, Presignature>,
  digest: Uint8Array,
  o: Run = {},
): Promise<Results<Signature>> {
  const signers = [...presignatures.keys()]
  return run(f, { signers, ...o }, [signRounds], (party, id) =>
    sign({ presignature: presignatures.get(id) as Presignature, digest }, party('sign')),
  )
}

/** Presignatures as presigning would give them, from one place that knows everything. */
export function dealPresignatures(
  signers: readonly PartyId[],
  x: bigint,
  random: Random = systemRandom,
): ReadonlyMap<PartyId, Presignature> {
  const drawn = signers.map((id) => ({ id, k: randomNonZeroScalar(random), chi: randomNonZeroScalar(random) }))
  const k = drawn.reduce((sum, d) => modQ(sum + d.k), 0n)
  const Gamma = mul(G, invQ(k))
  // Σ χ̃ = k·x: the first takes the rest
  const rest = drawn.slice(1).reduce((sum, d) => modQ(sum + d.chi), 0n)
  const shares = drawn.map((d, i) => (i === 0 ? { ...d, chi: modQ(k * x - rest) } : d))
  const common = {
    publicKey: mul(G, x),
    signers,
    Gamma,
    DeltaTilde: new Map(shares.map((d) => [d.id, mul(Gamma, d.k)])),
    STilde: new Map(shares.map((d) => [d.id, mul(Gamma, d.chi)])),
  }
  return new Map(shares.map((d) => [d.id, { ...common, kTilde: secret(d.k), chiTilde: secret(d.chi) }]))
}

/** What a dishonest party does with its `Party` before the protocol gets it. */
export type Cheat = (party: Party) => Party

export const honest: Cheat = (party) => party

/** Sends another message in this round; `to` is '' in a broadcast. */
export function altered<M>(round: Round<M>, change: (m: M, to: PartyId | '', party: Party) => M): Cheat {
  const same = (r: unknown): boolean => r === round
  return (party) => ({
    ...party,
    broadcast: <T>(r: BroadcastRound<T>, m: T) =>
      party.broadcast(r, same(r) ? (change(m as unknown as M, '', party) as unknown as T) : m),
    send: <T>(r: DirectRound<T>, to: PartyId, m: T) =>
      party.send(r, to, same(r) ? (change(m as unknown as M, to, party) as unknown as T) : m),
  })
}

/** Sends one byte that is no message in this round. */
export function undecodable(round: Round<unknown>): Cheat {
  const same = (r: unknown): boolean => r === round
  const garbage = Uint8Array.of(0xff)
  return (party) => ({
    ...party,
    broadcast: <T>(r: BroadcastRound<T>, m: T) =>
      same(r) ? party.broadcast({ ...r, codec: fixed(1) }, garbage) : party.broadcast(r, m),
    send: <T>(r: DirectRound<T>, to: PartyId, m: T) =>
      same(r) ? party.send({ ...r, codec: fixed(1) }, to, garbage) : party.send(r, to, m),
  })
}

/** Makes its own proof of this slot for something else: another session, verifier, slot, … */
export function rebound(slot: string, change: Partial<Binding>): Cheat {
  return (party) => ({
    ...party,
    binding(prover, verifier, s) {
      const b = party.binding(prover, verifier, s)
      return prover === party.self && s.split(' ')[0] === slot ? { ...b, ...change } : b
    },
  })
}

/** Changes a proof of this kind as it is made, before anything commits to it. */
export function forged<C, R>(name: string, change: (p: Proof<C, R>) => Proof<C, R>): Cheat {
  return (party) => ({
    ...party,
    work: {
      ...party.work,
      async prove(proof, b, x, w, random) {
        const made = await party.work.prove(proof, b, x, w, random)
        return proof.name === name ? (change(made as unknown as Proof<C, R>) as unknown as typeof made) : made
      },
    },
  })
}

/** Gives 64 fixed bytes at the n-th draw of 64, counted from 0: the draws that become scalars. */
export function drawing(n: number, bytes: Uint8Array): Cheat {
  return (party) => {
    let count = 0
    return {
      ...party,
      random: { bytes: (length) => (length === 64 && count++ === n ? bytes : party.random.bytes(length)) },
    }
  }
}

/** One after the other. */
export function both(...cheats: readonly Cheat[]): Cheat {
  return (party) => cheats.reduce((p, cheat) => cheat(p), party)
}
