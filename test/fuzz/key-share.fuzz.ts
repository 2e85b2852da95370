/** Key share files: what is read is written again as the same JSON, and no error quotes a secret of the file. */
import assert from 'node:assert/strict'
import { fromUtf8, utf8ToBytes } from '../../participant/base/bytes.ts'
import { DecodeError } from '../../participant/base/errors.ts'
import { INSECURE_TEST } from '../../participant/base/level.ts'
import { formatKeyShares, parseKeyShares } from '../../participant/key-share/format.ts'
import { dealTestShares } from '../../participant/key-share/testing.ts'
import { type Dice, diceRandom } from './dice.ts'
import { refusedBy, type Target } from './target.ts'

const STRANGE: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e300,
  2 ** 53,
  '',
  '0',
  'ff',
  '__proto__',
  'constructor',
  '\u0000',
  '\ud800',
  'x'.repeat(5_000),
  '0'.repeat(64),
  'f'.repeat(64),
  `02${'0'.repeat(64)}`,
  [],
  [[]],
  {},
  { id: 'a' },
]

/** Takes one place of the document and puts something else there, takes it out, or makes it twice. */
export function changeJson(raw: Uint8Array, d: Dice): Uint8Array {
  let file: unknown
  try {
    file = JSON.parse(fromUtf8(raw))
  } catch {
    return raw
  }
  const places: { readonly holder: Record<string, unknown>; readonly key: string }[] = []
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    for (const key of Object.keys(value)) {
      places.push({ holder: value as Record<string, unknown>, key })
      walk((value as Record<string, unknown>)[key])
    }
  }
  walk(file)
  if (places.length === 0) return raw
  const { holder, key } = d.pick(places)
  const other = d.pick(places)
  const old = holder[key]
  switch (d.below(6)) {
    case 0:
      holder[key] = d.pick(STRANGE)
      break
    case 1:
      Reflect.deleteProperty(holder, key)
      break
    case 2:
      holder[key] = structuredClone(other.holder[other.key])
      break
    case 3:
      holder[d.pick(['extra', '0', 'constructor', 'toString', 'é'])] = old
      break
    case 4:
      if (typeof old === 'string' && old !== '') {
        const at = d.below(old.length)
        holder[key] = old.slice(0, at) + d.pick([...'0123456789abcdefABx \n"é']) + old.slice(at + 1)
      }
      if (typeof old === 'number') holder[key] = old + d.pick([-1, 1, 0.5, 2 ** 32])
      break
    default:
      Object.defineProperty(holder, '__proto__', { value: old, enumerable: true, configurable: true })
  }
  const text = JSON.stringify(file)
  if (d.below(20) === 0) return utf8ToBytes(`${'['.repeat(20_000)}${text}`)
  return utf8ToBytes(d.below(8) === 0 ? text.replace(/^\{/, () => `{${text.slice(1, -1)},`) : text)
}

const json = (accounts: readonly string[]): string => {
  const dealt = dealTestShares({
    parties: ['alice', 'bob'],
    threshold: 2,
    accounts,
    level: INSECURE_TEST,
    random: diceRandom('key shares'),
  })
  const shares = dealt.get('alice')
  assert.ok(shares !== undefined)
  return formatKeyShares(shares)
}

export const targets: readonly Target[] = [
  {
    name: 'key-share',
    text: true,
    seeds: () => [utf8ToBytes(json(['main'])), utf8ToBytes(json(['main', 'second \u00e9']))],
    change: changeJson,
    attempt(raw) {
      const text = new TextDecoder().decode(raw)
      const result = refusedBy(DecodeError, () => {
        try {
          return parseKeyShares(text, { levels: [INSECURE_TEST] })
        } catch (e) {
          // long runs of hex digits are keys, shares and primes
          if (e instanceof Error) assert.doesNotMatch(e.message, /[0-9a-f]{24}/, 'the message quotes a value')
          throw e
        }
      })
      if (result === undefined) return 'refused'
      const again = formatKeyShares(result.value)
      assert.deepEqual(JSON.parse(again), JSON.parse(text), 'is written as something else')
      assert.equal(formatKeyShares(parseKeyShares(again, { levels: [INSECURE_TEST] })), again)
      return 'same'
    },
  },
]
