/** A script of Redis, which is known there by its hash. */
import { createHash } from 'node:crypto'

export interface Script {
  readonly source: string
  readonly sha1: string
}

/**
 * `#!lua` lets Redis refuse a script before its first write, rather than in the middle of it, when it is out of memory;
 * not one with the flag `allow-oom`.
 */
export function script(body: string, flags = ''): Script {
  const source = `#!lua flags=${flags}\n${body.trim()}\n`
  return { source, sha1: createHash('sha1').update(source).digest('hex') }
}
