/** A real message of every round of every protocol, with its fields. */
import type { BroadcastRound, DirectRound, Round } from '../../participant/party/rounds.ts'
import { allValues } from '../../participant/party/testing.ts'
import {
  type Cheat,
  dealPresignatures,
  type Fixture,
  fixture,
  runAux,
  runKeygen,
  runPresign,
  runSign,
} from '../../participant/protocols/testing.ts'
import { instances, seededRandom } from '../../participant/zk/testing.ts'
import { type Field, fieldsOf } from './fields.ts'
import type { Runner } from './harness.ts'

export interface Sent {
  readonly protocol: string
  readonly round: Round<unknown>
  readonly message: unknown
}

const DIGEST = new Uint8Array(32).fill(7)

export const RUNNERS = {
  keygen: runKeygen,
  'aux-info': (f, o) => runAux(f, o),
  presign: (f, o) => runPresign(f, o),
  sign: (f, o) => runSign(f, dealPresignatures(f.parties, 11n), DIGEST, o),
} as const satisfies Readonly<Record<string, Runner>>

/** From an honest run of two; those of the alarm, which takes three and a dishonest one, from their provers. */
export async function recordedMessages(two: Fixture): Promise<readonly Sent[]> {
  const sent = new Map<string, Sent>()
  for (const run of Object.values(RUNNERS)) allValues<unknown>(await run(two, { cheats: { p0: recorder(sent) } }))
  const { dec, affGStar } = instances(two.level.name)
  const { alarmSum, alarmProducts } = fixture(3, 3, two.level).presign
  const random = seededRandom('alarm')
  const proofs = [
    dec.proof.prove(dec.binding, dec.statement, dec.witness, random),
    affGStar.proof.prove(affGStar.binding, affGStar.statement, affGStar.witness, random),
  ]
  const alarms = [alarmSum, alarmProducts[0]] as unknown as readonly Round<unknown>[]
  return [
    ...sent.values(),
    ...alarms.map((round, i) => ({ protocol: 'presign', round, message: { proof: proofs[i] } })),
  ]
}

/** Keeps one message of each round that a party sends. */
function recorder(into: Map<string, Sent>): Cheat {
  return (party) => {
    const { protocol } = party
    const keep = (round: unknown, message: unknown): void => {
      const r = round as Round<unknown>
      into.set(`${protocol} ${r.name}`, { protocol, round: r, message })
    }
    return {
      ...party,
      broadcast<M>(r: BroadcastRound<M>, m: M) {
        keep(r, m)
        return party.broadcast(r, m)
      },
      send<M>(r: DirectRound<M>, to: string, m: M) {
        keep(r, m)
        return party.send(r, to, m)
      },
    }
  }
}

export const isOfAlarm = ({ round }: Sent): boolean => round.name.startsWith('alarm')
export const fieldsIn = ({ round, message }: Sent): readonly Field[] => fieldsOf(round.codec, message)
export const nameOf = ({ protocol, round }: Sent): string => `${protocol} ${round.name}`
