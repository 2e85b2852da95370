/** The lease of the cluster: whether it can be asked for, and who has it. Nothing is written. */
import type { ServiceConfig } from '../../config/schema.ts'
import { openLeaseApi } from '../lease/api.ts'
import { type Finding, fail, ok } from './finding.ts'

export async function leaseFindings(
  config: Pick<ServiceConfig, 'lease'>,
  env: Readonly<Record<string, string | undefined>>,
  isOffline: boolean,
): Promise<readonly Finding[]> {
  if (config.lease.type === 'none') return []
  const api = await openLeaseApi(config, env)
  const name = `${api.namespace}/${api.name}`
  if (isOffline) return [ok('lease', `${name}: token and authority can be read`)]
  const found = await api.get()
  if (found.is === 'missing') return [ok('lease', `${name}: nobody had it yet`)]
  if (found.is !== 'lease') {
    const why = found.is === 'failed' ? found.why : found.is
    return [fail('lease', `${name}: ${why}`, 'may the service account get it, and does the network let it through?')]
  }
  const { holder } = found.lease
  return [ok('lease', `${name}: ${holder === undefined ? 'nobody has it' : `held by ${holder}`}`)]
}
