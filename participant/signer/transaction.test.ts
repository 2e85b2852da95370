/** Transactions against ethers: the same fields, the same bytes, the same hash; and nothing but their one encoding. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Transaction as EthersTransaction, getAddress, hexlify, Signature, type TransactionLike, Wallet } from 'ethers'
import fc from 'fast-check'
import { concatBytes } from '../base/bytes.ts'
import { DecodeError, UsageError } from '../base/errors.ts'
import { digestOf } from './payload.ts'
import { encodeRlp, type RlpItem, rlpNumber } from './rlp.ts'
import {
  encodeTransaction,
  looksLikeTransaction,
  parseTransaction,
  signedTransaction,
  type Transaction,
} from './transaction.ts'

const wei = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n })
const small = fc.bigInt({ min: 0n, max: 2n ** 40n })
const address = fc.uint8Array({ minLength: 20, maxLength: 20 }).map((b) => getAddress(hexlify(b)))
const word = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((b) => hexlify(b))
const data = fc.uint8Array({ maxLength: 100 }).map((b) => hexlify(b))
const chainId = fc.bigInt({ min: 1n, max: 2n ** 53n - 1n })
const accessList = fc.array(fc.record({ address, storageKeys: fc.array(word, { maxLength: 3 }) }), { maxLength: 3 })
const nonce = fc.nat({ max: 2 ** 31 - 1 })
const authorization = fc.record({
  chainId: fc.bigInt({ min: 0n, max: 2n ** 53n - 1n }),
  address,
  nonce: fc.bigInt({ min: 0n, max: 2n ** 53n - 1n }),
  signature: fc.constantFrom(
    Signature.from({ r: `0x${'11'.repeat(32)}`, s: `0x${'22'.repeat(32)}`, v: 27 }),
    Signature.from({ r: `0x00${'11'.repeat(31)}`, s: `0x0000${'22'.repeat(30)}`, v: 28 }),
  ),
})
const to = fc.option(address, { nil: null })
const base = { nonce, gasLimit: small, value: wei, data }
const fees = fc
  .tuple(wei, wei)
  .map(([a, b]) =>
    a < b ? { maxPriorityFeePerGas: a, maxFeePerGas: b } : { maxPriorityFeePerGas: b, maxFeePerGas: a },
  )

const transactions: fc.Arbitrary<TransactionLike> = fc.oneof(
  fc.record({ ...base, type: fc.constant(0), to, chainId: fc.option(chainId, { nil: 0n }), gasPrice: wei }),
  fc.record({ ...base, type: fc.constant(1), to, chainId, gasPrice: wei, accessList }),
  fc
    .record({ ...base, type: fc.constant(2), to, chainId, accessList, fees })
    .map(({ fees: f, ...tx }) => ({ ...tx, ...f })),
  fc
    .record({
      ...base,
      type: fc.constant(4),
      to: address,
      chainId,
      accessList,
      fees,
      authorizationList: fc.array(authorization, { minLength: 1, maxLength: 3 }),
    })
    .map(({ fees: f, ...tx }) => ({ ...tx, ...f })),
)

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.slice(2), 'hex'))
const NAMES = { 1: 'eip2930', 2: 'eip1559', 4: 'eip7702' } as const

test('fields, bytes and hash are those of ethers, for every type', () => {
  fc.assert(
    fc.property(transactions, (like) => {
      const theirs = EthersTransaction.from(like)
      const bytes = bytesOf(theirs.unsignedSerialized)
      const tx = parseTransaction(bytes)
      const legacy = theirs.chainId === 0n ? 'legacy_unprotected' : 'legacy'
      assert.equal(tx.type, NAMES[theirs.type as 1 | 2 | 4] ?? legacy)
      assert.equal(tx.chainId ?? 0n, theirs.chainId)
      assert.equal(tx.nonce, BigInt(theirs.nonce))
      assert.equal(tx.maxFeePerGas, theirs.maxFeePerGas ?? theirs.gasPrice)
      assert.equal(tx.maxPriorityFeePerGas, theirs.maxPriorityFeePerGas ?? undefined)
      assert.equal(tx.gasLimit, theirs.gasLimit)
      assert.equal(tx.to === undefined ? null : getAddress(hexlify(tx.to)), theirs.to)
      assert.equal(tx.value, theirs.value)
      assert.equal(hexlify(tx.data), theirs.data)
      const list = tx.accessList.map((e) => ({
        address: getAddress(hexlify(e.address)),
        storageKeys: e.storageKeys.map((k) => hexlify(k)),
      }))
      assert.deepEqual(list, theirs.accessList ?? [])
      assert.deepEqual(
        tx.authorizations.map((a) => [a.chainId, getAddress(hexlify(a.address)), a.nonce, a.yParity, a.r, a.s]),
        (theirs.authorizationList ?? []).map(({ chainId: c, address: of, nonce: n, signature: g }) => [
          c,
          of,
          n,
          BigInt(g.yParity),
          BigInt(g.r),
          BigInt(g.s),
        ]),
      )
      assert.deepEqual(encodeTransaction(tx), bytes)
      assert.equal(hexlify(digestOf({ kind: 'transaction', transaction: bytes })), theirs.unsignedHash)
      assert.ok(looksLikeTransaction(bytes), 'it looks like one')
    }),
    { numRuns: 400 },
  )
})

test('a transaction with one byte changed, added or taken away is refused, or is another one', () => {
  fc.assert(
    fc.property(transactions, fc.nat(), fc.integer({ min: 1, max: 255 }), (like, at, xor) => {
      const bytes = bytesOf(EthersTransaction.from(like).unsignedSerialized)
      const i = at % bytes.length
      const changed = bytes.map((b, j) => (j === i ? b ^ xor : b))
      for (const other of [changed, concatBytes(bytes, Uint8Array.of(xor)), bytes.slice(0, -1)]) {
        let tx: Transaction
        try {
          tx = parseTransaction(other)
        } catch (e) {
          assert.ok(e instanceof DecodeError, `${e}`)
          continue
        }
        assert.deepEqual(encodeTransaction(tx), other)
      }
    }),
    { numRuns: 400 },
  )
})

const n = rlpNumber
const TO = new Uint8Array(20).fill(7)
const LEGACY: readonly RlpItem[] = [n(1n), n(2n), n(3n), TO, n(4n), n(0n), n(1n), n(0n), n(0n)]
const FEES: readonly RlpItem[] = [n(1n), n(0n), n(2n), n(3n), n(21_000n), TO, n(5n), n(0n), []]
const CODE: readonly RlpItem[] = [[n(1n), TO, n(0n), n(1n), n(5n), n(6n)]]
const typed = (type: number, items: readonly RlpItem[]) => concatBytes(Uint8Array.of(type), encodeRlp(items))
const put = (items: readonly RlpItem[], at: number, item: RlpItem) => items.map((x, i) => (i === at ? item : x))
const legacy = (at: number, item: RlpItem) => encodeRlp(put(LEGACY, at, item))
const dynamic = (at: number, item: RlpItem) => typed(2, put(FEES, at, item))

test('what the tables below change is taken as it is', () => {
  for (const bytes of [encodeRlp(LEGACY), typed(2, FEES), typed(4, [...FEES, CODE])]) parseTransaction(bytes)
})

const REFUSED: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ['nothing', Uint8Array.of(), /at least one byte/],
  ['a blob transaction', typed(3, [...FEES, n(0n), []]), /type 1, 2 or 4/],
  ['type 0 in an envelope', typed(0, FEES), /type 1, 2 or 4/],
  ['a string', encodeRlp(TO), /type 1, 2 or 4/],
  ['a typed string', concatBytes(Uint8Array.of(2), encodeRlp(TO)), /expected a list/],
  ['trailing bytes', concatBytes(typed(2, FEES), Uint8Array.of(0)), /trailing/],
  ['7 fields', encodeRlp(LEGACY.slice(0, 7)), /6 or 9 fields/],
  ['a signed legacy transaction', encodeRlp([...LEGACY.slice(0, 6), n(27n), n(5n), n(6n)]), /no signature/],
  ['r alone', legacy(7, n(1n)), /no signature/],
  ['s alone', legacy(8, n(1n)), /no signature/],
  ['a signed typed transaction', typed(2, [...FEES, n(0n), n(5n), n(6n)]), /9 fields, unsigned/],
  ['a field less', typed(2, FEES.slice(0, 8)), /9 fields/],
  ['chain 0', legacy(6, n(0n)), /chain id: expected at least 1/],
  ['chain 0, typed', dynamic(0, n(0n)), /chain id: expected at least 1/],
  ['a nonce with a leading zero', dynamic(1, Uint8Array.of(0, 1)), /nonce: expected no leading zeros/],
  ['a value with a leading zero', dynamic(6, Uint8Array.of(0)), /value: expected no leading zeros/],
  ['a nonce of 2^64', dynamic(1, n(2n ** 64n)), /nonce: expected less than 2\^64/],
  ['gas of 2^64', dynamic(4, n(2n ** 64n)), /gas limit: expected less than 2\^64/],
  ['a value of 2^256', dynamic(6, n(2n ** 256n)), /value: expected less than 2\^256/],
  ['a fee of 2^256', dynamic(3, n(2n ** 256n)), /fee: expected less than 2\^256/],
  ['a list for a number', dynamic(6, []), /value: expected bytes/],
  ['19 bytes of address', dynamic(5, TO.slice(1)), /to: expected 20 bytes/],
  ['a list for data', dynamic(7, []), /data: expected bytes/],
  ['bytes for an access list', dynamic(8, n(0n)), /access list: expected a list/],
  ['an entry of three', dynamic(8, [[TO, [], []]]), /access list: expected an address and keys/],
  ['a key of 31 bytes', dynamic(8, [[TO, [new Uint8Array(31)]]]), /key: expected 32 bytes/],
  ['an address of 21 bytes', dynamic(8, [[new Uint8Array(21), []]]), /address: expected 20 bytes/],
  ['type 4 that makes a contract', typed(4, [...put(FEES, 5, n(0n)), CODE]), /expected an address in a transaction/],
  ['type 4 without authorizations', typed(4, [...FEES, []]), /authorizations: expected at least one/],
  ['an authorization of 5', typed(4, [...FEES, [[n(1n), TO, n(0n), n(1n), n(5n)]]]), /expected 6 fields/],
  ['a parity of 256', typed(4, [...FEES, [[n(1n), TO, n(0n), n(256n), n(5n), n(6n)]]]), /parity: expected less/],
]

for (const [what, bytes, expected] of REFUSED) {
  test(`refused: ${what}`, () => {
    assert.throws(
      () => parseTransaction(bytes),
      (e) => e instanceof DecodeError && expected.test(e.message),
    )
  })
}

test('what could be a transaction somewhere looks like one; messages do not', () => {
  const looks = [typed(3, FEES), typed(5, [n(1n), TO, n(0n)]), typed(0x7e, FEES), encodeRlp([]), encodeRlp(LEGACY)]
  for (const bytes of looks) assert.ok(looksLikeTransaction(bytes), hexlify(bytes))
  for (const text of ['', 'hello', '{"a":1}']) assert.ok(!looksLikeTransaction(new TextEncoder().encode(text)), text)
  assert.ok(!looksLikeTransaction(new Uint8Array(32).fill(0xab)), 'a hash')
})

test('the signed transaction is that of ethers', () => {
  const wallet = new Wallet(`0x${'42'.repeat(32)}`)
  fc.assert(
    fc.property(transactions, (like) => {
      const theirs = EthersTransaction.from(like)
      const signature = wallet.signingKey.sign(theirs.unsignedHash)
      theirs.signature = signature
      const { r, s, yParity } = signature
      const ours = signedTransaction(parseTransaction(bytesOf(theirs.unsignedSerialized)), {
        r: BigInt(r),
        s: BigInt(s),
        recovery: yParity,
      })
      assert.equal(hexlify(ours), theirs.serialized)
    }),
    { numRuns: 100 },
  )
})

test('a wallet that signs our hash has signed that transaction', () => {
  const wallet = new Wallet(`0x${'42'.repeat(32)}`)
  const unsigned = EthersTransaction.from({
    type: 2,
    chainId: 1n,
    nonce: 3,
    gasLimit: 21_000n,
    to: wallet.address,
    value: 5n,
  })
  const digest = digestOf({ kind: 'transaction', transaction: bytesOf(unsigned.unsignedSerialized) })
  unsigned.signature = wallet.signingKey.sign(digest)
  assert.equal(EthersTransaction.from(unsigned.serialized).from, wallet.address)
  assert.throws(() => digestOf({ kind: 'transaction', transaction: Uint8Array.of(2) }), DecodeError)
  assert.throws(() => digestOf({ kind: 'transaction', transaction: new Uint8Array(262_145) }), UsageError)
})
