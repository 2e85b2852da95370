/** Cases that once were findings, and some that look like it: corpus/{target}/{name}.hex, or .txt for text. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, fromHex } from '../../participant/base/bytes.ts'
import type { Target } from './target.ts'

const CORPUS = fileURLToPath(new URL('corpus', import.meta.url))

export interface Case {
  readonly name: string
  readonly raw: Uint8Array
}

function folderOf(target: Target): string {
  return join(CORPUS, target.name.replaceAll('/', '.').replaceAll(' ', '-'))
}

export function casesOf(target: Target): readonly Case[] {
  const folder = folderOf(target)
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .sort()
    .map((name) => {
      const content = readFileSync(join(folder, name))
      return { name, raw: name.endsWith('.hex') ? fromHex(content.toString('latin1').trim()) : new Uint8Array(content) }
    })
}

/** Folders of the corpus that belong to no target. */
export function strayFolders(targets: readonly Target[]): readonly string[] {
  const known = new Set(targets.map(folderOf))
  return existsSync(CORPUS) ? readdirSync(CORPUS).filter((name) => !known.has(join(CORPUS, name))) : []
}

/** Gives the path of the file. */
export function store(target: Target, raw: Uint8Array): string {
  const folder = folderOf(target)
  mkdirSync(folder, { recursive: true })
  const hex = bytesToHex(raw)
  const path = join(folder, `${bytesToHex(sha256(raw)).slice(0, 12)}.${target.text === true ? 'txt' : 'hex'}`)
  writeFileSync(path, target.text === true ? raw : `${hex}\n`)
  return path
}
