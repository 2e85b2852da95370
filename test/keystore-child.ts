/**
 * Seals a key share file into a keystore folder that holds it already, and kills itself at the n-th call to the file
 * system of that write. Arguments: key share file, folder, n. Prints the number of calls when it survives.
 */
import { readFileSync } from 'node:fs'
import fs, { type FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import process from 'node:process'

const [source = '', folder = '', n = '0'] = process.argv.slice(2)
let armed = false
let calls = 0

function deadly<A extends readonly unknown[], R>(work: (...args: A) => Promise<R>) {
  return async (...args: A): Promise<R> => {
    const result = await work(...args)
    if (armed && ++calls === Number(n)) process.kill(process.pid, 'SIGKILL')
    return result
  }
}

const open = deadly(fs.open)
Object.assign(fs, {
  open: async (...args: Parameters<typeof fs.open>): Promise<FileHandle> => {
    const file = await open(...args)
    return Object.assign(file, {
      writeFile: deadly(file.writeFile.bind(file)),
      sync: deadly(file.sync.bind(file)),
    })
  },
  link: deadly(fs.link),
  rename: deadly(fs.rename),
  rm: deadly(fs.rm),
})
syncBuiltinESMExports()
const { INSECURE_TEST } = await import('../participant/base/level.ts')
const { secret } = await import('../participant/base/secret.ts')
const { parseKeyShares } = await import('../participant/key-share/format.ts')
const { passphraseMethod } = await import('../participant/key-share/seal/passphrase.ts')
const { lockStore } = await import('../participant/key-share/seal/store-lock.node.ts')
const { writeSealed } = await import('../participant/key-share/seal/write.node.ts')

const levels = [INSECURE_TEST]
const shares = parseKeyShares(readFileSync(source, 'utf8'), { levels })
const method = passphraseMethod(secret(new TextEncoder().encode('correct horse')), { logN: 14 })
const lock = await lockStore(folder)
armed = true
await writeSealed(shares, { folder, levels, methods: [method], method, lock, force: true })
process.stdout.write(`${calls}\n`)
await lock.release()
