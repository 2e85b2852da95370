/** Where a participant keeps what must outlive it, besides its key shares. */
import { dirname, join } from 'node:path'

interface MpcConfig {
  readonly mpc: { readonly key_share_file: string; readonly state_folder?: string | undefined }
}

/** One file for each lock. */
export function lockFolder({ mpc }: MpcConfig): string {
  return join(mpc.state_folder ?? dirname(mpc.key_share_file), 'locks')
}

/** What a policy counted: value of a day, used permits. */
export function policyFolder({ mpc }: MpcConfig): string {
  return join(mpc.state_folder ?? dirname(mpc.key_share_file), 'policy')
}

/** The record of decisions and signatures. */
export function auditFile({
  mpc,
  audit,
}: MpcConfig & { readonly audit: { readonly file?: string | undefined } }): string {
  return audit.file ?? join(mpc.state_folder ?? dirname(mpc.key_share_file), 'audit', 'audit.jsonl')
}

/** One file for each fault of a peer. */
export function evidenceFolder({ mpc }: MpcConfig): string {
  return join(mpc.state_folder ?? dirname(mpc.key_share_file), 'evidence')
}
