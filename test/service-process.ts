/**
 * sign-service as a process, in everything as sign-service/main.ts but for the key shares, which are of the level for tests:
 * what doesn't depend on the size of keys can then be done thousands of times. No entry point of the package leads here.
 *
 *   small-service.ts CONFIG KEY-SHARES
 */
import { loadServiceConfig } from '../config/load.ts'
import { runMain } from '../config/process.ts'
import { runProgram } from '../config/program.ts'
import { INSECURE_TEST } from '../participant/base/level.ts'
import { StateError } from '../participant/index.ts'
import { readKeyShareFile } from '../participant/key-share/file.node.ts'
import { openParticipant } from '../participant/signer/participant.ts'
import type { Keystore } from '../sign-service/keystore.ts'
import { runService } from '../sign-service/program.ts'
import { openService } from '../sign-service/service.ts'

const GROUND = { level: INSECURE_TEST, participant: openParticipant }

await runMain(
  'small-service',
  (host) =>
    runProgram('small-service', host, (program) => {
      program.argument('<config>').argument('<key-shares>')
      program.action(async (file: string, shareFile: string) => {
        const load = () => loadServiceConfig({ file, env: host.env })
        const read = async (): Promise<Keystore> => ({
          shares: await readKeyShareFile(shareFile, { levels: [INSECURE_TEST] }),
          add: () => Promise.reject(new StateError('keystore: shares for tests are not written')),
          remove: async () => undefined,
          close: async () => undefined,
        })
        const keystore = await read()
        await runService({ host, load, config: load(), keystore, read, start: (o) => openService(o, GROUND) })
      })
    }),
  { shutdownMs: 4_900 },
)
