/**
 * Presigning: makes one nonce that no single party knows, ready for one signature. CGGMP24, Fig. 8: 3 rounds.
 *
 * Differs from the figure: y = −β in Π^aff-g, with F = enc_i(−β) (PAPER.md, "aff-g sign"); a failure of the sums names
 * the peer when there is only one, and sounds the alarm of identify.ts otherwise (PAPER.md, "blame in δ and χ").
 */
import { InternalError } from '../../base/errors.ts'
import { type Secret, secret } from '../../base/secret.ts'
import { G, invQ, modQ, mul, mulPublic, randomNonZeroScalar, sum } from '../../math/curve.ts'
import { symmetric, unit } from '../../math/sampling.ts'
import { abortOn } from '../../party/mailbox.ts'
import type { Failed, Party } from '../../party/party.ts'
import type { PartyId } from '../../party/roster.ts'
import { PerPeer } from '../../party/rounds.ts'
import { affG } from '../../zk/aff-g.ts'
import { elog } from '../../zk/elog.ts'
import { encElg } from '../../zk/enc-elg.ts'
import type { AuxInfo, CoreShare, Presignature } from '../material.ts'
import { checkOneProofs, checkThree, checkTwo, checkTwoProducts, publicPresignature } from './checks.ts'
import { identify, type Said } from './identify.ts'
import type { One, PresignRounds } from './rounds.ts'
import * as claim from './statements.ts'
import { type Context, contextOf, of, requireSession, type Sum } from './statements.ts'

export interface PresignInput {
  readonly core: CoreShare
  readonly aux: AuxInfo
  /** Exactly threshold members, in roster order, ourselves among them. */
  readonly signers: readonly PartyId[]
  readonly rounds: PresignRounds
}

/**
 * Throws ProtocolAbort with the culprits, TransportError at the deadline, UsageError for an impossible set of signers.
 *
 * When all proofs hold and δ·G ≠ Σ Δ_j (code DELTA) or δ·X ≠ Σ S_j (code CHI), two signers name each other; three and
 * more run the alarm, which names whoever cheated, the same for every honest signer unless several cheat together with
 * the network. It names nobody when a signer stays silent: that is a TransportError. At full size each signer
 * computes for several seconds and sends 340 KB for each other signer before the deadline; what it then checks takes
 * longer, and needs no network.
 */
