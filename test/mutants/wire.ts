/** What the decoders refuse, and what signatures, seals and hashes cover. */
import { type Mutant, mutants } from './mutant.ts'

const CODEC = 'participant/wire/codec.test.ts'
const ENVELOPE = 'participant/wire/envelope.test.ts'
const CURVE25519 = 'participant/wire/curve25519.test.ts'
const SEALING = 'participant/wire/sealing.test.ts'
const TRANSCRIPT = 'participant/wire/transcript.test.ts'
const BYTES = 'participant/base/bytes.test.ts'
const CORPUS = 'test/fuzz/corpus.test.ts'

export const wire: readonly Mutant[] = [
  ...mutants(
    'wire/codec',
    'participant/wire/codec.ts',
    [CODEC],
    [
      ['end of the message', 'if (n > this.remaining)'],
      ['trailing bytes', 'if (r.remaining !== 0)'],
      ['unsigned integers are written in range', 'if (!Number.isInteger(value) || value < 0 || value >= limit)'],
      ['fixed length is written', 'if (value.length !== length)'],
      ['limit of bytes, written', 'if (value.length > limit)'],
      ['limit of bytes', 'if (length > limit)'],
      ['lone surrogates', 'if (!isWellFormed(value))'],
      ['booleans', 'if (v > 1)'],
      ['negative zero', 'if (negative && m === 0n)'],
      ['scalars are written below q', 'if (value < 0n || value >= Q)'],
      ['scalars below q', 'if (v >= Q)'],
      ['items, written', 'if (value.length < min || value.length > max)'],
      ['too few items', 'if (n < min || n > max)', 'if (n > max)'],
      ['too many items', 'if (n < min || n > max)', 'if (n < min)'],
      [
        'decoded bytes are copies',
        'const out = new Uint8Array(n)\n    out.set(this.#bytes.subarray(this.#at, this.#at + n))',
        'const out = this.#bytes.subarray(this.#at, this.#at + n)',
      ],
      [
        'points throw DecodeError',
        "throw new DecodeError('expected a compressed point on the curve')",
        "throw new TypeError('expected a compressed point on the curve')",
      ],
    ],
  ),
  ...mutants(
    'wire/bytes',
    'participant/base/bytes.ts',
    [BYTES],
    [
      ['hex', 'if (!/^([0-9a-f]{2})*$/.test(text))'],
      ['base64', 'if (text.length % 4 !== 0 ||', 'if (false && text.length % 4 !== 0 ||'],
      ['base64 characters', ' || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)', ''],
      ['base64 slack bits', 'if ((last & (pad === 2 ? 15 : 3)) !== 0)'],
      ['UTF-8', 'fatal: true', 'fatal: false'],
      ['byte order mark', 'ignoreBOM: true', 'ignoreBOM: false'],
      ['equal lengths', 'if (a.length !== b.length) return false'],
      ['negative integers', 'if (value < 0n) throw'],
      ['integers too large', 'if (hex.length > 2 * length)'],
    ],
  ),
  ...mutants(
    'wire/envelope',
    'participant/wire/envelope.ts',
    [ENVELOPE],
    [
      ['version', 'if (u8.read(r) !== WIRE_VERSION)', 'u8.read(r); if (false)'],
      ['kind', "if (kind === 1) return { kind: 'sealed'", "return { kind: 'sealed'"],
      ['what has no encoding does not throw', 'return false // a message', 'throw new RangeError() // a message'],
      ['signature covers the message', "    .value('message', messageCodec, m)\n", ''],
      ['signature', 'return curve25519.verify(', 'return true || curve25519.verify('],
      ['session is signed', '  session: fixed(32),\n  protocol: text(ID_LIMIT),', '  protocol: text(ID_LIMIT),'],
      ['limit of a body', 'body: bytes(BODY_LIMIT),', 'body: bytes(2 * BODY_LIMIT),'],
      ['limit of a name', 'const ID_LIMIT = 64', 'const ID_LIMIT = 65'],
    ],
  ),
  ...mutants(
    'wire/curve25519',
    'participant/wire/curve25519.ts',
    [CURVE25519],
    [
      ['strict signatures', 'zip215: false', 'zip215: true'],
      ['malformed keys do not throw', 'return false // noble', 'throw new RangeError() // noble'],
    ],
  ),
  // left out: that keys are canonical, since of the others nobody knows a secret key but of those of small order
  ...mutants(
    'wire/curve25519',
    'participant/wire/curve25519.node.ts',
    [CURVE25519],
    [
      ['lengths', 'if (signature.length !== 64 || verifyKey.length !== 32) return false'],
      ['strict keys', 'if (key === undefined) return false'],
      [
        'keys of small order',
        '!ed25519.Point.fromBytes(key, false).isSmallOrder()',
        'ed25519.Point.fromBytes(key, false) !== undefined',
      ],
      ['what OpenSSL refuses is left to noble', ' || ed25519.verify(', ' && ed25519.verify('],
      ['keys of 32 bytes', 'if (key.length !== 32) throw'],
    ],
  ),
  ...mutants(
    'wire/sealing',
    'participant/wire/sealing.ts',
    [SEALING],
    [
      ['recipient inside', 'envelope.to !== packet.to || ', ''],
      ['session inside', ' || !envelope.session.every((b, i) => b === packet.session[i])', ''],
      ['key: ephemeral and recipient', 'concatBytes(ephemeral, recipient)', 'new Uint8Array(0)'],
      ['context: session', ".bytes('session', session)", ''],
      ['context: recipient', ".bytes('to', utf8ToBytes(to))", ''],
      [
        'what does not open',
        "throw new DecodeError('sealed packet does not open')",
        "throw new TypeError('sealed packet does not open')",
      ],
    ],
  ),
  ...mutants(
    'wire/transcript',
    'participant/wire/transcript.ts',
    [TRANSCRIPT],
    [
      ['domain', 'this.bytes(DOMAIN, utf8ToBytes(domain))', ''],
      ['length of a label', '.update(encode(u32, name.length))', ''],
      ['label', '.update(name)', ''],
      ['length of a value', '.update(encode(u32, value.length))', ''],
      ['value', '.update(value)\n', '\n'],
      ['counter', '.update(encode(u32, this.#counter++))', ''],
      ['128 bits more', '(bitLength(m) + 128) / 8', 'bitLength(m) / 8'],
    ],
  ),
  // refusals that no test beside the decoder has a row for, found by the fuzzer's corpus
  ...mutants(
    'wire/payload',
    'participant/signer/payload.ts',
    ['participant/signer/payload.test.ts', CORPUS],
    [
      ['known kind', 'if (name === undefined)'],
      ['digest of 32 bytes', "if (raw.length !== 32) throw new DecodeError('payload"],
      ['digest of 32 bytes to sign', "if (raw.length !== 32) throw new UsageError('digest"],
      ['length of a message', 'if (raw.length > PAYLOAD_LIMIT)'],
    ],
  ),
]
