/** All mutants of `make mutants`. */
import type { Mutant } from './mutant.ts'
import { aux, identify, keygen, presign, signing } from './protocols.ts'
import { proofs, sigma } from './zk.ts'

export const all: readonly Mutant[] = [...proofs, ...sigma, ...keygen, ...aux, ...presign, ...identify, ...signing]
