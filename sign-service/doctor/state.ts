/** The record, and what the policy counted: whether they can be written, are ours alone, and are what they should be. */
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { verifyAuditLog } from '../../config/audit/verify.ts'
import type { ServiceConfig } from '../../config/schema.ts'
import { auditFile, policyFolder } from '../../config/state-folder.ts'
import { readPolicy } from '../policy.ts'
import { laterFolder, privateFile } from './files.ts'
import { type Finding, fail, ok } from './finding.ts'

export async function recordFindings(config: ServiceConfig): Promise<readonly Finding[]> {
  if (!config.audit.enabled) return [ok('record', 'is turned off')]
  const path = auditFile(config)
  const folder = await laterFolder('record', dirname(path))
  const found = await stat(path).catch(() => undefined)
  if (found === undefined) return folder
  return [...folder, ...(await privateFile('record', path)), ...(await verified(path))]
}

/** After a rotation, the files before are elsewhere: then only `wallet-mpc audit verify` with all of them can tell. */
async function verified(path: string): Promise<readonly Finding[]> {
  const { head, problem } = await verifyAuditLog([path])
  if (problem === undefined) return [ok('record', `${path}: whole, ${head.seq} lines`)]
  if (problem.endsWith('line 1: out of order')) {
    return [ok('record', `${path}: goes on from another file; wallet-mpc audit verify takes both`)]
  }
  return [fail('record', problem, 'keep the file as it is; docs/sign-service-operations.md says what to do')]
}

export async function policyFindings(config: ServiceConfig): Promise<readonly Finding[]> {
  const { file, permit_key_file } = config.policy
  if (file === undefined) return [ok('policy', 'no file: whatever the service hashes itself is signed')]
  const found = await readPolicy(config)
  return [
    ok('policy', `${file}: ${found?.file.rules.length ?? 0} rules`),
    ...(permit_key_file === undefined ? [] : await privateFile('permit key', permit_key_file)),
    ...(await laterFolder('policy state', policyFolder(config))),
  ]
}
