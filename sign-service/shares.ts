/** The key shares that the service starts with, checked against its configuration. */
import { ConfigError } from '../config/load.ts'
import type { Host } from '../config/program.ts'
import { requireSameParties } from '../config/same-parties.ts'
import type { ServiceConfig } from '../config/schema.ts'
import { type Keystore, type KeystoreOptions, keystoreName, openKeystore } from './keystore.ts'

/**
 * Throws what `openKeystore` does, and ConfigError when the shares are for another group of parties, or there is none of
 * an account that is to be served.
 */
export async function openShares(
  config: ServiceConfig,
  host: Pick<Host, 'env' | 'stdin'>,
  options: KeystoreOptions,
): Promise<Keystore> {
  const keystore = await openKeystore(config, host, options)
  try {
    requireFit(config, keystore)
    return keystore
  } catch (e) {
    await keystore.close()
    throw e
  }
}

function requireFit(config: ServiceConfig, { shares }: Keystore): void {
  const where = keystoreName(config)
  const facts = [...shares.values()].map(({ account, core, roster, identity }) => ({
    account,
    threshold: core.threshold,
    members: roster.members.map((m) => m.id),
    self: identity.id,
  }))
  requireSameParties({ server: config.server, mpc: { ...config.mpc, key_share_file: where } }, facts)
  for (const account of config.policy.accounts ?? []) {
    if (!shares.has(account)) {
      throw new ConfigError(`policy.accounts: ${where} has no key share of account ${JSON.stringify(account)}`)
    }
  }
}
