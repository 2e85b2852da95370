/**
 * Whether a fault is proven: for somebody who was not there, has no secret, and trusts neither the accuser nor the
 * accused. Each statement is rebuilt by the builder that prover and verifier use, from what the parties signed.
 *
 * Convicting takes: envelopes of this session signed by who they say; for two different messages in one round, just
 * those; otherwise the message that is wrong, and all broadcasts before it. The accused signed with its message what it
 * had been told before (party/view.ts): if the accuser shows anything else than that, nothing is proven. Then the same
 * check that failed in the session has to fail again.
 *
 * Some faults are certain for a party of the session and yet can't be shown to a third: a modulus that two parties use,
 * a view that differs, and sums that are wrong with two signers. For those the answer is no.
 */
import { equalBytes } from '../base/bytes.ts'
import { DecodeError, type Fault, type FaultCode, MpcError } from '../base/errors.ts'
import { G, modQ, mulPublic, type Point, sum } from '../math/curve.ts'
import { ringPedersen } from '../paillier/ring-pedersen.ts'
import type { Judge } from '../party/judge.ts'
import type { Failed } from '../party/party.ts'
import { memberOf, type PartyId } from '../party/roster.ts'
import type { Round } from '../party/rounds.ts'
import { FIRST_VIEW, nextView, viewed } from '../party/view.ts'
import { type Codec, decode } from '../wire/codec.ts'
import { type Envelope, envelopeCodec, verifyEnvelope } from '../wire/envelope.ts'
import { inProcess } from '../zk/work.ts'
import * as aux from './aux-info/rounds.ts'
import * as kg from './keygen/rounds.ts'
import * as presignChecks from './presign/checks.ts'
import { convict, type Heard } from './presign/identify.ts'
import { type PresignRounds, presignRounds, type Three } from './presign/rounds.ts'
import { type Context, contextOf, of, type Sum } from './presign/statements.ts'
import { publicSharesOf, recordSessionOf, type SessionContext, sessionOf } from './session-context.ts'
import { checkPartial, one as signOne, signRounds } from './sign/protocol.ts'

/** Codes of two messages for one round: seen by one party, or by several together. */
const EQUIVOCATION: readonly FaultCode[] = ['DUPLICATE', 'ECHO_MISMATCH']

/** True when the fault is proven under this context. Total: hostile evidence gives false, never an exception. */
export async function convicts(fault: Fault, context: SessionContext): Promise<boolean> {
  try {
    const file = open(fault, context)
    if (file === undefined) return false
    if (fault.check === 'equivocation') return EQUIVOCATION.includes(fault.code) && saidTwoThings(file)
    const failed = await new Recheck(context, file).run(fault.protocol, fault.round)
    return failed !== undefined && failed.code === fault.code && failed.check === fault.check
  } catch (e) {
    // Bytes that don't decode, contexts that contradict themselves, values that have no inverse.
    if (e instanceof MpcError || e instanceof RangeError) return false
    throw e
  }
}

/** What was signed, each checked. */
interface File {
  readonly session: Uint8Array
  readonly culprit: PartyId
  /** The message that is wrong. */
  readonly accused: Envelope
  /** What else the culprit signed. */
  readonly own: readonly Envelope[]
  readonly broadcasts: readonly Envelope[]
}

/** Undefined unless everything is of this session, signed by a signer of it, and the accused message by the culprit. */
function open(fault: Fault, context: SessionContext): File | undefined {
  const session = sessionOf(context)
  const recordSession = recordSessionOf(context)
  const read = (raw: Uint8Array, id: Uint8Array): Envelope | undefined => {
    const e = decode(envelopeCodec, raw)
    const signed = context.signers.includes(e.from) && verifyEnvelope(e, memberOf(context.roster, e.from).verifyKey)
    return signed && equalBytes(e.session, id) ? e : undefined
  }
  const evidence = fault.evidence.map((raw) => read(raw, session))
  const broadcasts = (fault.record ?? []).map((raw) => read(raw, recordSession))
  const accused = evidence.at(-1)
  if (accused === undefined || evidence.includes(undefined) || broadcasts.includes(undefined)) return undefined
  const own = evidence.slice(0, -1) as Envelope[]
  if ([accused, ...own].some((e) => e.from !== fault.culprit)) return undefined
  if (accused.protocol !== fault.protocol || accused.round !== fault.round) return undefined
  return { session, culprit: fault.culprit, accused, own, broadcasts: broadcasts as Envelope[] }
}

/** One party signs one message in a round, for all or for each recipient. */
function saidTwoThings({ accused: a, own }: File): boolean {
  return own.some(
    (b) => b.protocol === a.protocol && b.round === a.round && b.to === a.to && !equalBytes(a.body, b.body),
  )
}

/** The broadcasts that a party has collected before it sends its message of a round. */
function seenBefore(protocol: string, round: string): readonly (readonly [protocol: string, round: string])[] {
  const all = ['1', '2', '3'].map((r) => [protocol === 'sign' ? 'presign' : protocol, r] as const)
  const number = /^[123](?= |$)/.exec(round)?.[0]
  return protocol === 'sign' || number === undefined ? all : all.slice(0, Number(number) - 1)
}

