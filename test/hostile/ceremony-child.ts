/**
 * What `key-gen join --yes` does, at the small test level: a ceremony, then the file. Arguments: gateway, room, name,
 * index of its stored primes, file, `force` or `new`, deadline in ms.
 */
import process from 'node:process'
import { MpcError } from '../../participant/base/errors.ts'
import { INSECURE_TEST as level } from '../../participant/base/level.ts'
import { systemRandom } from '../../participant/base/random.ts'
import { writeKeyShareFiles } from '../../participant/key-share/file.node.ts'
import { formatKeyShares, parseKeyShares } from '../../participant/key-share/format.ts'
import { testAuxSecrets } from '../../participant/key-share/testing.ts'
import { connectGateway } from '../../participant/room/gateway.ts'
import { generateShares } from '../../participant/signer/ceremony.ts'

const [url = '', room = '', name = '', index = '0', path = '', mode = 'new', deadline = '0'] = process.argv.slice(2)
try {
  const shares = await generateShares({
    gateway: connectGateway({ url }),
    room,
    name,
    parties: 2,
    threshold: 2,
    accounts: ['main'],
    level,
    deadlineMs: Number(deadline),
    confirm: async () => true,
    moduli: Promise.resolve(testAuxSecrets(Number(index), level, systemRandom)),
  })
  const data = formatKeyShares(shares)
  parseKeyShares(data, { levels: [level] })
  await writeKeyShareFiles([{ path, data }], { force: mode === 'force' })
  process.stdout.write('written\n')
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = error instanceof MpcError ? 3 : 1
}
process.exit()
