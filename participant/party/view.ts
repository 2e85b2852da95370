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

/** The view that the body of an envelope starts with, whatever comes after it. */
export function viewOf(body: Uint8Array): Uint8Array {
  return body.subarray(0, FIRST_VIEW.length)
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

/** A view that a message was sent under. */
export interface SignedView {
  readonly view: Uint8Array
  /** Nobody can have been told anything else: there are two parties, or everybody's signed echo agreed. */
  readonly isCertain: boolean
}

/** One party's view as it goes through a session, and what it was when each message was sent. */
export class Views {
  readonly #withEcho: boolean
  readonly #at = new Map<string, SignedView>()
  #now: SignedView = { view: FIRST_VIEW, isCertain: true }

  /** With more than two parties broadcasts are echoed. */
  constructor(withEcho: boolean) {
    this.#withEcho = withEcho
  }

  /** The view that a message of this round goes out with. */
  sending(protocol: string, round: string): Uint8Array {
    this.#at.set(`${protocol}/${round}`, this.#now)
    return this.#now.view
  }

  /** The view that the next message would go out with. */
  get now(): Uint8Array {
    return this.#now.view
  }

  /** What everybody's view must have been in this round; undefined before we sent our own message of it. */
  at(protocol: string, round: string): SignedView | undefined {
    return this.#at.get(`${protocol}/${round}`)
  }

  /** One more round's broadcasts; `bodies` in roster order, our own among them. */
  add(
    protocol: string,
    round: string,
    bodies: readonly (readonly [PartyId, Uint8Array])[],
    o: { readonly isEchoed: boolean },
  ): void {
    const isCertain = this.#now.isCertain && (o.isEchoed || !this.#withEcho)
    this.#now = { view: nextView(this.#now.view, protocol, round, bodies), isCertain }
  }
}