/** δ·G ≠ Σ Δ_j, or δ·X ≠ Σ S_j: without it nobody had a reason to sound the alarm. */
function sumIsWrong(which: Sum, ctx: Context, said: ReadonlyMap<PartyId, { readonly three: Heard<Three> }>): boolean {
  const threes = [...said.values()].map((m) => m.three.message)
  const delta = threes.reduce((a, m) => modQ(a + m.delta), 0n)
  const [base, parts] = which === 'delta' ? [G, threes.map((m) => m.Delta)] : [ctx.publicKey, threes.map((m) => m.S)]
  return !mulPublic(base, delta).equals(sum(parts))
}

/** The checks of the session again, on what the evidence shows. */
class Recheck {
  readonly #c: SessionContext
  readonly #file: File
  readonly #judge: Judge

  constructor(context: SessionContext, file: File) {
    this.#c = context
    this.#file = file
    const { level, epoch } = context
    this.#judge = {
      session: file.session,
      level,
      work: inProcess,
      binding: (prover, verifier, slot) => ({
        session: file.session,
        epoch,
        level,
        prover,
        verifier,
        slot: `${file.accused.protocol} ${slot}`,
      }),
    }
  }

  async run(protocol: string, round: string): Promise<Failed | undefined> {
    const known = this.#roundOf(protocol, round)
    if (known === undefined) return undefined
    const { accused } = this.#file
    // a broadcast that is addressed, or a direct message that isn't, is none of the protocol's
    if ((known.kind === 'direct') !== (accused.to !== '')) return undefined
    let view: Uint8Array
    try {
      view = decode(viewed(known.codec as Codec<unknown>), accused.body).view
    } catch (e) {
      if (e instanceof DecodeError) return { code: 'DECODE', check: `decode: ${e.message}` }
      throw e
    }
    if (!equalBytes(view, this.#view(protocol, round))) return undefined
    if (protocol === 'keygen') return this.#keygen(round)
    if (protocol === 'aux-info') return this.#auxInfo(round)
    if (protocol === 'presign') return this.#presign(round)
    return this.#sign()
  }

  #roundOf(protocol: string, name: string): Round<unknown> | undefined {
    const { level, signers } = this.#c
    const all = [kg.keygenRounds, aux.auxRounds(level), presignRounds(level, signers.length), signRounds]
    return all.find((p) => p.protocol === protocol)?.rounds.find((r) => r.name === name)
  }

  /** The view that the accused must have signed, of what the evidence shows; throws DecodeError if something is missing. */
  #view(protocol: string, round: string): Uint8Array {
    return seenBefore(protocol, round).reduce(
      (view, [p, r]) =>
        nextView(
          view,
          p,
          r,
          this.#c.signers.map((id) => [id, this.#broadcast(p, r, id).body] as const),
        ),
      FIRST_VIEW,
    )
  }

  #broadcast(protocol: string, round: string, from: PartyId): Envelope {
    const found = this.#file.broadcasts.find(
      (e) => e.protocol === protocol && e.round === round && e.from === from && e.to === '',
    )
    if (found === undefined) throw new DecodeError('evidence: a broadcast is missing')
    return found
  }

  #said<M>(protocol: string, round: Round<M>, from: PartyId): M {
    return decode(viewed(round.codec), this.#broadcast(protocol, round.name, from).body).message
  }

  #accused<M>(round: Round<M>): M {
    return decode(viewed(round.codec), this.#file.accused.body).message
  }

  async #keygen(round: string): Promise<Failed | undefined> {
    const { culprit, session, accused } = this.#file
    const { roster, threshold, signers } = this.#c
    const opening = (id: PartyId): kg.Opening => this.#said('keygen', kg.two, id)
    if (round === kg.two.name) {
      const { V } = this.#said('keygen', kg.one, culprit)
      return kg.checkOpening(session, threshold, culprit, V, this.#accused(kg.two))
    }
    if (round === kg.twoShares.name) {
      const { F } = this.#ownMessage(kg.two)
      return kg.checkSubShare(memberOf(roster, accused.to).index, F, this.#accused(kg.twoShares))
    }
    if (round !== kg.three.name) return undefined
    const combined = kg.combine(signers.map(opening))
    const index = memberOf(roster, culprit).index
    return kg.checkKnowledge(this.#judge, culprit, index, combined, opening(culprit), this.#accused(kg.three))
  }

  async #auxInfo(round: string): Promise<Failed | undefined> {
    const { culprit, session, accused } = this.#file
    const { level, signers } = this.#c
    const { one, two, three, threeFac } = aux.auxRounds(level)
    if (round === two.name) {
      const m = this.#accused(two)
      const { V } = this.#said('aux-info', one, culprit)
      return aux.checkOpening(level, session, culprit, V, m) ?? (await aux.checkPrm(this.#judge, culprit, m))
    }
    const opening = (id: PartyId): aux.Opening => this.#said('aux-info', two, id)
    const rho = aux.jointRho(signers.map(opening))
    if (round === three.name) return aux.checkMod(this.#judge, culprit, rho, opening(culprit), this.#accused(three))
    if (round !== threeFac.name) return undefined
    const { NHat, s, t } = opening(accused.to)
    const setup = ringPedersen(NHat, s, t)
    return aux.checkFac(this.#judge, culprit, accused.to, rho, opening(culprit), setup, this.#accused(threeFac))
  }

  async #presign(round: string): Promise<Failed | undefined> {
    const { culprit, accused } = this.#file
    const rounds = presignRounds(this.#c.level, this.#c.signers.length)
    const ctx = this.#context()
    if (round === rounds.oneProofs.name) {
      const one = this.#ownMessage(rounds.one)
      return presignChecks.checkOneProofs(this.#judge, ctx, culprit, accused.to, one, this.#accused(rounds.oneProofs))
    }
    const one = this.#said('presign', rounds.one, culprit)
    if (round === rounds.two.name) return presignChecks.checkTwo(this.#judge, culprit, one, this.#accused(rounds.two))
    if (round === rounds.twoProducts.name) {
      const { K } = this.#said('presign', rounds.one, accused.to)
      const { Gamma } = this.#ownMessage(rounds.two)
      const m = this.#accused(rounds.twoProducts)
      return presignChecks.checkTwoProducts(this.#judge, ctx, culprit, accused.to, K, Gamma, m)
    }
    const Gamma = this.#nonce(ctx, rounds)
    if (round !== rounds.three.name) return this.#alarm(ctx, Gamma, rounds)
    return presignChecks.checkThree(this.#judge, culprit, one, Gamma, this.#accused(rounds.three))
  }

  /** The alarm again: what everybody said in rounds 1 to 3 and in the alarm, judged about the culprit alone. */
  async #alarm(ctx: Context, Gamma: Point, rounds: PresignRounds): Promise<Failed | undefined> {
    const { signers, roster } = this.#c
    const { culprit, session, accused } = this.#file
    const heard = <M>(round: Round<M>, id: PartyId): Heard<M> => ({ message: this.#said('presign', round, id) })
    const all = <M>(round: Round<M>): ReadonlyMap<PartyId, Heard<M>> =>
      new Map(signers.map((id) => [id, heard(round, id)]))
    const said = new Map(
      signers.map((id) => [
        id,
        { one: heard(rounds.one, id), two: heard(rounds.two, id), three: heard(rounds.three, id) },
      ]),
    )
    const alarms = {
      shown: all(rounds.alarm),
      sums: all(rounds.alarmSum),
      products: rounds.alarmProducts.map((r) => all(r)),
    }
    // When both sums are wrong the alarm was about δ alone: nobody's proofs hold for χ then.
    const sum = (['delta', 'chi'] as const).find((which) => sumIsWrong(which, ctx, said))
    if (sum === undefined) return undefined
    const judge = { ...this.#judge, protocol: 'presign', session, roster }
    const faults = await convict({ sum, ctx, Gamma, said }, alarms, [culprit], judge, rounds)
    const found = faults.find((f) => f.round === accused.round)
    return found === undefined ? undefined : { code: found.code, check: found.check }
  }

  async #sign(): Promise<Failed | undefined> {
    const { digest, signers, level } = this.#c
    if (digest === undefined) return undefined
    const rounds = presignRounds(level, signers.length)
    const threes = new Map(signers.map((id) => [id, this.#said('presign', rounds.three, id)]))
    const presignature = presignChecks.publicPresignature(this.#nonce(this.#context(), rounds), threes)
    return checkPartial(presignature, digest, this.#file.culprit, this.#accused(signOne).sigma)
  }

  #nonce(ctx: Context, rounds: PresignRounds) {
    const twos = new Map(this.#c.signers.map((id) => [id, this.#said('presign', rounds.two, id)]))
    return presignChecks.nonceOf(ctx, twos)
  }

  /** Another message that the culprit signed in the same round's broadcast: shown with the accused one. */
  #ownMessage<M>(round: Round<M>): M {
    const { protocol } = this.#file.accused
    const found = this.#file.own.find((e) => e.protocol === protocol && e.round === round.name && e.to === '')
    if (found === undefined) throw new DecodeError("evidence: the culprit's broadcast is missing")
    return decode(viewed(round.codec), found.body).message
  }

  #context(): Context {
    const { roster, threshold, signers, feldman, aux: moduli } = this.#c
    const publicKey = feldman?.[0]
    if (feldman === undefined || publicKey === undefined || moduli === undefined) {
      throw new DecodeError('evidence: the key or the moduli are missing')
    }
    for (const id of signers) of(moduli, id)
    return contextOf(roster, threshold, publicKey, publicSharesOf(roster, feldman), signers, moduli)
  }
}
