/**
 * The alarm: who made a sum of presigning wrong. CGGMP24, Fig. 9 for δ, section 4.3.1 for χ; 3 signers and more.
 *
 * In Fig. 8 signer i makes for each other j
 *   D_{j,i} = γ_i ⊙ K_j ⊕ enc_j(−β_{i,j}),   F_{j,i} = enc_i(−β_{i,j}),
 * so its δ_i is, modulo q, what γ_i ⊙ K_i ⊕ Σ_j (D_{i,j} ⊖ F_{j,i}) decrypts to. With hats and w_i in the place of γ_i
 * it is χ_i, of which S_i = χ_i·Γ is public. When δ·G ≠ Σ Δ_j or δ·X ≠ Σ S_j every signer sends to all, at once:
 *   alarm            the signed messages of `2 products` that it got, so that all know every D and F
 *   alarm sum        Π^dec: its δ_i, or the χ_i in S_i, is what they add up to
 *   alarm product k  Π^aff-g* for the product that it made for the k-th other signer
 * and all check all. Guilty is whoever shows something else than what the other signed for it in this session, or whose
 * proof fails.
 *
 * Somebody is found: if everything holds, each D_{j,i} has the factor of Γ_i (of W_i) and the mask of F_{j,i}, so the
 * masks cancel and the sums are γ·k and x·k; ψ, ψ', ψ'' tie K_i, Γ_i, Δ_i to each other, so both equations hold.
 * No honest signer is: it signs one product for each other signer and shows what it got, nobody can sign in its name,
 * and its proofs hold. Both arguments need the view of one honest party alone, so these rounds need no echo; if several
 * cheat together with the gateway, honest parties may name different ones of them. Whoever sends nothing is waited for
 * until the deadline, and blamed by nobody: the network could have lost it.
 *
 * Evidence has what the guilty signed: the message that fails, and theirs of rounds 1 to 3 that it is about. The K_j and
 * Γ_j of others are public context.
 *
 * What is shown are ciphertexts and zero-knowledge proofs, of a presigning that is dead: nothing about x leaves.
 *
 * Differs from the paper: the paper leaves open how all come to know D and F; signers show each other's signed messages.
 * One message has one Π^aff-g* with its first message written out, some 340 KB at full size.
 */
import { equalBytes } from '../../base/bytes.ts'
import { DecodeError, type Fault, InternalError } from '../../base/errors.ts'
import { type Secret, secret } from '../../base/secret.ts'
import type { Point } from '../../math/curve.ts'
import { inv, mod } from '../../math/number-theory.ts'
import type { PaillierSecretKey } from '../../paillier/paillier-key.ts'
import type { Party } from '../../party/party.ts'
import { memberOf, type PartyId } from '../../party/roster.ts'
import type { PerPeer, Received } from '../../party/rounds.ts'
import { viewed } from '../../party/view.ts'
import { type Codec, decode } from '../../wire/codec.ts'
import { envelopeCodec, verifyEnvelope } from '../../wire/envelope.ts'
import { affGStar, type Witness } from '../../zk/aff-g-star.ts'
import { dec } from '../../zk/dec.ts'
import type { Alarm, AlarmProduct, AlarmSum, One, PresignRounds, Three, Two, TwoProducts } from './rounds.ts'
import * as claim from './statements.ts'
import { type Context, of, type Product, type Sum } from './statements.ts'

/** A message; with its signed envelope when it isn't our own. */
export interface Heard<M> {
  readonly message: M
  readonly envelope?: Uint8Array
}

/** What one signer, ourselves among them, told all in Fig. 8. */
export interface Said {
  readonly one: Heard<Pick<One, 'K'>>
  readonly two: Heard<Pick<Two, 'Gamma'>>
  readonly three: Heard<Pick<Three, 'delta' | 'S'>>
}

/** The failed presigning as one signer saw it. */
export interface Failure {
  readonly sum: Sum
  readonly ctx: Context
  readonly Gamma: Point
  readonly said: ReadonlyMap<PartyId, Said>
}

/** What only we know, of the sum that is wrong. */
export interface Own {
  readonly paillier: PaillierSecretKey
  /** γ or w. */
  readonly factor: Secret<bigint>
  /** What we made for each peer. */
  readonly made: ReadonlyMap<PartyId, Product & { readonly witness: Witness }>
  readonly received: PerPeer<Received<TwoProducts>>
}

