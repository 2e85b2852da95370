/** The list of mutants can't rot: what it takes out is there, once, and no check of a proof is left out. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { FAULT_CODES } from '../../participant/zk/codes.ts'
import { all } from './list.ts'

const ROOT = new URL('../../', import.meta.url)
const texts = new Map<string, string>()
function textOf(file: string): string {
  const known = texts.get(file) ?? readFileSync(fileURLToPath(new URL(file, ROOT)), 'utf8')
  texts.set(file, known)
  return known
}

test('what a mutant takes out is in its file exactly once', () => {
  for (const { id, file, find, replace } of all) {
    assert.equal(textOf(file).split(find).length - 1, 1, `${id}: ${find}`)
    assert.notEqual(find, replace, id)
  }
})

test('every mutant has a name of its own, and tests that exist', () => {
  assert.equal(new Set(all.map((m) => m.id)).size, all.length)
  for (const { id, tests } of all) {
    assert.ok(tests.length > 0, id)
    for (const { file } of tests) assert.ok(existsSync(fileURLToPath(new URL(file, ROOT))), `${id}: ${file}`)
  }
})

test('every check of every proof has a mutant', () => {
  const ids = new Set(all.map((m) => m.id))
  for (const [proof, checks] of Object.entries(FAULT_CODES)) {
    for (const check of Object.keys(checks)) assert.ok(ids.has(`zk/${proof}: ${check}`), `${proof}: ${check}`)
  }
})

/** Checks that are named in these files stand in the list under the same name. */
const NAMED: Readonly<Record<string, string>> = {
  keygen: 'participant/protocols/keygen/protocol.ts participant/protocols/keygen/rounds.ts',
  'aux-info': 'participant/protocols/aux-info/protocol.ts participant/protocols/aux-info/rounds.ts',
  presign: 'participant/protocols/presign/protocol.ts',
  identify: 'participant/protocols/presign/identify.ts',
  sign: 'participant/protocols/sign/protocol.ts',
}

test('every check that a protocol names has a mutant', () => {
  for (const [group, files] of Object.entries(NAMED)) {
    const ids = all.filter((m) => m.id.startsWith(`${group}: `)).map((m) => m.id.slice(group.length + 2))
    for (const file of files.split(' ')) {
      const text = textOf(file)
      const checks = [...text.matchAll(/check: ['`]([^'`$]+)/g), ...text.matchAll(/return '(shown: \w+)/g)]
      const proofs = [...text.matchAll(/faultOf\(\s*'([a-z0-9-]+)'/g)]
      for (const [, name = ''] of [...checks, ...proofs]) {
        // several mutants may share the first words of a name
        const first = name.split(' or ').map((n) => n.trim())
        assert.ok(
          ids.some((id) => first.every((f) => id.includes(f) || f.includes(id))),
          `${group}: no mutant named ${name}`,
        )
      }
    }
  }
})
