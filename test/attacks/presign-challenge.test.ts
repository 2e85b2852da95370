/**
 * Weak Fiat–Shamir against presigning: each value of a first message is picked after the challenge, about a statement
 * that is false where the value allows that. With the challenge that left it out, every equation holds.
 */
import assert from 'node:assert/strict'
import { secret } from '../../participant/base/secret.ts'
import { G, modQ } from '../../participant/math/curve.ts'
import type { PartyId } from '../../participant/party/roster.ts'
import type { One } from '../../participant/protocols/presign/rounds.ts'
import { altered, both, type Cheat, fixture, runPresign } from '../../participant/protocols/testing.ts'
import * as affG from '../../participant/zk/aff-g.ts'
import * as elog from '../../participant/zk/elog.ts'
import * as encElg from '../../participant/zk/enc-elg.ts'
import { type Afterwards, afterwards } from './cheats.ts'
import { type Runner, row, table } from './harness.ts'

const two = fixture(2, 2)
const { one, two: second, twoProducts, three: third } = two.presign
const presigning: Runner = (f, o) => runPresign(f, o)
const { paillier: N1 } = two.shares.get('p1')?.aux ?? assert.fail('no moduli')

type EncElg = Afterwards<encElg.Statement, encElg.Witness, encElg.Commitment, encElg.Sent, encElg.Response>
type AffG = Afterwards<affG.Statement, affG.Witness, affG.Commitment, affG.Sent, affG.Response>
type Elog = Afterwards<elog.Statement, elog.Witness, elog.Commitment, elog.Sent, elog.Response>

/** What fits by itself: the verifier recomputes it. */
const nothing = <P>(_x: unknown, made: P): P => made
/** The ciphertext of one more. */
const oneMore = (C: bigint): bigint => N1.add(C, N1.encrypt(1n, 1n))
const asAsked = <S, W>({ x, w }: { readonly x: S; readonly w: W }) => ({ x, w })

/** ψ0, about a message that `change` makes false in the way of `claims`. */
const psi0 = (
  value: EncElg['values'][number],
  change: (m: One) => Partial<One>,
  claims: EncElg['claims'],
  picks: EncElg['picks'],
): Cheat =>
  both(
    altered(one, (m) => ({ ...m, ...change(m) })),
    afterwards(encElg.encElg, 'psi0', { values: [value], claims, picks }),
  )

table('presigning, ψ0', two, presigning, [
  row(
    '#11 Z of ψ0, for a wrong A1',
    psi0(
      'Z',
      (m) => ({ A1: m.A1.add(G) }),
      ({ x, w }) => ({ x: { ...x, B1: x.B1.add(G) }, w }),
      nothing,
    ),
    'PROOF_EQ',
    /^psi0: eq challenge$/,
  ),
  row(
    '#11 Y of ψ0, for a wrong A2',
    psi0(
      'Y',
      (m) => ({ A2: m.A2.add(G) }),
      ({ x, w }) => ({ x: { ...x, B2: x.B2.add(G) }, w }),
      nothing,
    ),
    'PROOF_EQ',
    /^psi0: eq challenge$/,
  ),
  row(
    '#11 D of ψ0, for a wrong K',
    psi0(
      'D',
      (m) => ({ K: oneMore(m.K) }),
      ({ x, w }) => ({ x: { ...x, C: oneMore(x.C) }, w }),
      ({ N0, C }, { commitment, e, response }) => {
        const D = N0.add(N0.encrypt(response.z1, response.z2), N0.pow(C, e))
        return { commitment: { ...commitment, D }, response }
      },
    ),
    'PROOF_EQ',
    /^psi0: eq challenge$/,
  ),
  row(
    '#11 T of ψ0',
    psi0(
      'T',
      () => ({}),
      asAsked,
      (_x, { commitment, response }) => ({ commitment, response: { ...response, z3: response.z3 + 1n } }),
    ),
    'PROOF_EQ',
    /^psi0: eq challenge$/,
  ),
  row(
    '#11 S of ψ0',
    psi0(
      'S',
      () => ({}),
      asAsked,
      ({ setup }, { commitment, e, response }) => ({
        commitment: { ...commitment, S: setup.mul(commitment.S, setup.t) },
        response: { ...response, z3: response.z3 - e },
      }),
    ),
    'PROOF_EQ',
    /^psi0: eq challenge$/,
  ),
])

