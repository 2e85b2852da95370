/** What a Node host uses besides `wallet-mpc`: key shares and locks in files, worker threads. */
import { CGGMP24_3072 } from './base/level.ts'
import { readKeyShareFile } from './key-share/file.node.ts'
import type { KeyShare } from './key-share/key-share.ts'

export { type FileLocks, fileLocks } from './signer/locks.node.ts'
export { createWorkerPool, type WorkerPool, type WorkerPoolOptions } from './zk/work-pool.node.ts'

/**
 * The key shares of a file, by account id. Throws UsageError when it is missing, no file, or readable by others;
 * DecodeError naming the field when it is malformed, inconsistent, or of a level made for tests.
 */
export function openKeyShares(path: string): Promise<ReadonlyMap<string, KeyShare>> {
  return readKeyShareFile(path, { levels: [CGGMP24_3072] })
}