/** What the signers sent in the alarm. */
export interface Alarms {
  /** From every signer, ourselves among them. */
  readonly shown: ReadonlyMap<PartyId, Heard<Alarm>>
  /** From every peer. */
  readonly sums: ReadonlyMap<PartyId, Heard<AlarmSum>>
  /** The k-th entry from every peer. */
  readonly products: readonly ReadonlyMap<PartyId, Heard<AlarmProduct>>[]
}

type Judge = Pick<Party, 'protocol' | 'session' | 'roster' | 'binding' | 'work'>

/**
 * Runs the alarm with all signers. Gives the faults of everybody who is found guilty; none when nobody can be named.
 * Throws as `Party.collect` does.
 */
export async function identify(
  failure: Failure,
  own: Own,
  party: Party,
  rounds: PresignRounds,
): Promise<readonly Fault[]> {
  const { sum, ctx, Gamma, said } = failure
  const { self, peers, random, work } = party
  const about = peers.map((j, k) => ({ j, round: roundAt(rounds, k) }))

  const alarm: Alarm = { products: own.received.values().map((m) => m.envelope) }
  await party.broadcast(rounds.alarm, alarm)
  const terms = own.received
    .entries()
    .map(([j, { message }]) => ({ D: claim.productOf(sum, message).D, F: of(own.made, j).F }))
  const mine = of(said, self)
  const total = claim.psiDec(ctx, sum, self, mine.one.message, mine.two.message, mine.three.message, Gamma, terms)
  const witness = opened(own.paillier, total.K, total.D, own.factor)
  await party.broadcast(rounds.alarmSum, {
    proof: await work.prove(dec, party.binding(self, '', slotOfSum(sum)), total, witness, random),
  })
  for (const { j, round } of about) {
    const made = of(own.made, j)
    const statement = claim.psiStar(ctx, sum, self, j, of(said, j).one.message.K, mine.two.message, made)
    await party.broadcast(round, {
      proof: await work.prove(
        affGStar,
        party.binding(self, '', slotOfProduct(sum, j)),
        statement,
        made.witness,
        random,
      ),
    })
  }

  const shown = new Map<PartyId, Heard<Alarm>>([
    [self, { message: alarm }],
    ...(await party.collect(rounds.alarm)).entries(),
  ])
  const sums = new Map((await party.collect(rounds.alarmSum)).entries())
  const products: ReadonlyMap<PartyId, Heard<AlarmProduct>>[] = []
  for (const { round } of about) products.push(new Map((await party.collect(round)).entries()))
  // everything is here: what is left needs no network, and is worth more than being in time
  const judge = { ...party, work: party.workToTheEnd }
  return convict(failure, { shown, sums, products }, peers, judge, rounds)
}

