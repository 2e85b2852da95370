/** The list of known pitfalls of such a broker has 32 entries; each is a test in gateway/ whose name says `pitfall N`. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const GATEWAY = join(import.meta.dirname, '..')
const PITFALLS = 32

/** Numbers in "pitfall 3: …", "pitfalls 16 and 17: …" and "G10, pitfall 4: …". */
function numbersIn(name: string): readonly number[] {
  const said = /\bpitfalls? ((?:\d+(?:, | and )?)+):/.exec(name)?.[1] ?? ''
  return [...said.matchAll(/\d+/g)].map(([digits]) => Number(digits))
}

test('each of the 32 pitfalls has a test', () => {
  const files = readdirSync(GATEWAY, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.test.ts'))
  const names = files.flatMap((file) =>
    [...readFileSync(join(GATEWAY, file), 'utf8').matchAll(/^\s*test\(\s*['`]([^'`\n]*)/gm)].map(
      ([, name = '']) => name,
    ),
  )
  const covered = new Set(names.flatMap(numbersIn))
  const missing = Array.from({ length: PITFALLS }, (_, i) => i + 1).filter((number) => !covered.has(number))
  assert.deepEqual(missing, [])
})
