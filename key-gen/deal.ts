/**
 * The dealer: makes everybody's key shares in one process, for a start and for trials.
 *
 * Whoever controls this process while it runs could keep every private key that it deals. `join` makes keys without
 * such a place.
 */
import { CGGMP24_3072 } from '../participant/base/level.ts'
import { systemRandom } from '../participant/base/random.ts'
import type { KeyShare, PartyId } from '../participant/index.ts'
import { type AuxSecrets, dealAux, dealCore } from '../participant/key-share/deal.ts'
import { generatePaillierKey } from '../participant/paillier/paillier-key.ts'
import { generateRingPedersen } from '../participant/paillier/ring-pedersen.ts'
import { createIdentity, makeRoster } from '../participant/party/roster.ts'
import { createWorkerPool } from '../participant/zk/work-pool.node.ts'

export interface SecretsOptions {
  readonly parties: readonly PartyId[]
  readonly signal: AbortSignal
  /** Called when one more modulus is there. */
  readonly onProgress: (made: number, of: number) => void
}

/** Every party's two moduli, two at a time. TransportError when cancelled. */
export async function makeSecrets(o: SecretsOptions): Promise<ReadonlyMap<PartyId, AuxSecrets>> {
  const { parties, signal, onProgress } = o
  const of = 2 * parties.length
  let made = 0
  const count = <T>(value: T): T => {
    onProgress(++made, of)
    return value
  }
  onProgress(0, of)
  const secrets = new Map<PartyId, AuxSecrets>()
  const pool = createWorkerPool()
  try {
    // One party at a time: all threads look for the same prime anyway.
    for (const id of parties) {
      const options = { signal, maker: pool.primes }
      const [paillier, pedersen] = await Promise.all([
        generatePaillierKey(CGGMP24_3072, options).then(count),
        generateRingPedersen(CGGMP24_3072, options).then(count),
      ])
      secrets.set(id, { paillier, pedersen })
    }
  } finally {
    await pool.close()
  }
  return secrets
}

export interface DealOptions {
  readonly parties: readonly PartyId[]
  readonly threshold: number
  readonly accounts: readonly string[]
  readonly secrets: ReadonlyMap<PartyId, AuxSecrets>
}

/** For each party, in the order of the roster, its shares by account. */
export function deal(o: DealOptions): ReadonlyMap<PartyId, ReadonlyMap<string, KeyShare>> {
  const identities = new Map(o.parties.map((id) => [id, createIdentity(id, systemRandom)]))
  const roster = makeRoster([...identities.values()])
  const auxOf = dealAux(roster, o.secrets)
  const cores = o.accounts.map((account) => ({ account, coreOf: dealCore(roster, o.threshold, systemRandom) }))
  return new Map(
    roster.members.map(({ id }) => {
      const [identity, aux] = [ofParty(identities, id), ofParty(auxOf, id)]
      const shares = cores.map(({ account, coreOf }): [string, KeyShare] => [
        account,
        {
          account,
          curve: 'secp256k1',
          level: CGGMP24_3072,
          epoch: 0,
          roster,
          identity,
          core: ofParty(coreOf, id),
          aux,
        },
      ])
      return [id, new Map(shares)]
    }),
  )
}

function ofParty<T>(map: ReadonlyMap<PartyId, T>, id: PartyId): T {
  const value = map.get(id)
  if (value === undefined) throw new RangeError('expected a value for every party')
  return value
}
