/** Each proof at full size: what proving and verifying take, with the moduli prepared. */
import { CGGMP24_3072 } from '../../participant/base/level.ts'
import { systemRandom } from '../../participant/base/random.ts'
import type { Binding, Provable } from '../../participant/zk/sigma.ts'
import { type Instance, instances } from '../../participant/zk/testing.ts'
import { type Row, timedCalls } from './row.ts'

type AnyInstance = Instance<unknown, unknown, unknown, string>
type AnyProof = Provable<unknown, unknown, unknown, string>

const all = Object.entries(instances(CGGMP24_3072.name)) as unknown as [string, AnyInstance][]

function rowsOf({ proof, binding, statement, verifierStatement, witness }: AnyInstance): readonly Row[] {
  const make = (p: AnyProof, b: Binding) => p.prove(b, statement, witness, systemRandom)
  return [
    {
      name: `Π^${proof.name}, prove`,
      measure: (record, runs) => timedCalls(record, runs, () => make(proof, binding)),
    },
    {
      name: `Π^${proof.name}, verify`,
      async measure(record, runs) {
        const given = make(proof, binding)
        const failed = proof.verify(binding, verifierStatement, given)
        if (failed !== undefined) throw new Error(`an honest proof fails: ${failed}`)
        await timedCalls(record, runs, () => proof.verify(binding, verifierStatement, given))
      },
    },
  ]
}

export const rows: readonly Row[] = all.flatMap(([, instance]) => rowsOf(instance))
