/** The real key-gen with stored primes instead of fresh ones: argument 1 says whose, the rest is the command line. */
import process from 'node:process'
import { runMain } from '../../config/process.ts'
import { runKeyGen } from '../../key-gen/program.ts'
import { CGGMP24_3072, systemRandom } from '../../participant/index.ts'
import { testAuxSecrets } from '../../participant/key-share/testing.ts'

const [index = '0'] = process.argv.splice(2, 1)
await runMain('key-gen', (host) =>
  runKeyGen(host, {
    ofAll: () => Promise.reject(new RangeError('not for join')),
    own: async () => testAuxSecrets(Number(index), CGGMP24_3072, systemRandom),
  }),
)
