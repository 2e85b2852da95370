#!/usr/bin/env node
/** sign-service as a process. */
import { runMain } from '../config/process.ts'
import { runSignService } from './program.ts'

await runMain('sign-service', runSignService, { shutdownMs: 4_900 })
