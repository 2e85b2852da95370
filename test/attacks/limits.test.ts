/**
 * Attacks on memory and time: a message says that far more is coming than its sender may say. It is refused where its
 * length stands, before anything of that length is read, kept or computed with. Files are in files.test.ts.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { concatBytes } from '../../participant/base/bytes.ts'
import { DIRECT_LIMIT } from '../../participant/party/inbox.ts'
import { memoryRoom } from '../../participant/party/simulation.ts'
import { allValues } from '../../participant/party/testing.ts'
import { twoShares } from '../../participant/protocols/keygen/rounds.ts'
import { fixture, runKeygen } from '../../participant/protocols/testing.ts'
import { decode, encode, fixed, struct, text, u32 } from '../../participant/wire/codec.ts'
import { decodePacket, envelopeCodec } from '../../participant/wire/envelope.ts'
import { isInteger, readUpTo, withField } from './fields.ts'
import { rewritten, row, table } from './harness.ts'
import { fieldsIn, isOfAlarm, nameOf, RUNNERS, recordedMessages } from './recorded.ts'

const two = fixture(2, 2)
const all = await recordedMessages(two)

const MILLION = encode(u32, 1_000_000)
/** Fits into a message to one party, if not into a field. */
const LONG = new Uint8Array(DIRECT_LIMIT - 24 * 1024).fill(0xff)

describe('#53 lists that say that they have a million entries', () => {
  for (const sent of all) {
    for (const field of fieldsIn(sent).filter((f) => f.kind === 'count')) {
      test(`#53 ${nameOf(sent)}, ${field.path}: nothing is read after the number`, () => {
        const { round, message } = sent
        const encoded = withField(encode(round.codec, message), field, () => MILLION)
        assert.throws(() => decode(round.codec, encoded), {
          name: 'DecodeError',
          message: /^expected \d+ to \d+ items$/,
        })
        assert.equal(readUpTo(round.codec, encoded), field.at + field.length)
      })
    }
  }
})

const DECODE = ['DECODE', /^decode: /] as const
for (const [protocol, run] of Object.entries(RUNNERS)) {
  const sent = all.filter((s) => s.protocol === protocol && !isOfAlarm(s))
  table(`${protocol}, sizes`, two, run, [
    ...sent.flatMap((s) =>
      fieldsIn(s)
        .filter((f) => f.kind === 'count')
        .map((f) =>
          row(
            `#53 round ${s.round.name}: a million entries in ${f.path}`,
            rewritten(s.round, (encoded) => withField(encoded, f, () => MILLION)),
            ...DECODE,
          ),
        ),
    ),
    ...sent.flatMap((s) =>
      fieldsIn(s)
        .filter(isInteger)
        .slice(0, 1)
        .map((f) =>
          row(
            `#53 round ${s.round.name}: ${f.path} of 200 KB`,
            rewritten(s.round, (encoded) => withField(encoded, f, () => LONG)),
            ...DECODE,
          ),
        ),
    ),
  ])
}

/** Fits into what one party shows another. */
const SHOWN = new Uint8Array(200 * 1024).fill(0xff)
table('keygen, sizes', fixture(3, 3), runKeygen, [
  row(
    '#53 round 2 shares: sigma of 200 KB for p0 only',
    rewritten(twoShares, (encoded, _, to) => (to === 'p0' ? SHOWN : encoded)),
    ...DECODE,
  ),
])

const MEGABYTES = new Uint8Array(10 * 1024 * 1024)
const SIZE = encode(u32, MEGABYTES.length)
const header = encode(
  struct({ session: fixed(32), protocol: text(64), round: text(64), from: text(64), to: text(64) }),
  {
    session: new Uint8Array(32),
    protocol: 'keygen',
    round: '1',
    from: 'p1',
    to: '',
  },
)
const sealedHeader = encode(struct({ session: fixed(32), to: text(64), ephemeral: fixed(32) }), {
  session: new Uint8Array(32),
  to: 'p0',
  ephemeral: new Uint8Array(32),
})
const PACKETS: readonly (readonly [what: string, packet: Uint8Array])[] = [
  ['a clear packet', concatBytes(Uint8Array.of(1, 0), header, SIZE, MEGABYTES, new Uint8Array(64))],
  ['a sealed packet', concatBytes(Uint8Array.of(1, 1), sealedHeader, SIZE, MEGABYTES)],
  ['a name', concatBytes(Uint8Array.of(1, 0), new Uint8Array(32), SIZE, MEGABYTES)],
  ['no packet at all', MEGABYTES],
]

describe('#53 packets of 10 MB', () => {
  test('#53 the body of an envelope: nothing is read after its length', () => {
    assert.equal(readUpTo(envelopeCodec, concatBytes(header, SIZE, MEGABYTES)), header.length + SIZE.length)
  })

  for (const [what, packet] of PACKETS) {
    test(`#53 ${what} is dropped, as if nobody had sent it`, async () => {
      assert.throws(() => decodePacket(packet), { name: 'DecodeError' })
      const room = memoryRoom()
      await room.post(packet)
      assert.equal(allValues(await runKeygen(two, { channelOf: () => room })).size, 2)
    })
  }
})
