/** docs/gateway-api.md lists every refusal with its status, and no other. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Refusal, refusals } from './refusal.ts'

const DOCUMENT = join(import.meta.dirname, '../docs/gateway-api.md')

test('the table of refusals is the one of the code', () => {
  const made = Object.values(refusals).map((make) => (make as (about: never) => Refusal)('GET' as never))
  const expected = made.map(({ status, code }) => `${status} ${code}`).sort()
  const rows = [...readFileSync(DOCUMENT, 'utf8').matchAll(/^\| (\d{3}) \| `([a-z0-9_]+)` \|/gm)]
  assert.deepEqual(rows.map(([, status, code]) => `${status} ${code}`).sort(), expected)
})

test('codes are stable words, and what may be otherwise later says when to ask again', () => {
  for (const make of Object.values(refusals)) {
    const { status, code, headers } = (make as (about: never) => Refusal)(1 as never)
    assert.match(code, /^[a-z0-9_]{1,40}$/)
    if (status === 429 || status === 503) assert.match(String(headers?.['retry-after']), /^\d+$/, code)
  }
})
