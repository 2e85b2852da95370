/**
 * The exponentiations that one of two parties makes, counted where they are made, against the fewest that the protocol
 * needs when everything known is used: CRT for one's own moduli, λ and φ(N̂) for one's own ring-Pedersen parameters,
 * no power twice. Both parties run in this process; each count belongs to the one in whose context it was made.
 *
 * One's own Paillier power modulo N² is two modulo p² and q² (3072 bits), and for r^N two more modulo p and q before.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { CGGMP24_3072 } from '../../participant/base/level.ts'
import { systemRandom } from '../../participant/base/random.ts'
import type { KeyShare } from '../../participant/key-share/key-share.ts'
import { dealTestShares } from '../../participant/key-share/testing.ts'
import type { PowerSize } from '../../participant/math/power-count.ts'
import type { Party, ProtocolRounds } from '../../participant/party/party.ts'
import { allValues, runAll } from '../../participant/party/testing.ts'
import { auxInfo } from '../../participant/protocols/aux-info/protocol.ts'
import { auxRounds } from '../../participant/protocols/aux-info/rounds.ts'
import { presign } from '../../participant/protocols/presign/protocol.ts'
import { presignRounds } from '../../participant/protocols/presign/rounds.ts'
import type { Row } from './row.ts'

const level = CGGMP24_3072
const parties = ['client', 'service']
const dealt = dealTestShares({ parties, threshold: 2, accounts: ['bench'], level })
const shares = new Map(parties.map((id) => [id, dealt.get(id)?.get('bench') as KeyShare]))
const { roster } = shares.get('client') as KeyShare

type Protocol = (share: KeyShare, party: (protocol: string) => Party) => Promise<unknown>

const pRounds = presignRounds(level)
const aRounds = auxRounds(level)

const PROTOCOLS: Readonly<Record<string, readonly [ProtocolRounds, Protocol]>> = {
  presign: [
    pRounds,
    ({ core, aux }, party) => presign({ core, aux, signers: parties, rounds: pRounds }, party('presign')),
  ],
  aux: [
    aRounds,
    ({ aux: { paillier, pedersen } }, party) => auxInfo({ paillier, pedersen, rounds: aRounds }, party('aux-info')),
  ],
}

/** Every exponentiation of the client in one run. */
async function powersOf(name: string): Promise<readonly PowerSize[]> {
  // another commit may not have it
  const { listenToPowers } = await import('../../participant/math/power-count.ts')
  const [rounds, protocol] = PROTOCOLS[name] as readonly [ProtocolRounds, Protocol]
  const whose = new AsyncLocalStorage<string>()
  const made: PowerSize[] = []
  listenToPowers((size) => {
    if (whose.getStore() === 'client') made.push(size)
  })
  try {
    const identities = new Map([...shares].map(([id, s]) => [id, s.identity]))
    const common = { identities, roster, level, protocols: [rounds], session: systemRandom.bytes(32) }
    const run = (party: (protocol: string) => Party, id: string): Promise<unknown> =>
      whose.run(id, () => protocol(shares.get(id) as KeyShare, party))
    allValues(await runAll(common, run))
  } finally {
    listenToPowers(undefined)
  }
  return made
}

const found = new Map<string, Promise<readonly PowerSize[]>>()

function once(name: string): Promise<readonly PowerSize[]> {
  const known = found.get(name) ?? powersOf(name)
  found.set(name, known)
  return known
}

/** One row for all exponents of a modulus, against the fewest, and one for each length that occurs. */
function rowsOf(name: string, modulusBits: number, fewest: number, lengths: readonly number[]): readonly Row[] {
  const count = (isMeant: (size: PowerSize) => boolean) => async () =>
    (await once(name)).filter((p) => p.modulusBits === modulusBits && isMeant(p)).length
  const row = (what: string, counted: () => Promise<number>, target?: number): Row => ({
    name: `${name}, modulus ${modulusBits} bits${what}`,
    ...(target === undefined ? {} : { targets: { powers: target } }),
    measure: async (record) => record('powers', await counted()),
  })
  const ranges = lengths.map((to, i) => [lengths[i - 1] ?? 0, to] as const)
  return [
    row(
      '',
      count(() => true),
      fewest,
    ),
    ...ranges.map(([over, to]) =>
      row(
        `, exponents of ${over + 1} to ${to} bits`,
        count((p) => p.exponentBits > over && p.exponentBits <= to),
      ),
    ),
  ]
}

/**
 * Presigning, for a peer: own r^N 10 times, 2 decryptions, own short powers 4; of the peer's N² 6 full powers and 10 short
 * ones; commitments 12 under the peer's parameters, of two powers each, and 12 powers under one's own; modulo N 4 own
 * and 4 of the peer.
 *
 * Auxiliary information, for a peer: to prove, 128 powers modulo one's own N̂ (Π^prm), 136 modulo one's own N (Π^mod),
 * and 10 under the peer's parameters (Π^fac); to verify, 8 modulo the peer's N and one more to see that it is
 * no prime, 128 modulo its N̂, and 6 powers under one's own parameters.
 */
export const rows: readonly Row[] = [
  ...rowsOf('presign', 6144, 6 + 10, [128, 256, 384, 768, 3072]),
  ...rowsOf('presign', 3072, 2 * 10 + 2 * 2 + 2 * 4 + 2 * 12 + 4, [256, 768, 1536, 1792, 3328, 3840]),
  ...rowsOf('presign', 1536, 2 * 10 + 2 * 12 + 2 * 4, [256, 1536]),
  ...rowsOf('aux', 3072, 10 + 128 + 8 + 1, [1536, 2304, 3072, 3840, 6912]),
  ...rowsOf('aux', 1536, 2 * 128 + 2 * 136 + 2 * 6, [256, 1536]),
]
