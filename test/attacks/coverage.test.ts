/**
 * Each of the 56 known attacks has a test in this folder whose name begins with its number, `#25 …`, or an excuse in
 * SECURITY.md.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const COUNT = 56
const HERE = new URL('./', import.meta.url)

function textOf(file: string): string {
  return readFileSync(fileURLToPath(new URL(file, HERE)), 'utf8')
}

/** Numbers at the beginning of names, `'#17 #18 …'`, in a file of tests. */
function numbersIn(source: string): readonly number[] {
  const names = [...source.matchAll(/['`]((?:#\d+ )+)/g)].map(([, numbers = '']) => numbers)
  return names.flatMap((numbers) => [...numbers.matchAll(/\d+/g)].map(Number))
}

/** Numbers that SECURITY.md excuses, and whether there are tests all the same: `- 34, 35 (…): why` or `- 37, in part (…): why`. */
function excuses(security: string): ReadonlyMap<number, { readonly inPart: boolean }> {
  const [, section] = security.split(/^## Attacks without a test yet$/m)
  assert.ok(section !== undefined, 'SECURITY.md has no section on attacks without a test')
  const [own = ''] = section.split(/^## /m)
  const items = own.split(/^- /m).slice(1)
  return new Map(
    items.flatMap((item) => {
      const [, numbers = '', part] =
        /^([\d, ]+?)(, in part)? \([^)]+\): \S/.exec(item) ?? assert.fail(`no excuse: ${item}`)
      return numbers.split(', ').map((n) => [Number(n), { inPart: part !== undefined }] as const)
    }),
  )
}

const files = readdirSync(fileURLToPath(HERE)).filter(
  (name) => name.endsWith('.test.ts') && !name.startsWith('coverage'),
)
const covered = new Map<number, string>()
for (const file of files) for (const n of numbersIn(textOf(file))) covered.set(n, file)
const excused = excuses(textOf('../../SECURITY.md'))

test('every number is one of the list', () => {
  for (const n of [...covered.keys(), ...excused.keys()]) assert.ok(n >= 1 && n <= COUNT, `#${n} in ${covered.get(n)}`)
})

for (let n = 1; n <= COUNT; n++) {
  test(`attack ${n} has a test or an excuse`, () => {
    const excuse = excused.get(n)
    const isCovered = covered.has(n)
    if (excuse === undefined) assert.ok(isCovered, `no test in test/attacks/ has a name that begins with #${n}`)
    else
      assert.equal(
        isCovered,
        excuse.inPart,
        excuse.inPart ? 'it has no test at all' : 'it has a test: no excuse is needed',
      )
  })
}

test('numbers are read from names, and not from elsewhere', () => {
  assert.deepEqual(numbersIn("test('#7 a name', ...)\nrow(`#17 #18 y`)\n// #9\n'no #8 here', this.#1"), [7, 17, 18])
  const security =
    '## Attacks without a test yet\n\n- 3, 4 (a, b): why\n- 5, in part (c): why\n\n## Next\n- 6 (d): why\n'
  assert.deepEqual(
    [...excuses(security)].map(([n, { inPart }]) => [n, inPart]),
    [
      [3, false],
      [4, false],
      [5, true],
    ],
  )
})
