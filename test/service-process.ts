/**
 * sign-service as a process, in everything as sign-service/main.ts but for two things that tests and the load need: key
 * shares may be of the level for tests, and presignatures can be dealt to it by who started it, over Node's channel
 * (`{ way, x, seeds }`). No entry point of the package leads here.
 *
 *   service-process.ts CONFIG KEY-SHARES
 */
import { loadServiceConfig } from '../config/load.ts'
import { runMain } from '../config/process.ts'
import { runProgram } from '../config/program.ts'
import { CGGMP24_3072, INSECURE_TEST } from '../participant/base/level.ts'
import { type ParticipantOptions, StateError } from '../participant/index.ts'
import { readKeyShareFile } from '../participant/key-share/file.node.ts'
import { openParticipant } from '../participant/signer/participant.ts'
import type { Keystore } from '../sign-service/keystore.ts'
import { runService } from '../sign-service/program.ts'
import { openService } from '../sign-service/service.ts'
import { type Deal, dealtPart } from './dealt-presignatures.ts'

const LEVELS = [CGGMP24_3072, INSECURE_TEST]
/** In the order in which the service opens them: in rooms, and behind the interface. */
const opened: ParticipantOptions[] = []

const participant = (o: ParticipantOptions) => {
  opened.push(o)
  return openParticipant(o)
}

process.on('message', ({ way, account, x, seeds }: Deal) => {
  const { keyShares, pool } = opened[way === 'rooms' ? 0 : 1] ?? {}
  const share = keyShares?.get(account)
  if (share !== undefined) for (const seed of seeds) pool?.store?.put(dealtPart(share, BigInt(x), seed))
})
process.on('disconnect', () => process.exit(1))

await runMain(
  'service-process',
  (host) =>
    runProgram('service-process', host, (program) => {
      program.argument('<config>').argument('<key-shares>')
      program.action(async (file: string, shareFile: string) => {
        const load = () => loadServiceConfig({ file, env: host.env })
        const read = async (): Promise<Keystore> => ({
          shares: await readKeyShareFile(shareFile, { levels: LEVELS }),
          add: () => Promise.reject(new StateError('keystore: shares for tests are not written')),
          remove: async () => undefined,
          close: async () => undefined,
        })
        const keystore = await read()
        const ground = { level: INSECURE_TEST, participant }
        await runService({ host, load, config: load(), keystore, read, start: (o) => openService(o, ground) })
      })
    }),
  { shutdownMs: 4_900 },
)
