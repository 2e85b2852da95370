/**
 * Real, consistent key shares for tests, from the stored primes of paillier/testing.ts: no prime is searched for, so
 * a set takes milliseconds. The primes are public; nothing made here protects anything.
 */
import { UsageError } from '../base/errors.ts'
import { CGGMP24_3072, type SecurityLevel } from '../base/level.ts'
import { type Random, systemRandom } from '../base/random.ts'
import { uniformBelow, unit } from '../math/sampling.ts'
import { paillierSecretKey } from '../paillier/paillier-key.ts'
import { ringPedersenSecret } from '../paillier/ring-pedersen.ts'
import { testPrimes, testPrimesFull } from '../paillier/testing.ts'
import { createIdentity, makeRoster, type PartyId } from '../party/roster.ts'
import { type AuxSecrets, dealAux, dealCore } from './deal.ts'
import type { KeyShare } from './key-share.ts'

export interface TestDeal {
  /** Names; at most 6 at level insecure-test, 3 at full size. */
  readonly parties: readonly PartyId[]
  readonly threshold: number
  readonly accounts: readonly string[]
  readonly level: SecurityLevel
  /** 0 when absent. */
  readonly epoch?: number
  /** The system's when absent. */
  readonly random?: Random
}

/** The secret moduli of the i-th party: fixed primes, fresh bases s and t. */
export function testAuxSecrets(i: number, level: SecurityLevel, random: Random): AuxSecrets {
  const { p, q, pHat, qHat } = level === CGGMP24_3072 ? testPrimesFull(i) : testPrimes(i)
  const NHat = pHat * qHat
  const t = unit(random, NHat) ** 2n % NHat
  const lambda = uniformBelow(random, ((pHat - 1n) * (qHat - 1n)) / 4n)
  return { paillier: paillierSecretKey(p, q), pedersen: ringPedersenSecret(pHat, qHat, lambda, t) }
}

/** For each party its shares, by account. All accounts of a party have one AuxInfo object. */
export function dealTestShares(o: TestDeal): ReadonlyMap<PartyId, ReadonlyMap<string, KeyShare>> {
  const { level, epoch = 0, random = systemRandom } = o
  const identities = new Map(o.parties.map((id) => [id, createIdentity(id, random)]))
  const roster = makeRoster([...identities.values()])
  const secrets = new Map(roster.members.map((m) => [m.id, testAuxSecrets(m.index - 1, level, random)]))
  const aux = dealAux(roster, secrets)
  const cores = o.accounts.map((account) => ({ account, shares: dealCore(roster, o.threshold, random) }))
  return new Map(
    roster.members.map(({ id }) => {
      const own = cores.map(({ account, shares }): [string, KeyShare] => [
        account,
        {
          account,
          curve: 'secp256k1',
          level,
          epoch,
          roster,
          identity: present(identities.get(id)),
          core: present(shares.get(id)),
          aux: present(aux.get(id)),
        },
      ])
      return [id, new Map(own)]
    }),
  )
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new UsageError('test shares: expected a value for every party')
  return value
}
