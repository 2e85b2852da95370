/**
 * Auxiliary information: everybody's Paillier modulus and ring-Pedersen parameters, proven well formed. CGGMP24,
 * Fig. 7, without its refresh part: 3 rounds, and one in which everybody says that nothing was wrong, so that all parties end
 * alike: a bad Π^fac is seen by its recipient alone.
 *
 * The primes are made before the session starts, since that takes seconds; they must not have been used in a session
 * that failed.
 */
import { type PaillierSecretKey, paillierKey } from '../../paillier/paillier-key.ts'
import { type RingPedersenSecret, ringPedersen } from '../../paillier/ring-pedersen.ts'
import type { Failed, Party } from '../../party/party.ts'
import type { PartyId } from '../../party/roster.ts'
import { fac } from '../../zk/fac.ts'
import { mod } from '../../zk/mod.ts'
import { prm } from '../../zk/prm.ts'
import type { AuxInfo } from '../material.ts'
import {
  type AuxRounds,
  checkFac,
  checkMod,
  checkOpening,
  checkPrm,
  commitTo,
  jointRho,
  type Opening,
  slotOf,
} from './rounds.ts'

export interface AuxInput {
  readonly paillier: PaillierSecretKey
  readonly pedersen: RingPedersenSecret
  readonly rounds: AuxRounds
}

/** Throws ProtocolAbort with the culprits, or TransportError at the deadline. */
export async function auxInfo({ paillier, pedersen, rounds }: AuxInput, party: Party): Promise<AuxInfo> {
  const { self, peers, session, random, level, work } = party
  const { one, two, three, threeFac, four } = rounds

  // Fig. 7, round 1: commit to the moduli and ψ̂
  const { NHat, s, t } = pedersen
  const mine: Opening = {
    N: paillier.N,
    NHat,
    s,
    t,
    psiHat: await work.prove(prm, party.binding(self, '', 'psi-hat'), { NHat, s, t }, { setup: pedersen }, random),
    rho: random.bytes(32),
    u: random.bytes(32),
  }
  await party.broadcast(one, { V: commitTo(level, session, self, mine) })
  const commits = await party.collect(one)

  // Fig. 7, round 2: open
  await party.broadcast(two, mine)
  const openings = await party.collect(two)
  await party.checkEach(two, openings, (j, m) => checkOpening(level, session, j, commits.get(j).message.V, m), [
    commits,
  ])
  await party.checkEach(two, openings, (_, m) => checkAgainstMine(mine, m))
  if (repeats([mine, ...openings.values().map((o) => o.message)])) {
    // Two peers with the same modulus: who copied is not shown by this.
    party.abort(two, { code: 'AUX_DUP', check: 'a modulus of two parties' }, [])
  }
  await party.checkEach(two, openings, (j, m) => checkPrm(party, j, m))
  const peerAux = new Map(
    openings
      .entries()
      .map(([j, { message: m }]) => [j, { paillier: paillierKey(m.N), pedersen: ringPedersen(m.NHat, m.s, m.t) }]),
  )

  // Fig. 7, round 3: Π^mod for everybody, Π^fac under each peer's ring-Pedersen parameters
  const rho = jointRho([mine, ...openings.values().map((o) => o.message)])
  const psi = await work.prove(
    mod,
    party.binding(self, '', slotOf('psi', rho)),
    { N: paillier.N },
    { key: paillier },
    random,
  )
  await party.broadcast(three, { psi })
  for (const j of peers) {
    const statement = { N0: paillier.N, setup: of(peerAux, j).pedersen }
    const phi = await work.prove(
      fac,
      party.binding(self, j, slotOf('phi', rho)),
      statement,
      { p: paillier.p, q: paillier.q },
      random,
    )
    await party.send(threeFac, j, { phi })
  }
  const mods = await party.collect(three)
  await party.checkEach(three, mods, (j, m) => checkMod(party, j, rho, openings.get(j).message, m), [openings])
  const facs = await party.collect(threeFac)
  await party.checkEach(threeFac, facs, (j, m) => checkFac(party, j, self, rho, openings.get(j).message, pedersen, m), [
    openings,
  ])

  await party.broadcast(four, {})
  await party.collect(four)
  return { paillier, pedersen, peers: peerAux }
}

function checkAgainstMine(mine: Opening, m: Opening): Failed | undefined {
  const own = [mine.N, mine.NHat]
  return own.includes(m.N) || own.includes(m.NHat) ? { code: 'AUX_DUP', check: 'a modulus of ours' } : undefined
}

function repeats(openings: readonly Opening[]): boolean {
  const moduli = openings.flatMap((o) => [o.N, o.NHat])
  return new Set(moduli).size !== moduli.length
}

function of<T>(map: ReadonlyMap<PartyId, T>, id: PartyId): T {
  return map.get(id) as T
}
