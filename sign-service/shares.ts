/** The key shares that the service starts with, checked against its configuration. */
import { ConfigError } from '../config/load.ts'
import { requireSameParties } from '../config/same-parties.ts'
import type { ServiceConfig } from '../config/schema.ts'
import { CGGMP24_3072, type KeyShare } from '../participant/index.ts'
import { readKeyShareFile } from '../participant/key-share/file.node.ts'

/**
 * Throws UsageError or DecodeError when the file is missing, open to others than its owner, or malformed, ConfigError
 * when it is for another group of parties, or has no share of an account that is to be served.
 */
export async function openShares(config: ServiceConfig): Promise<ReadonlyMap<string, KeyShare>> {
  const path = config.mpc.key_share_file
  const shares = await readKeyShareFile(path, { levels: [CGGMP24_3072] })
  const facts = [...shares.values()].map(({ account, core, roster, identity }) => ({
    account,
    threshold: core.threshold,
    members: roster.members.map((m) => m.id),
    self: identity.id,
  }))
  requireSameParties(config, facts)
  for (const account of config.policy.accounts ?? []) {
    if (!shares.has(account)) {
      throw new ConfigError(`policy.accounts: ${path} has no key share of account ${JSON.stringify(account)}`)
    }
  }
  return shares
}
