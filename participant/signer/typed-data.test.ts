/** EIP-712 against ethers, and what is refused so that what is shown is what is signed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { getAddress, hexlify, TypedDataEncoder, type TypedDataField } from 'ethers'
import fc from 'fast-check'
import { DecodeError } from '../base/errors.ts'
import { parseTypedData, TYPED_DATA_LIMIT } from './typed-data.ts'

const utf8 = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
type Types = Record<string, TypedDataField[]>

const hexOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length }).map((b) => hexlify(b))
const address = hexOf(20).map((h) => getAddress(h))
const integer = (min: bigint, max: bigint) =>
  fc.oneof(fc.bigInt({ min, max }).map(String), fc.integer({ min: min < 0n ? -100 : 0, max: 100 }))

/** A type of one field, and a value of it. */
const atoms: fc.Arbitrary<readonly [type: string, value: unknown]> = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 20 }).map((v) => ['string', v] as const),
  fc.uint8Array({ maxLength: 40 }).map((v) => ['bytes', hexlify(v)] as const),
  fc.boolean().map((v) => ['bool', v] as const),
  address.map((v) => ['address', v] as const),
  fc.integer({ min: 1, max: 32 }).chain((k) => hexOf(k).map((v) => [`bytes${k}`, v] as const)),
  fc
    .integer({ min: 1, max: 32 })
    .chain((k) => integer(0n, 2n ** BigInt(8 * k) - 1n).map((v) => [`uint${8 * k}`, v] as const)),
  fc
    .integer({ min: 1, max: 32 })
    .chain((k) =>
      integer(-(2n ** BigInt(8 * k - 1)), 2n ** BigInt(8 * k - 1) - 1n).map((v) => [`int${8 * k}`, v] as const),
    ),
)

const struct = fc.array(atoms, { minLength: 1, maxLength: 5 }).map((fields) => ({
  fields: fields.map(([type], i) => ({ name: `f${i}`, type })),
  value: Object.fromEntries(fields.map(([, value], i) => [`f${i}`, value])),
}))

const domains = fc.record(
  {
    name: fc.string({ maxLength: 10 }),
    version: fc.string({ maxLength: 5 }),
    chainId: fc.nat(),
    verifyingContract: address,
    salt: hexOf(32),
  },
  { requiredKeys: [] },
)

test('the digest is that of ethers: atoms, structs in structs, lists of them', () => {
  fc.assert(
    fc.property(domains, struct, struct, fc.nat({ max: 3 }), (domain, inner, outer, count) => {
      const types: Types = {
        Outer: [
          ...outer.fields,
          { name: 'one', type: 'Zed' },
          { name: 'some', type: 'Zed[]' },
          { name: 'two', type: 'Alpha[2]' },
          { name: 'grid', type: 'uint8[2][]' },
        ],
        Zed: [...inner.fields, { name: 'alpha', type: 'Alpha' }],
        Alpha: [{ name: 'ok', type: 'bool' }],
      }
      const alpha = { ok: true }
      const zed = { ...inner.value, alpha }
      const grid = Array.from({ length: count }, (_, i) => [i, 255])
      const some = Array.from({ length: count }, () => zed)
      const message = { ...outer.value, one: zed, some, two: [alpha, { ok: false }], grid }
      const parsed = parseTypedData(utf8({ types, primaryType: 'Outer', domain, message }))
      assert.equal(hexlify(parsed.digest), TypedDataEncoder.hash(domain, types, message))
      assert.equal(parsed.primaryType, 'Outer')
      assert.equal(parsed.chainId, domain.chainId === undefined ? undefined : BigInt(domain.chainId))
      const { verifyingContract: contract } = parsed
      assert.equal(contract === undefined ? undefined : getAddress(hexlify(contract)), domain.verifyingContract)
      const payload = TypedDataEncoder.getPayload(domain, types, message)
      assert.deepEqual(parseTypedData(utf8(payload)).digest, parsed.digest, 'as ethers writes it')
    }),
    { numRuns: 200 },
  )
})

/** The example of the standard. */
const MAIL = {
  types: {
    EIP712Domain: [
      { name: 'name', type: 'string' },
      { name: 'version', type: 'string' },
      { name: 'chainId', type: 'uint256' },
      { name: 'verifyingContract', type: 'address' },
    ],
    Person: [
      { name: 'name', type: 'string' },
      { name: 'wallet', type: 'address' },
    ],
    Mail: [
      { name: 'from', type: 'Person' },
      { name: 'to', type: 'Person' },
      { name: 'contents', type: 'string' },
    ],
  },
  primaryType: 'Mail',
  domain: {
    name: 'Ether Mail',
    version: '1',
    chainId: 1,
    verifyingContract: '0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC',
  },
  message: {
    from: { name: 'Cow', wallet: '0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826' },
    to: { name: 'Bob', wallet: '0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB' },
    contents: 'Hello, Bob!',
  },
}

