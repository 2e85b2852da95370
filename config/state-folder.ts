/** Where a participant keeps what must outlive it, besides its key shares. */
import { dirname, join } from 'node:path'

interface MpcConfig {
  readonly mpc: { readonly key_share_file: string; readonly state_folder?: string | undefined }
}

/** One file for each lock. */
export function lockFolder({ mpc }: MpcConfig): string {
  return join(mpc.state_folder ?? dirname(mpc.key_share_file), 'locks')
}

/** One file for each fault of a peer. */
export function evidenceFolder({ mpc }: MpcConfig): string {
  return join(mpc.state_folder ?? dirname(mpc.key_share_file), 'evidence')
}
