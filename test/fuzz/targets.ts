/** Every decoder of outside input. A new kind of input gets a file of its own beside these, and a line here. */
import { targets as config } from './config.fuzz.ts'
import { targets as evidence } from './evidence.fuzz.ts'
import { targets as gateway } from './gateway.fuzz.ts'
import { targets as keyShare } from './key-share.fuzz.ts'
import type { Target } from './target.ts'
import { targets as wire } from './wire.fuzz.ts'

export const targets: readonly Target[] = [...wire, ...keyShare, ...evidence, ...config, ...gateway]
