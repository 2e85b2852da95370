/** The key shares: where they are, what lies beside them, whether somebody has them, and whether they open. */
import { readdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Host } from '../../config/program.ts'
import type { ServiceConfig } from '../../config/schema.ts'
import { readSealedFile } from '../../participant/key-share/seal/folder.node.ts'
import { isRecordName, isSealedName } from '../../participant/key-share/seal/names.ts'
import { isLockName, lookAtLock } from '../../participant/key-share/seal/store-lock.node.ts'
import { keystoreName } from '../keystore.ts'
import { openShares } from '../shares.ts'
import { exists, privateFile, privateFolder, writableFolder } from './files.ts'
import { attempt, type Finding, fail, ok, warn } from './finding.ts'

export async function keystoreFindings(
  config: ServiceConfig,
  host: Pick<Host, 'env' | 'stdin'>,
): Promise<readonly Finding[]> {
  const { keystore, mpc } = config
  if (keystore.type === 'memory') {
    return [ok('keystore', `${keystoreName(config)} is read at the start, and not by the doctor`)]
  }
  const places =
    keystore.folder === undefined
      ? await privateFile('key shares', mpc.key_share_file)
      : await folderFindings(keystore.folder, keystore.record_folder, mpc.key_share_file)
  const openers = await openerFindings(keystore, host.env)
  // what is wrong with a file by itself was said; opening everything tells the rest, in the service's own words
  const opened = await attempt('open', async () => {
    const { shares } = await openShares(config, host, { owns: false })
    return [ok('open', `${keystoreName(config)}: ${shares.size} accounts, all sound, for the configured parties`)]
  })
  return [...places, ...openers, ...opened]
}

async function folderFindings(folder: string, recordFolder: string | undefined, plain: string) {
  const found = await privateFolder('folder', folder)
  if (!(await exists(folder))) return found
  const names = await readdir(folder).catch(() => undefined)
  if (names === undefined) return [...found, fail('folder', `${folder}: can't be listed`)]
  const records =
    recordFolder === undefined
      ? []
      : [...(await privateFolder('records', recordFolder)), ...(await writableFolder('records', recordFolder))]
  const beside = (await exists(plain))
    ? [
        warn(
          'plaintext',
          `${plain}: key shares in the clear lie here, although the service uses ${folder}`,
          `if it is the same key: key-gen seal --remove, or keep it where this machine can't reach it`,
        ),
      ]
    : []
  return [
    ...found,
    ...(await writableFolder('folder', folder)),
    ...records,
    ...(await fileFindings(folder, names)),
    ...strayFindings(folder, names),
    ...(await attempt('lock', () => lockFindings(folder))),
    ...beside,
  ]
}

async function fileFindings(folder: string, names: readonly string[]): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const name of names.filter((n) => isSealedName(n) || isRecordName(n))) {
    findings.push(...(await privateFile('file', join(folder, name))))
    if (!isSealedName(name)) continue
    findings.push(
      ...(await attempt('format', async () => {
        const file = await readSealedFile(join(folder, name))
        if (file.method === 'age') return [ok('format', `${join(folder, name)}: an age file`)]
        const { version, account, epoch, revision, method } = file.header
        const what = `version ${version}, ${method}, account ${JSON.stringify(account)}`
        return [ok('format', `${join(folder, name)}: ${what}, epoch ${epoch}, revision ${revision}`)]
      })),
    )
  }
  return findings
}

/** Sockets of the lock are told with the lock, and a record without its file when the folder is opened. */
function strayFindings(folder: string, names: readonly string[]): readonly Finding[] {
  return names
    .filter((name) => !isSealedName(name) && !isRecordName(name) && !(isLockName(name) && !name.endsWith('.new')))
    .map((name) => {
      const path = join(folder, name)
      if (name.endsWith('.tmp') || name.endsWith('.new')) {
        return warn('leftover', `${path}: left by a write that was cut off`, `nothing needs it: rm ${path}`)
      }
      if (name.endsWith('.json'))
        return fail('plaintext', `${path}: key shares in the clear?`, 'it does not belong here')
      return warn('leftover', `${path}: is no file of a keystore, and not read`)
    })
}

async function lockFindings(folder: string): Promise<readonly Finding[]> {
  const { holders, dead } = await lookAtLock(folder)
  const who = holders.map(({ pid }) => (pid === undefined ? 'a process that does not answer' : `process ${pid}`))
  const held =
    holders.length > 1
      ? fail('lock', `${folder}: in use by ${who.join(' and ')}`)
      : ok('lock', holders.length === 0 ? `${folder}: nobody has it` : `${folder}: in use by ${who[0]}`)
  const left = `${folder}: ${dead} locks of processes that have ended`
  return dead === 0 ? [held] : [held, warn('lock', left, 'the next process that takes the folder removes them')]
}

async function openerFindings({ passphrase_file, age_identity_file }: ServiceConfig['keystore'], env: Host['env']) {
  const findings: Finding[] = []
  const credentials = env['CREDENTIALS_DIRECTORY']
  if (passphrase_file !== undefined) {
    const isCredential = credentials !== undefined && dirname(resolve(passphrase_file)) === resolve(credentials)
    findings.push(...(await privateFile('passphrase', passphrase_file, isCredential)))
  }
  if (age_identity_file !== undefined) findings.push(...(await privateFile('age identity', age_identity_file)))
  return findings
}
