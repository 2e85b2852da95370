/**
 * Where randomness comes from. It is always a parameter, so that tests can record it or repeat it; production
 * code passes `systemRandom`, which is the platform's cryptographic generator.
 */
export interface Random {
  /** `length` fresh uniform bytes. */
  bytes(length: number): Uint8Array
}

export const systemRandom: Random = {
  bytes(length) {
    const out = new Uint8Array(length)
    // getRandomValues fills at most 65 536 bytes a call
    for (let i = 0; i < length; i += 65_536) crypto.getRandomValues(out.subarray(i, Math.min(length, i + 65_536)))
    return out
  },
}