export async function presign({ core, aux, signers, rounds }: PresignInput, party: Party): Promise<Presignature> {
  const { self, peers, random, work } = party
  const { one, oneProofs, two, twoProducts, three } = rounds
  requireSession(party, signers)
  const ctx = contextOf(
    party.roster,
    core.threshold,
    core.publicKey,
    core.publicShares,
    signers,
    new Map([...aux.peers, [self, aux]]),
  )
  const w = secret(modQ(of(ctx.lambda, self) * core.x.expose()))

  // Fig. 8, round 1: encrypt k and γ, commit to them
  const own = roundOne(party, ctx)
  const { message: mine, k, gamma } = own
  await party.broadcast(one, mine)
  for (const j of peers) {
    await party.send(oneProofs, j, {
      psi0: await work.prove(
        encElg,
        party.binding(self, j, 'psi0'),
        claim.psi0(ctx, self, j, mine),
        { x: k, rho: own.rho, b: own.a },
        random,
      ),
      psi1: await work.prove(
        encElg,
        party.binding(self, j, 'psi1'),
        claim.psi1(ctx, self, j, mine),
        { x: gamma, rho: own.nu, b: own.b },
        random,
      ),
    })
  }

  // Fig. 8, round 2: check ψ0, ψ1; multiply
  const ones = await party.collect(one)
  const oneProofsOf = await party.collect(oneProofs)
  await party.checkEach(oneProofs, oneProofsOf, (j, m) => checkOneProofs(party, ctx, j, self, ones.get(j).message, m), [
    ones,
  ])
  const Gamma_i = mul(G, gamma.expose())
  const psiPrime = await work.prove(
    elog,
    party.binding(self, '', 'psi-prime'),
    claim.psiPrime(mine, { Gamma: Gamma_i }),
    { y: gamma, lambda: own.b },
    random,
  )
  await party.broadcast(two, { Gamma: Gamma_i, psiPrime })
  const made = new Map<PartyId, { readonly plain: Multiplied; readonly hatted: Multiplied }>()
  for (const j of peers) {
    const Kj = ones.get(j).message.K
    const plain = multiply(party, ctx, j, Kj, gamma)
    const hatted = multiply(party, ctx, j, Kj, w)
    made.set(j, { plain, hatted })
    const { D, F } = plain
    const hats = { DHat: hatted.D, FHat: hatted.F }
    await party.send(twoProducts, j, {
      D,
      F,
      ...hats,
      psi: await work.prove(
        affG,
        party.binding(self, j, 'psi'),
        claim.psi(ctx, self, j, Kj, Gamma_i, { D, F }),
        plain.witness,
        random,
      ),
      psiHat: await work.prove(
        affG,
        party.binding(self, j, 'psi-hat'),
        claim.psiHat(ctx, self, j, Kj, hats),
        hatted.witness,
        random,
      ),
    })
  }

  // Fig. 8, round 3: check ψ', ψ, ψ̂; decrypt; publish the shares of δ
  const twos = await party.collect(two)
  await party.checkEach(two, twos, (j, m) => checkTwo(party, j, ones.get(j).message, m), [ones])
  const products = await party.collect(twoProducts)
  await party.checkEach(
    twoProducts,
    products,
    (j, m) => checkTwoProducts(party, ctx, j, self, mine.K, twos.get(j).message.Gamma, m),
    [twos],
  )
  const Gamma = sum([Gamma_i, ...twos.values().map((m) => m.message.Gamma)])
  if (Gamma.is0()) party.abort(two, { code: 'ZERO', check: 'Gamma is the identity' }, [])

  // δ_i = γ_i·k_i + Σ (α_ij + β_ij),  χ_i = w_i·k_i + Σ (α̂_ij + β̂_ij)  mod q
  let delta = modQ(gamma.expose() * k.expose())
  let chi = modQ(w.expose() * k.expose())
  for (const [j, { message: m }] of products.entries()) {
    const { plain, hatted } = of(made, j)
    delta = modQ(delta + aux.paillier.decrypt(m.D).expose() + plain.beta.expose())
    chi = modQ(chi + aux.paillier.decrypt(m.DHat).expose() + hatted.beta.expose())
  }
  const Delta_i = mul(Gamma, k.expose())
  const S_i = mul(Gamma, chi)
  if (S_i.is0()) throw new InternalError('presigning: χ is zero')
  const psiPrimePrime = await work.prove(
    elog,
    party.binding(self, '', 'psi-prime-prime'),
    claim.psiPrimePrime(mine, Gamma, { Delta: Delta_i }),
    { y: k, lambda: own.a },
    random,
  )
  await party.broadcast(three, { delta, S: S_i, Delta: Delta_i, psiPrimePrime })

  // Fig. 8, output
  const threes = await party.collect(three)
  await party.checkEach(three, threes, (j, m) => checkThree(party, j, ones.get(j).message, Gamma, m), [ones])
  const deltaSum = threes.values().reduce((a, m) => modQ(a + m.message.delta), delta)
  const Delta = new Map([[self, Delta_i], ...threes.entries().map(([j, m]) => [j, m.message.Delta] as const)])
  const S = new Map([[self, S_i], ...threes.entries().map(([j, m]) => [j, m.message.S] as const)])
  const fail = async (wrong: Sum, failed: Failed): Promise<never> => {
    // With one peer, a sum that is wrong after all proofs held is the peer's doing.
    const envelopes = new PerPeer(peers, (j) => [ones, twos, products, threes].map((r) => r.get(j).envelope))
    if (peers.length === 1) return party.abort(three, failed, peers, envelopes)
    const said = new Map<PartyId, Said>([
      [self, { one: { message: mine }, two: { message: { Gamma: Gamma_i } }, three: { message: { delta, S: S_i } } }],
      ...peers.map((j): [PartyId, Said] => [j, { one: ones.get(j), two: twos.get(j), three: threes.get(j) }]),
    ])
    const own = {
      paillier: aux.paillier,
      factor: wrong === 'delta' ? gamma : w,
      made: new Map([...made].map(([j, m]) => [j, wrong === 'delta' ? m.plain : m.hatted])),
      received: products,
    }
    abortOn(await identify({ sum: wrong, ctx, Gamma, said }, own, party, rounds))
    return party.abort(three, failed, [])
  }
  // δ·G = Σ Δ_j
  if (!mulPublic(G, deltaSum).equals(sum([...Delta.values()])))
    return fail('delta', { code: 'DELTA', check: 'eq delta' })
  // δ·X = Σ S_j
  if (!mulPublic(ctx.publicKey, deltaSum).equals(sum([...S.values()])))
    return fail('chi', { code: 'CHI', check: 'eq chi' })
  if (deltaSum === 0n) party.abort(three, { code: 'ZERO', check: 'delta is zero' }, [])

  const inverse = invQ(deltaSum)
  const shares = new Map(
    ctx.signers.map((id) => [id, id === self ? { delta, Delta: Delta_i, S: S_i } : threes.get(id).message]),
  )
  return {
    ...publicPresignature(Gamma, shares),
    publicKey: ctx.publicKey,
    signers: ctx.signers,
    kTilde: secret(modQ(k.expose() * inverse)),
    chiTilde: secret(modQ(chi * inverse)),
  }
}

