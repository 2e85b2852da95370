/**
 * The `Work` that tests run with: in this thread, or with WALLET_MPC_WORKERS=n in n worker threads, so that every test can
 * run either way. Nobody closes the threads: they don't hold the process.
 */
import { inProcess, type Work } from './work.ts'
import { createWorkerPool } from './work-pool.node.ts'

const { WALLET_MPC_WORKERS } = process.env

export const testWork: Work = WALLET_MPC_WORKERS === undefined ? inProcess : createWorkerPool()
