/**
 * Writes a key share file as key-gen does, and kills itself at the n-th call to the file system: `before` or `after` it.
 * Arguments: file with what is to be written, path, `force` or `new`, n, before or after. Prints the calls when it
 * survives.
 */
import { readFileSync } from 'node:fs'
import fs, { type FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import process from 'node:process'

const [source = '', path = '', mode = '', n = '0', when = 'before'] = process.argv.slice(2)
const calls: string[] = []
const die = (): void => void process.kill(process.pid, 'SIGKILL')

function deadly<A extends readonly unknown[], R>(name: string, work: (...args: A) => Promise<R>) {
  return async (...args: A): Promise<R> => {
    calls.push(name)
    const isLast = calls.length === Number(n)
    if (isLast && when === 'before') die()
    const result = await work(...args)
    if (isLast) die()
    return result
  }
}

const open = deadly('open', fs.open)
Object.assign(fs, {
  open: async (...args: Parameters<typeof fs.open>): Promise<FileHandle> => {
    const file = await open(...args)
    return Object.assign(file, {
      chmod: deadly('chmod', file.chmod.bind(file)),
      writeFile: deadly('writeFile', file.writeFile.bind(file)),
      sync: deadly('sync', file.sync.bind(file)),
      close: deadly('close', file.close.bind(file)),
    })
  },
  link: deadly('link', fs.link),
  rename: deadly('rename', fs.rename),
  rm: deadly('rm', fs.rm),
})
syncBuiltinESMExports()
const { writeKeyShareFiles } = await import('../../participant/key-share/file.node.ts')

await writeKeyShareFiles([{ path, data: readFileSync(source, 'utf8') }], { force: mode === 'force' })
process.stdout.write(`${JSON.stringify(calls)}\n`)