/** Who of the accused is guilty, and of what. Needs no secret. Total: hostile messages give faults, never exceptions. */
export async function convict(
  { sum, ctx, Gamma, said }: Failure,
  alarms: Alarms,
  accused: readonly PartyId[],
  { protocol, session, roster, binding, work }: Judge,
  rounds: PresignRounds,
): Promise<readonly Fault[]> {
  const faults: Fault[] = []
  const code = sum === 'delta' ? 'DELTA' : 'CHI'
  const fault = (culprit: PartyId, round: string, check: string, signed: readonly Heard<unknown>[]) => {
    const evidence = signed.flatMap((m) => (m.envelope === undefined ? [] : [m.envelope]))
    faults.push({ culprit, protocol, round, code, check, evidence })
  }
  const others = (i: PartyId): readonly PartyId[] => ctx.signers.filter((j) => j !== i)

  // by recipient, then by sender: what was signed in round 2
  const given = new Map<PartyId, ReadonlyMap<PartyId, Received<TwoProducts>>>()
  for (const to of ctx.signers) {
    const alarm = of(alarms.shown, to)
    const seen = readShown(to, others(to), alarm.message, { protocol, session, roster }, rounds)
    if (typeof seen !== 'string') given.set(to, seen)
    else if (accused.includes(to)) fault(to, rounds.alarm.name, seen, [alarm])
  }

  for (const from of accused) {
    const { one, two, three } = of(said, from)
    const { paillier: N } = of(ctx.aux, from)

    // each product that was made by `from`, where its recipient shows it
    for (const [k, to] of others(from).entries()) {
      const sent = given.get(to)?.get(from)
      if (sent === undefined) continue
      const { K } = of(said, to).one.message
      const statement = claim.psiStar(ctx, sum, from, to, K, two.message, claim.productOf(sum, sent.message))
      const proof = of(alarms.products[k] ?? new Map(), from)
      const failed = await work.verify(
        affGStar,
        binding(from, '', slotOfProduct(sum, to)),
        statement,
        proof.message.proof,
      )
      if (failed !== undefined)
        fault(from, roundAt(rounds, k).name, `${slotOfStar(sum)}: ${failed}`, [two, sent, proof])
    }

    // the sum of `from`, if it can be formed: who keeps it from being formed has a fault already
    const got = given.get(from)
    const terms = others(from).flatMap((j) => {
      const [toFrom, byFrom] = [got?.get(j), given.get(j)?.get(from)]
      if (toFrom === undefined || byFrom === undefined) return []
      const term = { D: claim.productOf(sum, toFrom.message).D, F: claim.productOf(sum, byFrom.message).F }
      return N.isCiphertext(term.D) && N.isCiphertext(term.F) ? [{ term, byFrom }] : []
    })
    if (terms.length !== others(from).length) continue
    const statement = claim.psiDec(
      ctx,
      sum,
      from,
      one.message,
      two.message,
      three.message,
      Gamma,
      terms.map((t) => t.term),
    )
    const proof = of(alarms.sums, from)
    const failed = await work.verify(dec, binding(from, '', slotOfSum(sum)), statement, proof.message.proof)
    if (failed === undefined) continue
    const about = [one, two, three, of(alarms.shown, from), ...terms.map((t) => t.byFrom)]
    fault(from, rounds.alarmSum.name, `${slotOfSum(sum)}: ${failed}`, [...about, proof])
  }
  return faults
}

/** What `to` shows, by sender; or the check that fails. */
function readShown(
  to: PartyId,
  senders: readonly PartyId[],
  { products }: Alarm,
  { protocol, session, roster }: Pick<Judge, 'protocol' | 'session' | 'roster'>,
  { twoProducts }: PresignRounds,
): ReadonlyMap<PartyId, Received<TwoProducts>> | string {
  if (products.length !== senders.length) return 'shown: length'
  const seen = new Map<PartyId, Received<TwoProducts>>()
  for (const [k, from] of senders.entries()) {
    const envelope = products[k] as Uint8Array
    const e = decoded(envelopeCodec, envelope)
    if (e === undefined) return 'shown: envelope'
    if (!equalBytes(e.session, session) || e.protocol !== protocol || e.round !== twoProducts.name)
      return 'shown: session and round'
    if (e.from !== from || e.to !== to) return 'shown: sender and recipient'
    if (!verifyEnvelope(e, memberOf(roster, from).verifyKey)) return 'shown: signature'
    // a message that doesn't decode ends presigning in round 3: whoever got that far has had another one
    const body = decoded(viewed(twoProducts.codec), e.body)
    if (body === undefined) return 'shown: body'
    seen.set(from, { message: body.message, envelope })
  }
  return seen
}

function decoded<T>(codec: Codec<T>, raw: Uint8Array): T | undefined {
  try {
    return decode(codec, raw)
  } catch (e) {
    if (e instanceof DecodeError) return undefined
    throw e
  }
}

/** x, y, ρ with x ⊙ K ⊕ D = enc(y; ρ). Only the holder of N finds ρ: the N-th root of what is left modulo N. */
function opened(key: PaillierSecretKey, K: bigint, D: bigint, x: Secret<bigint>) {
  const C = key.add(key.pow(K, x.expose()), D)
  const rho = key.powModN(mod(C, key.N), inv(key.N, key.phi.expose()))
  return { x, y: key.decrypt(C), rho: secret(rho) }
}

function roundAt(rounds: PresignRounds, k: number) {
  const round = rounds.alarmProducts[k]
  if (round === undefined) throw new InternalError('presigning: rounds were declared for fewer signers')
  return round
}

function slotOfSum(sum: Sum): string {
  return sum === 'delta' ? 'psi-dec' : 'psi-hat-dec'
}

function slotOfStar(sum: Sum): string {
  return sum === 'delta' ? 'psi-star' : 'psi-hat-star'
}

function slotOfProduct(sum: Sum, to: PartyId): string {
  return `${slotOfStar(sum)} ${to}`
}
