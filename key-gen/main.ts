#!/usr/bin/env node
/** key-gen as a process. */
import { runMain } from '../config/process.ts'
import { runKeyGen } from './program.ts'

await runMain('key-gen', runKeyGen, { diesOfSignal: true })
