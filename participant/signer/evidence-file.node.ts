/** Evidence files on disk, in Node. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic } from '../key-share/file.node.ts'
import { type Evidence, formatEvidence } from './evidence-file.ts'

/**
 * Writes a file for each fault into the folder, which is made if it isn't there; returns their names. Never overwrites
 * one. Throws StateError when that can't be done.
 */
export async function keepEvidence(evidence: readonly Evidence[], folder = ''): Promise<readonly string[]> {
  const time = new Date().toISOString().replace(/[:.]/g, '-')
  const names: string[] = []
  if (folder !== '') await mkdir(folder, { recursive: true, mode: 0o700 }).catch(() => undefined)
  for (const [i, e] of evidence.entries()) {
    const name = join(folder, `evidence-${time}-${i + 1}-${e.fault.culprit}.json`)
    await writeFileAtomic(name, formatEvidence(e), { force: false })
    names.push(name)
  }
  return names
}
