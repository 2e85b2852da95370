/**
 * Evidence as a file: one fault with the session's public context, in JSON, for whoever has to judge it. Nothing in it
 * is secret, but for a wrong sub-share of a key generation, which is dead with its session.
 *
 * The file says itself what its context is. Whoever judges has to know the roster from elsewhere: `fingerprint` and the
 * public key are what to compare.
 */
import { z } from 'zod'
import { bytesToHex, fromBase64, fromHex, toBase64 } from '../base/bytes.ts'
import { DecodeError, type Fault, type FaultCode, MpcError } from '../base/errors.ts'
import { levelByName } from '../base/level.ts'
import { Point } from '../math/curve.ts'
import { paillierKey } from '../paillier/paillier-key.ts'
import { ringPedersen } from '../paillier/ring-pedersen.ts'
import { checkRoster } from '../party/roster.ts'
import type { SessionContext } from '../protocols/session-context.ts'

export interface Evidence {
  readonly fault: Fault
  readonly context: SessionContext
}

const KEY = z.string().regex(/^[0-9a-f]{64}$/, 'expected 32 bytes in hex')
const POINT = z.string().regex(/^0[23][0-9a-f]{64}$/, 'expected a compressed point in hex')
const BIG = z.string().regex(/^[1-9a-f][0-9a-f]{0,1023}$/, 'expected a number in hex')
const NAME = z.string().min(1).max(64)
const PACKETS = z.array(z.string().max(1_000_000)).max(2048)

const schema = z.strictObject({
  version: z.literal(1),
  fault: z.strictObject({ culprit: NAME, protocol: NAME, round: NAME, code: NAME, check: z.string().max(200) }),
  context: z.strictObject({
    purpose: NAME,
    level: NAME,
    threshold: z.int().min(2).max(32),
    account: z.string().max(128),
    epoch: z.int().min(0).max(0xffffffff),
    roster: z
      .array(z.strictObject({ id: NAME, index: z.int(), verify_key: KEY, seal_key: KEY }))
      .min(2)
      .max(32),
    signers: z.array(NAME).min(2).max(32),
    nonces: z.record(NAME, KEY).refine((o) => Object.keys(o).length <= 32, 'expected at most 32 names'),
    feldman: z.array(POINT).min(2).max(32).optional(),
    aux: z.record(NAME, z.strictObject({ N: BIG, N_hat: BIG, s: BIG, t: BIG })).optional(),
    digest: KEY.optional(),
  }),
  evidence: PACKETS,
  record: PACKETS,
})

export function formatEvidence({ fault, context: c }: Evidence): string {
  const { culprit, protocol, round, code, check } = fault
  const file: z.infer<typeof schema> = {
    version: 1,
    fault: { culprit, protocol, round, code, check },
    context: {
      purpose: c.purpose,
      level: c.level.name,
      threshold: c.threshold,
      account: c.account,
      epoch: c.epoch,
      roster: c.roster.members.map((m) => ({
        id: m.id,
        index: m.index,
        verify_key: bytesToHex(m.verifyKey),
        seal_key: bytesToHex(m.sealKey),
      })),
      signers: [...c.signers],
      nonces: Object.fromEntries([...c.nonces].map(([id, n]) => [id, bytesToHex(n)])),
      ...(c.feldman === undefined ? {} : { feldman: c.feldman.map((P) => P.toHex(true)) }),
      ...(c.digest === undefined ? {} : { digest: bytesToHex(c.digest) }),
      ...(c.aux === undefined
        ? {}
        : {
            aux: Object.fromEntries(
              [...c.aux].map(([id, { paillier, pedersen: p }]) => [
                id,
                { N: paillier.N.toString(16), N_hat: p.NHat.toString(16), s: p.s.toString(16), t: p.t.toString(16) },
              ]),
            ),
          }),
    },
    evidence: fault.evidence.map(toBase64),
    record: (fault.record ?? []).map(toBase64),
  }
  return `${JSON.stringify(file, null, 2)}\n`
}

/** Throws DecodeError naming the field. Says nothing about whether the evidence convicts. */
export function parseEvidence(json: string): Evidence {
  let raw: unknown
  let forbidden = false
  try {
    raw = JSON.parse(json, (name, v: unknown) => {
      // zod leaves this one name out of maps without a word
      if (name === '__proto__') forbidden = true
      return v
    })
  } catch {
    throw new DecodeError('evidence: expected JSON')
  }
  if (forbidden) throw new DecodeError('evidence: expected no field __proto__')
  const parsed = schema.safeParse(raw)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    const problem = `${issue?.path.join('.') || 'file'}: ${issue?.message ?? 'not valid'}`
    // names in the file may be anything: cut to what can't disturb a line of text
    throw new DecodeError(`evidence: ${problem.replace(/[^\x20-\x7e]/g, '?').slice(0, 200)}`)
  }
  const { fault, context: c, evidence, record } = parsed.data
  const level = levelByName(c.level)
  if (level === undefined) throw new DecodeError('evidence: context.level: expected a known security level')
  try {
    const members = c.roster.map((m) => ({
      id: m.id,
      index: m.index,
      verifyKey: fromHex(m.verify_key),
      sealKey: fromHex(m.seal_key),
    }))
    const number = (hex: string): bigint => BigInt(`0x${hex}`)
    return {
      fault: {
        ...fault,
        code: fault.code as FaultCode,
        evidence: evidence.map(fromBase64),
        record: record.map(fromBase64),
      },
      context: {
        purpose: c.purpose,
        level,
        threshold: c.threshold,
        account: c.account,
        epoch: c.epoch,
        roster: checkRoster({ members }),
        signers: c.signers,
        nonces: new Map(Object.entries(c.nonces).map(([id, n]) => [id, fromHex(n)])),
        ...(c.feldman === undefined ? {} : { feldman: c.feldman.map((P) => Point.fromBytes(fromHex(P))) }),
        ...(c.digest === undefined ? {} : { digest: fromHex(c.digest) }),
        ...(c.aux === undefined
          ? {}
          : {
              aux: new Map(
                Object.entries(c.aux).map(([id, a]) => [
                  id,
                  {
                    paillier: paillierKey(number(a.N)),
                    pedersen: ringPedersen(number(a.N_hat), number(a.s), number(a.t)),
                  },
                ]),
              ),
            }),
      },
    }
  } catch (e) {
    if (e instanceof MpcError) throw new DecodeError(`evidence: ${e.message}`)
    throw new DecodeError('evidence: context: expected points on the curve and moduli of at least 2')
  }
}