/** ψ̂, about products that are what `claims` makes of them. */
function psiHat(value: AffG['values'][number], claims: AffG['claims'], picks: AffG['picks']): Cheat {
  const claimed = new Map<PartyId, affG.Statement>()
  return both(
    afterwards(affG.affG, 'psi-hat', {
      values: [value],
      claims: (asked) => {
        const claim = claims(asked)
        claimed.set(asked.b.verifier, claim.x)
        return claim
      },
      picks,
    }),
    altered(twoProducts, (m, to) => {
      const x = claimed.get(to) ?? assert.fail('ψ̂ was not made yet')
      return { ...m, DHat: x.D, FHat: x.Y }
    }),
  )
}

table('presigning, ψ̂', two, presigning, [
  row(
    '#11 Bx of ψ̂, for a factor that is not the key share',
    psiHat(
      'Bx',
      ({ x, w }) => ({ x: { ...x, D: x.N0.add(x.D, x.C) }, w: { ...w, x: secret(w.x.expose() + 1n) } }),
      nothing,
    ),
    'PROOF_EQ',
    /^psi-hat: eq challenge$/,
  ),
  row(
    '#11 A of ψ̂, for a wrong D̂',
    psiHat('A', ({ x, w }) => ({ x: { ...x, D: x.N0.add(x.D, x.N0.encrypt(1n, 1n)) }, w }), nothing),
    'PROOF_EQ',
    /^psi-hat: eq challenge$/,
  ),
  row(
    '#11 By of ψ̂, for a wrong F̂',
    psiHat(
      'By',
      ({ x, w }) => ({ x: { ...x, Y: oneMore(x.Y) }, w }),
      ({ N1: own, Y }, { commitment, e, response }) => {
        const By = own.add(own.encrypt(response.z2, response.wY), own.pow(Y, e))
        return { commitment: { ...commitment, By }, response }
      },
    ),
    'PROOF_EQ',
    /^psi-hat: eq challenge$/,
  ),
  ...(
    [
      ['E', 'z3'],
      ['F', 'z4'],
    ] as const
  ).map(([value, z]) =>
    row(
      `#11 ${value} of ψ̂`,
      psiHat(value, asAsked, (_x, { commitment, response }) => ({
        commitment,
        response: { ...response, [z]: response[z] + 1n },
      })),
      'PROOF_EQ',
      /^psi-hat: eq challenge$/,
    ),
  ),
  ...(
    [
      ['S', 'z3'],
      ['T', 'z4'],
    ] as const
  ).map(([value, z]) =>
    row(
      `#11 ${value} of ψ̂`,
      psiHat(value, asAsked, ({ setup }, { commitment, e, response }) => ({
        commitment: { ...commitment, [value]: setup.mul(commitment[value], setup.t) },
        response: { ...response, [z]: response[z] - e },
      })),
      'PROOF_EQ',
      /^psi-hat: eq challenge$/,
    ),
  ),
])

/** Another Γ or Δ: any fits if B is picked for it. */
const another: Elog['claims'] = ({ x, w }) => ({ x: { ...x, Y: x.Y.add(G) }, w })

table('presigning, ψ′ and ψ″', two, presigning, [
  row(
    '#11 B of ψ′, for a wrong Γ',
    both(
      afterwards(elog.elog, 'psi-prime', { values: ['B'], claims: another, picks: nothing }),
      altered(second, (m) => ({ ...m, Gamma: m.Gamma.add(G) })),
    ),
    'PROOF_EQ',
    /^psi-prime: eq challenge$/,
  ),
  row(
    '#11 B of ψ″, for a wrong Δ',
    both(
      afterwards(elog.elog, 'psi-prime-prime', { values: ['B'], claims: another, picks: nothing }),
      altered(third, (m) => ({ ...m, Delta: m.Delta.add(G) })),
    ),
    'PROOF_EQ',
    /^psi-prime-prime: eq challenge$/,
  ),
  row(
    '#11 A and N of ψ′',
    afterwards(elog.elog, 'psi-prime', {
      values: ['A', 'N'],
      claims: asAsked,
      picks: (_x, { commitment, response: r }) => ({ commitment, response: { ...r, z: modQ(r.z + 1n) } }),
    }),
    'PROOF_EQ',
    /^psi-prime: eq challenge$/,
  ),
  row(
    '#11 N and B of ψ″',
    afterwards(elog.elog, 'psi-prime-prime', {
      values: ['N', 'B'],
      claims: asAsked,
      picks: (_x, { commitment, response: r }) => ({ commitment, response: { ...r, u: modQ(r.u + 1n) } }),
    }),
    'PROOF_EQ',
    /^psi-prime-prime: eq challenge$/,
  ),
])
