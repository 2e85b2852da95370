/**
 * What `--check-config` checks beyond the configuration itself: that the files it names are there, may be read, and hold
 * what they should. Whoever adds a section that names files adds its reader here. Nothing is connected to: a store that
 * happens to be away makes no configuration wrong.
 */
import type { GatewayConfig } from '../config/schema.ts'
import { readSecrets } from './auth/secrets.ts'
import { connectionOptions } from './redis/settings.ts'
import { readTls } from './tls.ts'

const CHECKS: readonly ((config: GatewayConfig) => Promise<unknown>)[] = [
  ({ auth }) => readSecrets(auth),
  ({ tls }) => readTls(tls),
  async ({ store }) => (store.type === 'redis' ? connectionOptions(store) : undefined),
]

/** Throws ConfigError with the key and the file, for the first that is wrong. */
export async function checkFiles(config: GatewayConfig): Promise<void> {
  for (const check of CHECKS) await check(config)
}
