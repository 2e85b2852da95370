/**
 * Attacks with files that somebody else wrote: points in another form, and integers, lists and nesting of any size, in a
 * key share file, in evidence and in a configuration. They are refused by their form, before any of it is computed with.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { ConfigError, loadClientConfig, loadGatewayConfig, loadServiceConfig } from '../../config/load.ts'
import { bytesToHex, fromHex } from '../../participant/base/bytes.ts'
import { DecodeError, UsageError } from '../../participant/base/errors.ts'
import { INSECURE_TEST as level } from '../../participant/base/level.ts'
import { readKeyShareFile } from '../../participant/key-share/file.node.ts'
import { parseKeyShares } from '../../participant/key-share/format.ts'
import { fixture } from '../../participant/protocols/testing.ts'
import { parseEvidence } from '../../participant/signer/evidence-file.ts'
import { evidenceText, keyShareText } from './documents.ts'
import { BAD_POINTS } from './fields.ts'

const two = fixture(2, 2)
const folder = mkdtempSync(join(tmpdir(), 'files-'))
after(() => rmSync(folder, { recursive: true }))

/** An object of a parsed file, with a value put where the path says. */
type Tree = { [name: string]: unknown }
function put(tree: Tree, path: string, value: unknown): void {
  const names = path.split('.')
  const last = names.pop() ?? assert.fail('no path')
  const at = names.reduce((t, name) => t[name] as Tree, tree)
  at[last] = value
}

function takenFrom(tree: Tree, path: string): unknown {
  return path.split('.').reduce<unknown>((t, name) => (t as Tree)[name], tree)
}

const keyShares = keyShareText(two)
const evidence = await evidenceText(two)
const read = (json: string) => parseKeyShares(json, { levels: [level] })

describe('#28 points of a key share file', () => {
  const account = Object.keys(JSON.parse(keyShares) as Tree)[0] ?? assert.fail('no account')
  for (const path of ['public_key', 'feldman.0', 'feldman.1', 'public_shares.p0', 'public_shares.p1']) {
    for (const [what, bytes] of BAD_POINTS) {
      test(`#28 ${path}: ${what}`, () => {
        const tree = JSON.parse(keyShares) as Tree
        const old = takenFrom(tree, `${account}.${path}`) as string
        put(tree, `${account}.${path}`, bytesToHex(bytes(fromHex(old))))
        assert.throws(() => read(JSON.stringify(tree)), {
          name: 'DecodeError',
          message: new RegExp(`: ${path}: expected a compressed point`),
        })
      })
    }
  }
})

const DEPTH = 100_000
const arrays = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
const objects = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
const MILLION = 1_000_000
const LONG = 'f'.repeat(10 * 1024 * 1024)

/** The file with other JSON in the place of a value. */
function replaced(file: string, path: string, json: string): string {
  const tree = JSON.parse(file) as Tree
  put(tree, path, 'HERE')
  return JSON.stringify(tree).replace('"HERE"', () => json)
}

const list = (json: string): string => `[${Array.from({ length: MILLION }, () => json).join(',')}]`
/** Ten times fewer: the parser of forms has something to say about each. */
const map = (json: string): string => `{${Array.from({ length: MILLION / 10 }, (_, i) => `"p${i}":${json}`).join(',')}}`

interface Document {
  readonly name: string
  readonly file: string
  readonly parse: (json: string) => unknown
  readonly lists: readonly (readonly [path: string, item: string])[]
  readonly maps: readonly (readonly [path: string, item: string])[]
  readonly integers: readonly string[]
}

const POINT = `"02${'0'.repeat(64)}"`
const KEY = `"${'0'.repeat(64)}"`
const DOCUMENTS: readonly Document[] = [
  {
    name: 'a key share file',
    file: keyShares,
    parse: read,
    lists: [
      ['a.feldman', POINT],
      ['a.roster', '{}'],
    ],
    maps: [
      ['a.public_shares', POINT],
      ['a.aux.peers', '{}'],
    ],
    integers: ['a.aux.paillier.n', 'a.aux.peers.p1.s', 'a.key_share', 'a.feldman.0'],
  },
  {
    name: 'evidence',
    file: evidence,
    parse: parseEvidence,
    lists: [
      ['evidence', '""'],
      ['record', '""'],
      ['context.roster', '{}'],
      ['context.signers', '"p0"'],
    ],
    maps: [['context.nonces', KEY]],
    integers: ['context.nonces.p0', 'fault.check', 'evidence.0'],
  },
]

for (const { name, file, parse, lists, maps, integers } of DOCUMENTS) {
  describe(`#53 ${name}`, () => {
    const refused = (json: string): void => {
      assert.throws(
        () => parse(json),
        (e) => e instanceof DecodeError && e.message.length < 300 && !e.message.includes('\n'),
      )
    }
    const first = Object.keys(JSON.parse(file) as Tree)[0] ?? assert.fail('an empty file')

    test(`#53 ${name}, as it is, is read`, () => void parse(file))
    for (const [what, nested] of [
      ['lists', arrays(DEPTH)],
      ['objects', objects(DEPTH)],
    ] as const) {
      test(`#53 ${name}: ${what} in each other, ${DEPTH} deep`, () => {
        refused(nested)
        refused(replaced(file, first, nested))
        for (const [path] of lists) refused(replaced(file, path, nested))
        for (const path of integers) refused(replaced(file, path, nested))
      })
    }
    for (const [path, item] of lists) {
      test(`#53 ${name}: a million entries in ${path}`, () => refused(replaced(file, path, list(item))))
    }
    for (const [path, item] of maps) {
      test(`#53 ${name}: a hundred thousand names in ${path}`, () => refused(replaced(file, path, map(item))))
    }
    for (const path of integers) {
      test(`#53 ${name}: 10 MB in ${path}`, () => refused(replaced(file, path, `"${LONG}"`)))
    }
  })
}

test('#53 a key share file of more than 64 MB is not read', async () => {
  const path = join(folder, 'large.json')
  writeFileSync(path, '{}', { mode: 0o600 })
  truncateSync(path, 65 * 1024 * 1024)
  await assert.rejects(
    readKeyShareFile(path, { levels: [level] }),
    (e) => e instanceof UsageError && /expected at most/.test(e.message),
  )
})

describe('#53 a configuration', () => {
  for (const [what, text] of [
    ['lists in each other', arrays(100)],
    ['objects in each other', objects(100)],
    ['a section of lists in each other', `server: ${arrays(100)}`],
    ['a key of lists in each other', `server: {host: ${arrays(100)}}`],
    ['10 MB', `server: {host: ${LONG}}`],
    ['a million entries', `server: {cors_origins: [${'a,'.repeat(MILLION)}]}`],
  ] as const) {
    test(`#53 a configuration: ${what}`, () => {
      const file = join(folder, 'config.yaml')
      writeFileSync(file, text)
      for (const load of [loadGatewayConfig, loadServiceConfig, loadClientConfig]) {
        assert.throws(
          () => load({ file, env: {} }),
          (e) => e instanceof ConfigError && e.message.length < 300 + file.length,
        )
      }
    })
  }
})
