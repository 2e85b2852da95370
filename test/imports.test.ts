/**
 * The parts and who may import whom. Inside participant/, each folder may import only those above it; nothing there
 * touches `node:` outside *.node.ts, which a browser build replaces.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..')

const MAY_IMPORT: Record<string, readonly string[]> = {
  participant: [],
  config: [],
  gateway: ['config'],
  'sign-service': ['participant', 'config'],
  'key-gen': ['participant', 'config'],
  cli: ['participant', 'config'],
}

/** The layers of participant/, lowest first. */
const LAYERS = [
  'base',
  'math',
  'paillier',
  'wire',
  'zk',
  'party',
  'protocols',
  'key-share',
  'room',
  'exchange',
  'signer',
]

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((f) => f.endsWith('.ts'))
    .map((f) => join(folder, f))
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8')
  return [...text.matchAll(/(?:from\s+|import\s+|import\()['"]([^'"]+)['"]/g)].map((m) => m[1] as string)
}

function targetOf(file: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  return relative(ROOT, resolve(ROOT, dirname(file), specifier))
}

function foreignEdges(file: string, imports: readonly string[]): string[] {
  const folder = file.split('/')[0] as string
  const allowed = MAY_IMPORT[folder] ?? []
  return imports.filter((i) => {
    const target = targetOf(file, i)?.split('/')[0]
    return target !== undefined && target !== folder && !allowed.includes(target)
  })
}

function upwardEdges(file: string, imports: readonly string[]): string[] {
  const [, layer] = file.split('/') as [string, string]
  if (!LAYERS.includes(layer)) return []
  return imports.filter((i) => {
    const [folder, to] = targetOf(file, i)?.split('/') ?? []
    return folder === 'participant' && to !== undefined && LAYERS.indexOf(to) > LAYERS.indexOf(layer)
  })
}

function nodeImports(file: string, imports: readonly string[]): string[] {
  return file.endsWith('.node.ts') ? [] : imports.filter((i) => i.startsWith('node:'))
}

const isTest = (f: string): boolean => f.endsWith('.test.ts') || f.endsWith('/testing.ts')

test('each folder imports only what it may', () => {
  const wrong = Object.keys(MAY_IMPORT)
    .flatMap(sources)
    .filter((f) => !isTest(f))
    .flatMap((f) => foreignEdges(f, importsOf(f)).map((i) => `${f} -> ${i}`))
  assert.deepEqual(wrong, [])
})

test('inside participant, each layer imports only those below it', () => {
  const files = sources('participant').filter((f) => !isTest(f))
  assert.ok(files.length > 30)
  assert.deepEqual(
    files.flatMap((f) => upwardEdges(f, importsOf(f)).map((i) => `${f} -> ${i}`)),
    [],
  )
})

test('participant has no node: import outside the files that a browser build replaces', () => {
  const files = sources('participant').filter((f) => !isTest(f))
  assert.deepEqual(
    files.flatMap((f) => nodeImports(f, importsOf(f)).map((i) => `${f} -> ${i}`)),
    [],
  )
})

test('the rules see what they are for', () => {
  assert.deepEqual(foreignEdges('gateway/app.ts', ['../participant/index.ts', '../config/load.ts', 'hono']), [
    '../participant/index.ts',
  ])
  assert.deepEqual(upwardEdges('participant/zk/mod.ts', ['../party/roster.ts', '../math/curve.ts']), [
    '../party/roster.ts',
  ])
  assert.deepEqual(nodeImports('participant/room/room.ts', ['node:fs', 'eventsource']), ['node:fs'])
})
