/** All mutants of `make mutants`. */
import { keyShare } from './key-share.ts'
import type { Mutant } from './mutant.ts'
import { party } from './party.ts'
import { aux, identify, keygen, presign, signing } from './protocols.ts'
import { signer } from './signer.ts'
import { wire } from './wire.ts'
import { proofs, sigma } from './zk.ts'

export const all: readonly Mutant[] = [
  ...proofs,
  ...sigma,
  ...keygen,
  ...aux,
  ...presign,
  ...identify,
  ...signing,
  ...party,
  ...wire,
  ...signer,
  ...keyShare,
]
