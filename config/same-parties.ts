/** Whether a configuration and the key shares it names are for the same group of parties. */
import { ConfigError } from './load.ts'

/** What is known about a key share without its secrets. */
export interface ShareFacts {
  readonly account: string
  readonly threshold: number
  /** Names in the order of the roster. */
  readonly members: readonly string[]
  readonly self: string
}

export interface PartyConfig {
  readonly server: { readonly index?: number | undefined }
  readonly mpc: {
    readonly threshold: number
    readonly total_participants: number
    readonly key_share_file: string
  }
}

/** Throws ConfigError naming the key, the account and both numbers. */
export function requireSameParties({ server, mpc }: PartyConfig, shares: Iterable<ShareFacts>): void {
  for (const { account, threshold, members, self } of shares) {
    const differs = (key: string, configured: number, there: number): ConfigError =>
      new ConfigError(
        `${key}: is ${configured}, but ${there} in the key share of account ${JSON.stringify(account)} in ${mpc.key_share_file}`,
      )
    if (threshold !== mpc.threshold) throw differs('mpc.threshold', mpc.threshold, threshold)
    if (members.length !== mpc.total_participants) {
      throw differs('mpc.total_participants', mpc.total_participants, members.length)
    }
    const index = members.indexOf(self)
    if (server.index !== undefined && server.index !== index) throw differs('server.index', server.index, index)
  }
}
