/**
 * One party of the bench: runs every protocol with the other one through the gateway and prints a line of JSON for each
 * operation with its own CPU and wall time. Primes are the stored ones, so that their search doesn't count.
 *
 *   party.ts GATEWAY ROOM NAME RUNS
 */
import { CGGMP24_3072 } from '../../participant/base/level.ts'
import { systemRandom } from '../../participant/base/random.ts'
import { testAuxSecrets } from '../../participant/key-share/testing.ts'
import { openConnection } from '../../participant/party/connection.ts'
import type { Party, ProtocolRounds } from '../../participant/party/party.ts'
import { createIdentity } from '../../participant/party/roster.ts'
import { sessionId } from '../../participant/party/session.ts'
import { auxInfo } from '../../participant/protocols/aux-info/protocol.ts'
import { auxRounds } from '../../participant/protocols/aux-info/rounds.ts'
import { keygen } from '../../participant/protocols/keygen/protocol.ts'
import { keygenRounds } from '../../participant/protocols/keygen/rounds.ts'
import { presign } from '../../participant/protocols/presign/protocol.ts'
import { presignRounds } from '../../participant/protocols/presign/rounds.ts'
import { sign, signRounds } from '../../participant/protocols/sign/protocol.ts'
import { connectGateway } from '../../participant/room/gateway.ts'
import { rendezvous } from '../../participant/signer/rendezvous.ts'
import { inProcess } from '../../participant/zk/work.ts'

const [url = '', roomName = '', name = '', runs = '10'] = process.argv.slice(2)
const level = CGGMP24_3072
const signal = new AbortController().signal
const gateway = connectGateway({ url })
const random = systemRandom
const identity = createIdentity(name, random)
const lobby = gateway.openRoom(roomName)
const terms = { room: roomName, parties: 2, threshold: 2, accounts: ['bench'], level: level.name }
const { roster, nonces } = await rendezvous({ terms, identity, channel: lobby, random, deadlineMs: 60_000, signal })
lobby.close()
const signers = roster.members.map((m) => m.id)
const mine = signers.indexOf(name)

/** Runs one session in a room of its own and prints what it took this party. */
async function timed<T>(
  operation: string,
  tag: string,
  protocols: readonly ProtocolRounds[],
  run: (party: (protocol: string) => Party) => Promise<T>,
): Promise<T> {
  const room = gateway.openRoom(`${roomName}-${tag}`)
  await room.ready
  const session = sessionId({ purpose: tag, level, roster, threshold: 2, account: 'bench', epoch: 0, signers, nonces })
  const common = { identity, roster, signers, epoch: 0, level, channel: room, random, work: inProcess }
  const connection = openConnection({ ...common, session, protocols, deadlineMs: 120_000 })
  const [wall, cpu] = [performance.now(), process.cpuUsage()]
  const result = await connection.run(run)
  const { user, system } = process.cpuUsage(cpu)
  process.stdout.write(
    `${JSON.stringify({ operation, cpuMs: (user + system) / 1000, wallMs: performance.now() - wall })}\n`,
  )
  room.close()
  return result
}

const aRounds = auxRounds(level)
const pRounds = presignRounds(level)
for (let i = 0; i < Number(runs); i++) {
  const core = await timed('DKG, t = n = 2, without aux', `keygen-${i}`, [keygenRounds], (p) =>
    keygen({ threshold: 2 }, p('keygen')),
  )
  const secrets = testAuxSecrets(mine, level, random)
  const aux = await timed('aux info without primes', `aux-${i}`, [aRounds], (p) =>
    auxInfo({ ...secrets, rounds: aRounds }, p('aux-info')),
  )
  const presignature = await timed('presign', `presign-${i}`, [pRounds], (p) =>
    presign({ core, aux, signers, rounds: pRounds }, p('presign')),
  )
  const digest = new Uint8Array(32).fill(i)
  await timed('sign', `sign-${i}`, [signRounds], (p) => sign({ presignature, digest }, p('sign')))
  await timed('presign + sign', `both-${i}`, [pRounds, signRounds], async (p) => {
    const fresh = await presign({ core, aux, signers, rounds: pRounds }, p('presign'))
    return sign({ presignature: fresh, digest }, p('sign'))
  })
}
process.exit(0)
