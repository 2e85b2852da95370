/**
 * `sign-service doctor`: looks at everything that the service needs and says what is wrong, all of it at once. It changes
 * nothing, takes no lock, and can run beside the service. Exit code 1 when something is wrong.
 */
import type { Command } from 'commander'
import { loadServiceConfig } from '../../config/load.ts'
import type { Host } from '../../config/program.ts'
import type { ServiceConfig } from '../../config/schema.ts'
import { evidenceFolder, lockFolder } from '../../config/state-folder.ts'
import { clockFindings } from './clock.ts'
import { laterFolder, privateFile } from './files.ts'
import { attempt, type Finding, findingsText, ok } from './finding.ts'
import { keystoreFindings } from './keystore.ts'
import { leaseFindings } from './lease.ts'
import { policyFindings, recordFindings } from './state.ts'

interface DoctorFlags {
  readonly offline?: boolean
  readonly json?: boolean
}

/** Something is wrong; all has been said. */
class Unwell extends Error {
  override readonly name = 'Unwell'
  readonly code = 'INTERNAL'
}

export function defineDoctor(program: Command, host: Host): void {
  program
    .command('doctor')
    .description(
      'looks at configuration, files, disk, locks and clock, and says what is wrong; exit code 1 if anything is',
    )
    .argument('[config]', 'YAML file (default: config/sign-service.yaml if it is there)')
    .option('--offline', 'leave out the gateway and the cluster')
    .option('--json', 'print one JSON object')
    .action((file: string | undefined, flags: DoctorFlags) => doctor(host, file, flags))
}

async function doctor(host: Host, file: string | undefined, flags: DoctorFlags): Promise<void> {
  let config: ServiceConfig | undefined
  const findings = [
    ...(await attempt('config', async () => {
      config = loadServiceConfig({ file, env: host.env })
      return [ok('config', file ?? 'config/sign-service.yaml, if it is there')]
    })),
    ...(config === undefined ? [] : await findingsOf(config, host, flags.offline === true)),
  ]
  const failed = findings.filter((f) => f.status === 'fail').length
  host.stdout.write(
    flags.json === true ? `${JSON.stringify({ ok: failed === 0, findings })}\n` : findingsText(findings),
  )
  if (failed > 0) throw new Unwell(`${failed} of ${findings.length} checks failed`)
}

async function findingsOf(config: ServiceConfig, host: Host, isOffline: boolean): Promise<readonly Finding[]> {
  const { token_file, url } = config.gateway
  return [
    ...(await attempt('keystore', () => keystoreFindings(config, host))),
    ...(await attempt('locks', () => laterFolder('locks', lockFolder(config)))),
    ...(await attempt('record', () => recordFindings(config))),
    ...(await attempt('policy', () => policyFindings(config))),
    ...(await attempt('evidence', () => laterFolder('evidence', evidenceFolder(config)))),
    ...(token_file === undefined ? [] : await attempt('token', () => privateFile('token', token_file))),
    ...(await attempt('lease', () => leaseFindings(config, host.env, isOffline))),
    ...(isOffline ? [] : await attempt('clock', () => clockFindings(url))),
  ]
}