interface RoundOne {
  readonly message: One
  readonly k: Secret<bigint>
  readonly gamma: Secret<bigint>
  readonly a: Secret<bigint>
  readonly b: Secret<bigint>
  readonly rho: Secret<bigint>
  readonly nu: Secret<bigint>
}

/** Fig. 8, round 1. */
function roundOne({ self, random }: Party, ctx: Context): RoundOne {
  const { paillier } = of(ctx.aux, self)
  const [k, gamma, a, b] = [0, 0, 0, 0].map(() => randomNonZeroScalar(random)) as [bigint, bigint, bigint, bigint]
  const [rho, nu] = [unit(random, paillier.N), unit(random, paillier.N)]
  // Y's discrete logarithm is drawn and forgotten: nobody needs it once a·Y and b·Y are made, as multiples of G.
  const y = randomNonZeroScalar(random)
  const Y = mul(G, y)
  const message: One = {
    K: paillier.encrypt(k, rho),
    G: paillier.encrypt(gamma, nu),
    Y,
    A1: mul(G, a),
    A2: mul(G, a * y + k),
    B1: mul(G, b),
    B2: mul(G, b * y + gamma),
  }
  return { message, k: secret(k), gamma: secret(gamma), a: secret(a), b: secret(b), rho: secret(rho), nu: secret(nu) }
}

type Multiplied = ReturnType<typeof multiply>

/** Fig. 8, round 2: D = x ⊙ K_j ⊕ enc_j(−β), F = enc_i(−β). */
function multiply({ self, random, level }: Party, ctx: Context, j: PartyId, Kj: bigint, x: Secret<bigint>) {
  const { paillier: Nj } = of(ctx.aux, j)
  const { paillier: Ni } = of(ctx.aux, self)
  const beta = symmetric(random, level.ellPrime)
  const [s, r] = [unit(random, Nj.N), unit(random, Ni.N)]
  return {
    beta: secret(beta),
    D: Nj.add(Nj.pow(Kj, x.expose()), Nj.encrypt(-beta, s)),
    F: Ni.encrypt(-beta, r),
    witness: { x, y: secret(-beta), rho: secret(s), rhoY: secret(r) },
  }
}
