/**
 * Which fault code a failed check of a proof has: the stable names that a `Fault` carries. The tables are complete
 * by type: a check that is added to a proof doesn't compile until it has a code here.
 *
 * A ciphertext of a statement that isn't one is CIPHER_GROUP; elements of the proof itself are PROOF_GROUP.
 * Bases s, t that are no units are the verifier's own fault: nobody proves under parameters that failed Π^prm.
 */
import { type FaultCode, InternalError } from '../base/errors.ts'
import type * as affG from './aff-g.ts'
import type * as affGStar from './aff-g-star.ts'
import type { ChallengeCheck } from './compact.ts'
import type * as dec from './dec.ts'
import type * as elog from './elog.ts'
import type * as encElg from './enc-elg.ts'
import type * as fac from './fac.ts'
import type * as mod from './mod.ts'
import type * as prm from './prm.ts'
import type * as sch from './sch.ts'

/** The checks of every proof, by the proof's name. */
export interface Checks {
  readonly sch: sch.Check
  readonly prm: prm.Check
  readonly mod: mod.Check
  readonly fac: fac.Check
  readonly 'enc-elg': encElg.Check | ChallengeCheck
  readonly 'aff-g': affG.Check | ChallengeCheck
  readonly elog: elog.Check | ChallengeCheck
  readonly 'aff-g*': affGStar.Check
  readonly dec: dec.Check
}

export const FAULT_CODES: { readonly [P in keyof Checks]: Readonly<Record<Checks[P], FaultCode>> } = {
  sch: { 'group X': 'PROOF_GROUP', 'eq X': 'PROOF_EQ' },
  prm: {
    'size NHat': 'AUX_SIZE',
    'length A': 'PROOF_LEN',
    'length z': 'PROOF_LEN',
    'base s, t': 'AUX_RP_BASE',
    'range z': 'AUX_PRM',
    'group A': 'AUX_PRM',
    'eq s': 'AUX_PRM',
  },
  mod: {
    'size N': 'AUX_SIZE',
    'length entries': 'PROOF_LEN',
    'length z': 'PROOF_LEN',
    w: 'AUX_MOD_W',
    'group x': 'AUX_MOD',
    'group z': 'AUX_MOD',
    'prime N': 'AUX_MOD_PRIME',
    'eq x': 'AUX_MOD',
    'small factor N': 'AUX_MOD',
    'eq z': 'AUX_MOD',
  },
  fac: {
    'range z1': 'AUX_FAC',
    'range z2': 'AUX_FAC',
    'group s, t': 'AUX_RP_BASE',
    'group P': 'AUX_FAC',
    'group Q': 'AUX_FAC',
    'group A': 'AUX_FAC',
    'group B': 'AUX_FAC',
    'group T': 'AUX_FAC',
    'eq P': 'AUX_FAC',
    'eq Q': 'AUX_FAC',
    'eq N': 'AUX_FAC',
  },
  'enc-elg': {
    'range z1': 'PROOF_RANGE',
    'group A': 'PROOF_GROUP',
    'group B1': 'PROOF_GROUP',
    'group B2': 'PROOF_GROUP',
    'group C': 'CIPHER_GROUP',
    'group s, t': 'AUX_RP_BASE',
    'group S': 'PROOF_GROUP',
    'group D': 'PROOF_GROUP',
    'group z2': 'PROOF_GROUP',
    'eq challenge': 'PROOF_EQ',
    'eq C': 'PROOF_EQ',
  },
  'aff-g': {
    'range z1': 'PROOF_RANGE',
    'range z2': 'PROOF_RANGE',
    'group X': 'PROOF_GROUP',
    'group C': 'CIPHER_GROUP',
    'group D': 'CIPHER_GROUP',
    'group Y': 'CIPHER_GROUP',
    'group By': 'PROOF_GROUP',
    'group s, t': 'AUX_RP_BASE',
    'group S': 'PROOF_GROUP',
    'group T': 'PROOF_GROUP',
    'group w': 'PROOF_GROUP',
    'group wY': 'PROOF_GROUP',
    'eq challenge': 'PROOF_EQ',
    'eq Y': 'PROOF_EQ',
  },
  elog: {
    'group L': 'PROOF_GROUP',
    'group M': 'PROOF_GROUP',
    'group X': 'PROOF_GROUP',
    'group Y': 'PROOF_GROUP',
    'group h': 'PROOF_GROUP',
    'eq challenge': 'PROOF_EQ',
  },
  'aff-g*': {
    'length commitment': 'PROOF_LEN',
    'length response': 'PROOF_LEN',
    'range z1': 'PROOF_RANGE',
    'range z2': 'PROOF_RANGE',
    'group X': 'PROOF_GROUP',
    'group C': 'CIPHER_GROUP',
    'group D': 'CIPHER_GROUP',
    'group Y': 'CIPHER_GROUP',
    'group A': 'PROOF_GROUP',
    'group By': 'PROOF_GROUP',
    'group w': 'PROOF_GROUP',
    'group wY': 'PROOF_GROUP',
    'eq X': 'PROOF_EQ',
    'eq D': 'PROOF_EQ',
    'eq Y': 'PROOF_EQ',
  },
  dec: {
    'length commitment': 'PROOF_LEN',
    'length response': 'PROOF_LEN',
    'range z': 'PROOF_RANGE',
    'range w': 'PROOF_RANGE',
    'group X': 'PROOF_GROUP',
    'group h': 'PROOF_GROUP',
    'group K': 'CIPHER_GROUP',
    'group D': 'CIPHER_GROUP',
    'group A': 'PROOF_GROUP',
    'group nu': 'PROOF_GROUP',
    'eq X': 'PROOF_EQ',
    'eq S': 'PROOF_EQ',
    'eq D': 'PROOF_EQ',
  },
}

/** `proofName` is the `name` of a proof, `check` what its `verify` gave. InternalError for any other pair. */
export function faultCode(proofName: string, check: string): FaultCode {
  const codes: ReadonlyMap<string, FaultCode> | undefined = LOOKUP.get(proofName)
  const code = codes?.get(check)
  if (code === undefined) throw new InternalError('no fault code for this check')
  return code
}

const LOOKUP: ReadonlyMap<string, ReadonlyMap<string, FaultCode>> = new Map(
  Object.entries(FAULT_CODES).map(([name, codes]) => [name, new Map(Object.entries(codes))]),
)