test('the example of the standard', () => {
  const digest = 'be609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2'
  assert.equal(Buffer.from(parseTypedData(utf8(MAIL)).digest).toString('hex'), digest)
})

const { types, domain, message } = MAIL
const withField = (type: string, value: unknown) => ({
  ...MAIL,
  types: { ...types, Mail: [{ name: 'x', type }] },
  message: { x: value },
})

const REFUSED: readonly (readonly [string, unknown, RegExp])[] = [
  ['a list', [], /^typed data: expected an object$/],
  ['a key more', { ...MAIL, more: 1 }, /^typed data: expected exactly/],
  ['no domain', { types, primaryType: 'Mail', message }, /^typed data: expected exactly/],
  ['an unknown primary type', { ...MAIL, primaryType: 'Post' }, /^typed data: primaryType/],
  ['the domain as primary type', { ...MAIL, primaryType: 'EIP712Domain', message: domain }, /primaryType/],
  [
    'a field that the type does not have',
    { ...MAIL, message: { ...message, hidden: 1 } },
    /^message: expected exactly/,
  ],
  ['a field missing', { ...MAIL, message: { from: message.from, to: message.to } }, /^message: expected exactly/],
  ['a field of a struct more', { ...MAIL, message: { ...message, to: { ...message.to, x: 1 } } }, /^message\.to: /],
  ['a domain field more', { ...MAIL, domain: { ...domain, extra: 1 } }, /^domain: expected exactly/],
  [
    'a domain field that its type does not have',
    { ...MAIL, domain: { ...domain, salt: `0x${'00'.repeat(32)}` } },
    /^types\.EIP712Domain/,
  ],
  [
    'a domain type in another order',
    { ...MAIL, types: { ...types, EIP712Domain: [...types.EIP712Domain].reverse() } },
    /^types\.EIP712Domain/,
  ],
  ['an unknown type', withField('Unknown', {}), /^types\.Mail\.x: expected a known type/],
  ['uint7', withField('uint7', 1), /known type/],
  ['uint264', withField('uint264', 1), /known type/],
  ['bytes33', withField('bytes33', '0x'), /known type/],
  [
    'a field twice',
    {
      ...MAIL,
      types: {
        ...types,
        Mail: [
          { name: 'x', type: 'bool' },
          { name: 'x', type: 'bool' },
        ],
      },
    },
    /each field once/,
  ],
  ['a struct named as an atom', { ...MAIL, types: { ...types, uint256: [] } }, /names of structs/],
  [
    'a name that could be read as syntax',
    { ...MAIL, types: { ...types, Mail: [{ name: 'a,bool b', type: 'bool' }] } },
    /names/,
  ],
  ['text for a number', withField('uint8', 'ten'), /^message\.x: expected an integer/],
  ['a number that JSON can not hold', withField('uint256', 2 ** 60), /^message\.x: expected an integer/],
  ['a fraction', withField('uint256', 1.5), /^message\.x: expected an integer/],
  ['too large', withField('uint8', 256), /^message\.x: expected a number of type uint8/],
  ['too small', withField('int8', -129), /^message\.x: expected a number of type int8/],
  ['negative, unsigned', withField('uint8', -1), /^message\.x: expected a number of type uint8/],
  ['an address of 19 bytes', withField('address', `0x${'11'.repeat(19)}`), /of 20 bytes/],
  ['bytes4 of 3', withField('bytes4', '0x112233'), /of 4 bytes/],
  ['bytes without 0x', withField('bytes', '11'), /0x and hex digits/],
  ['1 for true', withField('bool', 1), /true or false/],
  ['a lone surrogate', withField('string', '\ud800'), /well-formed text|expected JSON/],
  ['two items for three', withField('bool[3]', [true, true]), /expected 3 items/],
  ['an object for a list', withField('bool[]', {}), /expected a list/],
  ['null for a struct', { ...MAIL, message: { ...message, to: null } }, /^message\.to: expected an object/],
]

for (const [what, value, expected] of REFUSED) {
  test(`refused: ${what}`, () => {
    assert.throws(
      () => parseTypedData(utf8(value)),
      (e) => e instanceof DecodeError && expected.test(e.message),
    )
  })
}

test('refused: what is no JSON, is too long, or too deep', () => {
  assert.throws(() => parseTypedData(Uint8Array.of(0xff)), /expected JSON/)
  assert.throws(() => parseTypedData(new Uint8Array(TYPED_DATA_LIMIT + 1).fill(0x20)), /at most/)
  const deep = Array.from({ length: 40 }).reduce((inner: unknown) => [inner], true)
  assert.throws(() => parseTypedData(utf8(withField(`bool${'[]'.repeat(40)}`, deep))), /levels/)
})
