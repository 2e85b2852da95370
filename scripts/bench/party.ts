/**
 * One party of the bench: runs a protocol with the other one through the gateway, some times after those that are
 * not counted, and prints a line of JSON for each with its own CPU and wall time. The key shares follow from a seed, so
 * that both have the same; primes are the stored ones, so that their search doesn't count.
 *
 *   party.ts GATEWAY ROOM NAME OPERATION RUNS
 */
import { CGGMP24_3072 } from '../../participant/base/level.ts'
import { systemRandom } from '../../participant/base/random.ts'
import { dealTestShares, testAuxSecrets } from '../../participant/key-share/testing.ts'
import { openConnection } from '../../participant/party/connection.ts'
import type { Party, ProtocolRounds } from '../../participant/party/party.ts'
import { sessionId } from '../../participant/party/session.ts'
import { auxInfo } from '../../participant/protocols/aux-info/protocol.ts'
import { auxRounds } from '../../participant/protocols/aux-info/rounds.ts'
import { keygen } from '../../participant/protocols/keygen/protocol.ts'
import { keygenRounds } from '../../participant/protocols/keygen/rounds.ts'
import type { Presignature } from '../../participant/protocols/material.ts'
import { presign } from '../../participant/protocols/presign/protocol.ts'
import { presignRounds } from '../../participant/protocols/presign/rounds.ts'
import { sign, signRounds } from '../../participant/protocols/sign/protocol.ts'
import { connectGateway } from '../../participant/room/gateway.ts'
import { seededRandom } from '../../participant/zk/testing.ts'
import { inProcess } from '../../participant/zk/work.ts'
import { timed, WARM_UP } from './row.ts'

const [url = '', roomName = '', name = '', operation = '', runs = ''] = process.argv.slice(2)
const level = CGGMP24_3072
const parties = ['client', 'service']
const dealt = dealTestShares({ parties, threshold: 2, accounts: ['bench'], level, random: seededRandom('bench') })
const share = dealt.get(name)?.get('bench')
if (share === undefined) throw new Error(`${name}: expected client or service`)
const { roster, identity, core, aux } = share
const signers = roster.members.map((m) => m.id)
const gateway = connectGateway({ url })
const aRounds = auxRounds(level)
const pRounds = presignRounds(level)

/** One session in a room of its own. With `isCounted`, prints what it took this party. */
async function session<T>(
  tag: string,
  protocols: readonly ProtocolRounds[],
  isCounted: boolean,
  run: (party: (protocol: string) => Party) => Promise<T>,
): Promise<T> {
  const room = gateway.openRoom(`${roomName}-${tag}`)
  await room.ready
  const nonces = new Map(signers.map((id) => [id, seededRandom(`${roomName} ${tag} ${id}`).bytes(32)]))
  const about = { purpose: tag, level, roster, threshold: 2, account: 'bench', epoch: 0, signers, nonces }
  const common = { identity, roster, signers, epoch: 0, level, channel: room, random: systemRandom, work: inProcess }
  const connection = openConnection({ ...common, session: sessionId(about), protocols, deadlineMs: 120_000 })
  const seen: Record<string, number> = {}
  const result = await timed(
    (unit, value = 0) => {
      seen[unit] = value
    },
    () => connection.run(run),
  )
  if (isCounted) process.stdout.write(`${JSON.stringify(seen)}\n`)
  room.close()
  return result
}

const presigned = (tag: string, isCounted: boolean): Promise<Presignature> =>
  session(tag, [pRounds], isCounted, (p) => presign({ core, aux, signers, rounds: pRounds }, p('presign')))

const OPERATIONS: Readonly<Record<string, (i: number, isCounted: boolean) => Promise<unknown>>> = {
  keygen: (i, isCounted) =>
    session(`keygen-${i}`, [keygenRounds], isCounted, (p) => keygen({ threshold: 2 }, p('keygen'))),
  aux(i, isCounted) {
    const secrets = testAuxSecrets(signers.indexOf(name), level, systemRandom)
    return session(`aux-${i}`, [aRounds], isCounted, (p) => auxInfo({ ...secrets, rounds: aRounds }, p('aux-info')))
  },
  presign: (i, isCounted) => presigned(`presign-${i}`, isCounted),
  async sign(i, isCounted) {
    const presignature = await presigned(`before-${i}`, false)
    const digest = new Uint8Array(32).fill(i + 1)
    return session(`sign-${i}`, [signRounds], isCounted, (p) => sign({ presignature, digest }, p('sign')))
  },
}

const run = OPERATIONS[operation]
if (run === undefined) throw new Error(`${operation}: expected ${Object.keys(OPERATIONS).join(', ')}`)
for (let i = 0; i < WARM_UP + Number(runs); i++) await run(i, i >= WARM_UP)
process.exit(0)
