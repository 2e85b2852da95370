/**
 * Attacks with the bytes of a message: integers and points in a second encoding. The messages are real ones, of every
 * round; one field is written in another way. Nothing of it decodes, and whoever signed it is named.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bigintToBytes } from '../../participant/base/bytes.ts'
import { DecodeError } from '../../participant/base/errors.ts'
import { fixture } from '../../participant/protocols/testing.ts'
import { decode, encode } from '../../participant/wire/codec.ts'
import { BAD_INTEGERS, BAD_POINTS, type Field, type Form, isInteger, withField } from './fields.ts'
import { type Row, rewritten, row, table } from './harness.ts'
import { fieldsIn, isOfAlarm, nameOf, RUNNERS, recordedMessages, type Sent } from './recorded.ts'

const two = fixture(2, 2)
const three = fixture(3, 3)

const all = await recordedMessages(two)

function refuses({ round, message }: Sent, field: Field, [what, bytes]: Form): void {
  const encoded = withField(encode(round.codec, message), field, bytes)
  assert.throws(() => decode(round.codec, encoded), DecodeError, `${field.path}: ${what}`)
}

describe('every field of every message has one encoding', () => {
  for (const sent of all) {
    const fields = fieldsIn(sent)
    const integers = fields.filter(isInteger)
    const points = fields.filter((f) => f.kind === 'point')
    if (integers.length > 0) {
      test(`#19 ${nameOf(sent)}: ${integers.length} integers`, () => {
        for (const field of integers) for (const form of BAD_INTEGERS[field.kind]) refuses(sent, field, form)
      })
    }
    if (points.length > 0) {
      test(`#28 ${nameOf(sent)}: ${points.length} points`, () => {
        for (const field of points) for (const form of BAD_POINTS) refuses(sent, field, form)
      })
    }
  }
})

test('#20 no ciphertext above N² of the level decodes', () => {
  const bytes = (2 * two.level.modulusBits) / 8
  const ciphertexts = all.flatMap((sent) =>
    fieldsIn(sent).flatMap((f) => (f.length === bytes ? [[sent, f] as const] : [])),
  )
  assert.ok(ciphertexts.length >= 6, 'K, G, D, F, D̂, F̂ and those of the proofs')
  const above: Form = ['2^(2·bits of N)', () => bigintToBytes(1n << BigInt(8 * bytes), bytes + 1)]
  for (const [sent, field] of ciphertexts) refuses(sent, field, above)
})

const DECODE = ['DECODE', /^decode: /] as const
const inTwo = all.filter((sent) => !isOfAlarm(sent))

/** The first integer of each kind in each round, in each form. */
function spoilt(protocol: string, sent: readonly Sent[]): readonly Row[] {
  return sent
    .filter((s) => s.protocol === protocol)
    .flatMap((s) => {
      const fields = fieldsIn(s)
      const first = fields.filter((f, i) => fields.findIndex((g) => g.kind === f.kind) === i)
      const rows = first.flatMap((f) => (isInteger(f) ? BAD_INTEGERS[f.kind].map((form) => [f, form] as const) : []))
      return rows.map(([field, [what, bytes]]) =>
        row(
          `#19 round ${s.round.name}, ${field.path}: ${what}`,
          rewritten(s.round, (encoded) => withField(encoded, field, bytes)),
          ...DECODE,
        ),
      )
    })
}

/** Every point of the messages, each with the next of the forms. */
function offCurve(protocol: string, sent: readonly Sent[]): readonly Row[] {
  let next = 0
  return sent
    .filter((s) => s.protocol === protocol)
    .flatMap((s) =>
      fieldsIn(s).flatMap((field) => {
        const form = BAD_POINTS[next % BAD_POINTS.length]
        if (field.kind !== 'point' || form === undefined) return []
        next++
        const [what, bytes] = form
        return [
          row(
            `#28 round ${s.round.name}, ${field.path}: ${what}`,
            rewritten(s.round, (encoded) => withField(encoded, field, bytes)),
            ...DECODE,
          ),
        ]
      }),
    )
}

for (const [protocol, run] of Object.entries(RUNNERS)) {
  table(`${protocol}, integers`, two, run, spoilt(protocol, inTwo))
  const points = protocol === 'keygen' ? [] : offCurve(protocol, inTwo)
  if (points.length > 0) table(`${protocol}, points`, two, run, points)
}

table('presign, for one of two peers', three, RUNNERS.presign, [
  row(
    '#19 a leading zero byte in ψ0',
    rewritten(three.presign.oneProofs, (encoded, _, to) => (to === 'p0' ? Uint8Array.of(0, ...encoded) : encoded)),
    ...DECODE,
  ),
])
