/**
 * What the tables of attacks have in common. One party does one thing other than the protocol says; every honest party
 * ends without a result and names it and nobody else, with the code and the check of that thing, and with messages that
 * it signed. Where no single party can be shown to have done it, nobody is named. A name starts with the numbers of the
 * attacks that it covers, `#25 wrong sub-shares`; one without a number is no known attack.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bigintToBytes } from '../../participant/base/bytes.ts'
import { type FaultCode, ProtocolAbort } from '../../participant/base/errors.ts'
import { modQ } from '../../participant/math/curve.ts'
import { memberOf, type PartyId } from '../../participant/party/roster.ts'
import type { BroadcastRound, DirectRound, Round } from '../../participant/party/rounds.ts'
import type { MemoryRoom } from '../../participant/party/simulation.ts'
import { viewed } from '../../participant/party/view.ts'
import { type Cheat, type Fixture, type Results, type Run, undecodable } from '../../participant/protocols/testing.ts'
import { type Codec, decode, encode } from '../../participant/wire/codec.ts'
import { decodePacket, type Envelope, envelopeCodec, verifyEnvelope } from '../../participant/wire/envelope.ts'
import type { Binding, Proof } from '../../participant/zk/sigma.ts'

/** One protocol among all parties of a fixture. */
export type Runner = (f: Fixture, o: Run) => Promise<Results<unknown>>

export interface Row {
  /** The numbers of the attacks, then what the cheater does. */
  readonly what: string
  readonly cheat: Cheat
  readonly code: FaultCode
  readonly check: RegExp
}

export function row(what: string, cheat: Cheat, code: FaultCode, check: RegExp): Row {
  return { what, cheat, code, check }
}

/** A test for each row, in which the last party cheats. */
export function table(name: string, f: Fixture, run: Runner, rows: readonly Row[]): void {
  const cheater = f.parties.at(-1) as PartyId
  describe(`${name}, ${f.parties.length} parties`, () => {
    for (const { what, cheat, code, check } of rows) {
      test(`${what}: ${code}`, async () => {
        expectNamed(f, await run(f, { cheats: { [cheater]: cheat } }), cheater, code, check)
      })
    }
  })
}

/**
 * All honest parties abort, naming `cheater` alone for `code` and `check`: once, or for each of its messages that are there
 * when somebody looks.
 */
export function expectNamed(
  f: Fixture,
  results: Results<unknown>,
  cheater: PartyId,
  code: FaultCode,
  check: RegExp,
): void {
  for (const [id, result] of results) {
    if (id === cheater) continue
    const e = abortOf(id, result)
    assert.ok(e.faults.length > 0, `${id}: ${e.message}`)
    for (const fault of e.faults) {
      assert.deepEqual([fault.culprit, fault.code], [cheater, code], `${id}: ${e.message}`)
      assert.match(fault.check, check, id)
      assert.ok(fault.evidence.length > 0, `${id}: no evidence`)
      for (const raw of fault.evidence) {
        const envelope = decode(envelopeCodec, raw)
        assert.equal(envelope.from, cheater, `${id}: evidence is from somebody else`)
        assert.ok(verifyEnvelope(envelope, memberOf(f.roster, cheater).verifyKey), `${id}: evidence is not signed`)
      }
    }
  }
}

/** All parties but `except` abort for `code`, naming nobody. */
export function expectNobody(results: Results<unknown>, code: FaultCode, except?: PartyId): void {
  for (const [id, result] of results) {
    if (id === except) continue
    const e = abortOf(id, result)
    assert.deepEqual(e.faults, [], `${id}: ${e.message}`)
    assert.match(e.message, new RegExp(`\\(${code}\\)`), id)
  }
}

function abortOf(id: PartyId, result: PromiseSettledResult<unknown>): ProtocolAbort {
  assert.equal(result.status, 'rejected', `${id} has a result`)
  const e = (result as PromiseRejectedResult).reason
  assert.ok(e instanceof ProtocolAbort, `${id}: ${e}`)
  return e
}

/** The message of a round that an envelope carries. */
export function said<M>(codec: Codec<M>, envelope: Envelope): M {
  return decode(viewed(codec), envelope.body).message
}

/** The envelope with another message, as nobody signed it. */
export function saying<M>(codec: Codec<M>, envelope: Envelope, message: M): Envelope {
  const { view } = decode(viewed(codec), envelope.body)
  return { ...envelope, body: encode(viewed(codec), { view, message }) }
}

/** Bytes that are no message of this round. */
export function garbled(round: Round<never>): Row {
  return row(`round ${round.name} does not decode`, undecodable(round as Round<unknown>), 'DECODE', /^decode: /)
}

/** What `from` broadcasts in a round, as soon as it is in the room. */
export async function heard(room: MemoryRoom, from: PartyId, round: string): Promise<Envelope> {
  for (const until = Date.now() + 10_000; Date.now() < until; ) {
    for (const p of room.log.map(decodePacket)) {
      if (p.kind === 'clear' && p.envelope.from === from && p.envelope.round === round) return p.envelope
    }
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  return assert.fail(`${from} said nothing in round ${round}`)
}

/** Says in these rounds what `from` said, read from the room before anything of its own is in it. */
export function parrot(room: MemoryRoom, from: PartyId, rounds: readonly string[]): Cheat {
  return (party) => ({
    ...party,
    async broadcast<M>(round: BroadcastRound<M>, message: M) {
      const repeats = rounds.includes(round.name)
      await party.broadcast(round, repeats ? said(round.codec, await heard(room, from, round.name)) : message)
    },
  })
}

/** Signs other bytes than the encoding of its message in this round; `to` is '' in a broadcast. */
export function rewritten<M>(
  round: Round<M>,
  change: (encoded: Uint8Array, m: M, to: PartyId | '') => Uint8Array,
): Cheat {
  const same = (r: unknown): boolean => r === round
  const raw: Codec<Uint8Array> = { write: (w, bytes) => w.raw(bytes), read: () => assert.fail('is only written') }
  const bytesOf = (m: unknown, to: PartyId | ''): Uint8Array => change(encode(round.codec, m as M), m as M, to)
  return (party) => ({
    ...party,
    broadcast: <T>(r: BroadcastRound<T>, m: T) =>
      same(r) ? party.broadcast({ ...r, codec: raw }, bytesOf(m, '')) : party.broadcast(r, m),
    send: <T>(r: DirectRound<T>, to: PartyId, m: T) =>
      same(r) ? party.send({ ...r, codec: raw }, to, bytesOf(m, to)) : party.send(r, to, m),
  })
}

/** Makes its proofs of this kind by itself: `b` and `x` are what the honest prover would prove. */
export function proving<S, C, R>(name: string, make: (b: Binding, x: S) => Proof<C, R>): Cheat {
  return (party) => ({
    ...party,
    work: {
      ...party.work,
      async prove(proof, b, x, w, random) {
        if (proof.name !== name) return party.work.prove(proof, b, x, w, random)
        return make(b, x as unknown as S) as never
      },
    },
  })
}

/** The bytes with one bit changed. */
export const flip = (b: Uint8Array): Uint8Array => b.map((v, i) => (i === 0 ? v ^ 1 : v))

/** For `rebound`: a session that nobody is in. */
export const OTHER_SESSION = { session: new Uint8Array(32).fill(0xee) }

/** For `drawing`: the 64 bytes that become this scalar. */
export const wide = (v: bigint): Uint8Array => bigintToBytes(modQ(v), 64)
