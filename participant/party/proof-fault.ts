/** From the check that a proof failed to what `Party.checkEach` takes. */
import { faultCode } from '../zk/codes.ts'
import type { Failed } from './party.ts'

/** `slot` is the proof's name in the figure, e.g. `psi-hat`. Undefined when nothing failed. */
export function faultOf(
  slot: string,
  proof: { readonly name: string },
  failed: string | undefined,
): Failed | undefined {
  return failed === undefined ? undefined : { code: faultCode(proof.name, failed), check: `${slot}: ${failed}` }
}
