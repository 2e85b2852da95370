#!/usr/bin/env node
/** wallet-mpc as a process. */
import { runMain } from '../config/process.ts'
import { runWalletMpc } from './program.ts'

await runMain('wallet-mpc', runWalletMpc)
