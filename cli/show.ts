/** What `accounts` and `public-key` print: public facts about key shares, as text or JSON. */
import { table } from '../config/terminal.ts'
import type { AccountInfo } from '../participant/index.ts'

/** The form of `--json`; keys are 0x and lower-case hex. */
export interface AccountDescription {
  readonly account: string
  readonly address: string
  /** Compressed. */
  readonly publicKey: string
  readonly threshold: number
  readonly parties: readonly string[]
  readonly self: string
  readonly epoch: number
  readonly fingerprint: string
}

export function describeAccount(a: AccountInfo): AccountDescription {
  const { account, address, threshold, members, self, epoch, fingerprint } = a
  const publicKey = `0x${a.publicKey.toHex(true)}`
  return { account, address, publicKey, threshold, parties: members, self, epoch, fingerprint }
}

export function accountText(a: AccountInfo): string {
  const { account, address, publicKey, threshold, parties, self, fingerprint } = describeAccount(a)
  return table([
    ['account', account],
    ['address', address],
    ['public key', publicKey],
    ['parties', `${parties.join(', ')}; any ${threshold} of ${parties.length} sign; this is ${self}`],
    ['fingerprint', fingerprint],
  ])
}

export interface PublicKeyDescription {
  readonly account: string
  readonly address: string
  /** Compressed. */
  readonly publicKey: string
  readonly publicKeyUncompressed: string
}

export function describePublicKey({ account, address, publicKey }: AccountInfo): PublicKeyDescription {
  return {
    account,
    address,
    publicKey: `0x${publicKey.toHex(true)}`,
    publicKeyUncompressed: `0x${publicKey.toHex(false)}`,
  }
}
