/**
 * What a party had been told when it spoke. Every message of a protocol starts with the sender's view: a hash of all
 * broadcasts of the session that it had collected, everybody's and its own.
 *
 * A proof is about values of several parties. When it fails, the accuser shows it with those values; the view, signed by
 * the accused, shows that the accused was told the same. Without it an accuser could show other values of its own, for
 * which an honest proof does not hold.
 *
 *   view₀ = 0³²,   view ← H(view, protocol, round, (signer, H(body)) for each signer in roster order)
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { type Codec, fixed, struct } from '../wire/codec.ts'
import { Transcript } from '../wire/transcript.ts'
import type { PartyId } from './roster.ts'

export interface Viewed<M> {
  /** 32 bytes. */
  readonly view: Uint8Array
  readonly message: M
}

/** Before anything was collected. */
export const FIRST_VIEW: Uint8Array = new Uint8Array(32)

/** The body of an envelope of a protocol's round. */
export function viewed<M>(codec: Codec<M>): Codec<Viewed<M>> {
  return struct<Viewed<M>>({ view: fixed(32), message: codec })
}

/** After the broadcasts of one more round; `bodies` in roster order, our own among them. */
export function nextView(
  view: Uint8Array,
  protocol: string,
  round: string,
  bodies: readonly (readonly [PartyId, Uint8Array])[],
): Uint8Array {
  const t = new Transcript('view').bytes('before', view).text('protocol', protocol).text('round', round)
  for (const [id, body] of bodies) t.text('signer', id).bytes('body', sha256(body))
  return t.digest()
}
