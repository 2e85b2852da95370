/**
 * What the service signs. With a policy file, its rules say so (policy/). Without one, all that the service hashes itself:
 * a digest that somebody else computed says nothing about what it stands for, and is signed only where the operator
 * allowed that.
 */

import { ConfigError } from '../config/load.ts'
import type { ServiceConfig } from '../config/schema.ts'
import { readKeptFile } from '../config/secret-file.ts'
import { policyFolder } from '../config/state-folder.ts'
import { type PresignRequest, type Refusal, Secret, type SignRequest } from '../participant/index.ts'
import { parsePermitKey } from '../participant/signer/authority-file.ts'
import { type FilePolicyOptions, filePolicy } from './policy/file-policy.ts'
import { type Journal, openJournal } from './policy/journal.ts'
import { readPolicyFile } from './policy/load.ts'
import type { PolicyFile } from './policy/schema.ts'

export interface Policy {
  /** Undefined to sign. What that costs is counted by then. */
  decide(request: SignRequest): Refusal | undefined | Promise<Refusal | undefined>
  /** Undefined to make a presignature; what is signed with it is decided when that is known. */
  decidePresign(request: PresignRequest): Refusal | undefined
  close(): Promise<void>
}

export type PolicyOptions = Pick<FilePolicyOptions, 'httpCaller' | 'now'>

export interface OpenPolicy extends Policy {
  /** The rules as they stand now, for this configuration; what was counted goes on. Throws as `openPolicy` does. */
  reread(config: ServiceConfig): Promise<Policy>
}

/** Throws ConfigError for files that are wrong, StateError when what was signed before can't be read. */
export async function openPolicy(config: ServiceConfig, options: PolicyOptions = {}): Promise<OpenPolicy> {
  let journal: Journal | undefined
  const read = async (from: ServiceConfig): Promise<Policy> => {
    const found = await readPolicy(from)
    if (found === undefined) return policyOf(from.policy)
    journal ??= await openJournal(`${policyFolder(config)}/journal`, options.now)
    const byRules = filePolicy({ ...found, journal, ...options })
    const served = policyOf({ ...from.policy, allow_raw_digest: true })
    return {
      decide: (request) => served.decidePresign(request) ?? byRules.decide(request),
      decidePresign: (request) => served.decidePresign(request) ?? byRules.decidePresign(request),
      // what was counted is shared with every policy that is read later
      close: () => Promise.resolve(),
    }
  }
  const policy = await read(config)
  return {
    ...policy,
    reread: read,
    close: async () => {
      await journal?.close()
    },
  }
}

/** The file of the policy and the key of its permits; undefined without a file. Throws ConfigError. */
export async function readPolicy(
  config: ServiceConfig,
): Promise<{ readonly file: PolicyFile; readonly permitKey: Secret<Uint8Array> | undefined } | undefined> {
  const { file: path, permit_key_file } = config.policy
  if (path === undefined) return undefined
  const file = await readPolicyFile(path)
  const wanting = file.rules.find((r) => r.permit)
  if (wanting !== undefined && permit_key_file === undefined) {
    throw new ConfigError(`policy.permit_key_file: expected, since rule "${wanting.name}" of ${path} asks for permits`)
  }
  return { file, permitKey: permit_key_file === undefined ? undefined : await readPermitKey(permit_key_file) }
}

async function readPermitKey(path: string): Promise<Secret<Uint8Array>> {
  const key = 'policy.permit_key_file'
  const content = await readKeptFile(path, { key, maxBytes: 4096 })
  const parsed = parsePermitKey(content.toString('latin1'))
  content.fill(0)
  if (parsed === undefined) throw new ConfigError(`${key}: ${path}: expected 64 to 128 hex digits`)
  return new Secret(parsed)
}

export function policyOf(policy: Pick<ServiceConfig['policy'], 'accounts' | 'allow_raw_digest'>) {
  const served = policy.accounts === undefined ? undefined : new Set(policy.accounts)
  const decidePresign = ({ account }: PresignRequest): Refusal | undefined =>
    served === undefined || served.has(account)
      ? undefined
      : { code: 'ACCOUNT_NOT_SERVED', message: 'this service does not sign for that account' }
  const decide = (request: SignRequest): Refusal | undefined => {
    const notServed = decidePresign(request)
    if (notServed !== undefined) return notServed
    if (request.payload.kind === 'digest' && !policy.allow_raw_digest) {
      return {
        code: 'RAW_DIGEST_REFUSED',
        message: 'this service signs only what it hashes itself; send the message instead of its digest',
      }
    }
    return undefined
  }
  return { decide, decidePresign, close: () => Promise.resolve() }
}
