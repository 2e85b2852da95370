/** What is logged of an exception says where, and quotes nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorFields } from './error-fields.ts'

const CANARY = 'canary7731'

function thrown(make: () => unknown): unknown {
  try {
    make()
  } catch (error) {
    return error
  }
  throw new Error('expected it to throw')
}

test('name, code and place; never the message or a field of its own', () => {
  const fields = errorFields(thrown(() => new URL(`http://${CANARY}:x/`)))
  assert.equal(fields.error, 'TypeError')
  assert.equal(fields.code, 'ERR_INVALID_URL')
  assert.ok(
    fields.at?.some((line) => line.includes('error-fields.test.ts')),
    'where',
  )
  assert.ok(!JSON.stringify(fields).includes(CANARY), JSON.stringify(fields))
})

test('a message that looks like a place, and errors of every other kind', () => {
  const forged = new Error(`${CANARY}\n    at ${CANARY} (file:///${CANARY}.ts:1:1)`)
  forged.name = CANARY
  const changed = new Error('first')
  changed.message = `later ${CANARY}`
  const coded = Object.assign(new Error(CANARY), { code: CANARY, path: CANARY })
  const cause = new Error('x', { cause: new Error(CANARY) })
  for (const error of [forged, changed, coded, cause, CANARY, { message: CANARY }, undefined, null]) {
    assert.ok(!JSON.stringify(errorFields(error)).includes(CANARY), JSON.stringify(errorFields(error)))
  }
  assert.deepEqual(errorFields(CANARY), { error: 'string' })
})
