/**
 * The `keystore` sections: where key shares are, and what opens them.
 *
 * A passphrase or an identity is never a value of the configuration, which ends up in environments, process lists and
 * repositories: only the name of a file that holds it is. What is contradictory is an error and no guess: a passphrase
 * file that nothing uses means that somebody believes the shares to be sealed.
 */
import { z } from 'zod'
import { integer, oneOf, text } from './fields.ts'

export const KEYSTORE_TYPES = ['file', 'memory', 'kms'] as const

const name = (what: string) => text(what).optional()
const opened = {
  folder: name('a folder name'),
  record_folder: name('a folder name'),
  passphrase_file: name('a file name'),
  age_identity_file: name('a file name'),
}

export const serviceKeystore = () =>
  z
    .strictObject({
      type: oneOf(KEYSTORE_TYPES).default('file'),
      ...opened,
      shares_fd: integer(0, 1023).default(0),
      kms_key_id: text('the id, ARN or alias of a key', 2048).optional(),
      kms_region: text('the name of a region', 64).optional(),
      kms_endpoint: kmsEndpoint().optional(),
    })
    .prefault({})

export const clientKeystore = () => z.strictObject(opened).prefault({})

function kmsEndpoint() {
  const error = 'expected an https address, or http on this machine'
  return z.string({ error }).refine(isSafe, { error })
}

/** Data keys come back in the clear. */
function isSafe(value: string): boolean {
  if (!URL.canParse(value)) return false
  const { protocol, hostname, username, password } = new URL(value)
  if (username !== '' || password !== '') return false
  return protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname))
}

export type ServiceKeystore = z.output<ReturnType<typeof serviceKeystore>>
export type ClientKeystore = z.output<ReturnType<typeof clientKeystore>>

interface Problem {
  readonly path: string[]
  readonly message: string
}

/** Checks that involve several keys; the path names the one to change. */
export function serviceKeystoreProblems(keystore: ServiceKeystore): readonly Problem[] {
  const { type, folder } = keystore
  const problems: Problem[] = []
  const problem = (key: keyof ServiceKeystore, message: string) => problems.push({ path: ['keystore', key], message })
  for (const key of ['passphrase_file', 'age_identity_file'] as const) {
    if (keystore[key] !== undefined && type !== 'file') problem(key, 'expected only with keystore.type file')
  }
  for (const key of ['kms_key_id', 'kms_region', 'kms_endpoint'] as const) {
    if (keystore[key] !== undefined && type !== 'kms') problem(key, 'expected only with keystore.type kms')
  }
  if (type === 'memory' && folder !== undefined) problem('folder', 'expected only with keystore.type file or kms')
  if (type === 'kms' && folder === undefined) problem('folder', 'expected a folder name with keystore.type kms')
  if (type === 'kms' && keystore.kms_key_id === undefined) {
    problem('kms_key_id', 'expected the id, ARN or alias of a key with keystore.type kms')
  }
  const isOpened = keystore.passphrase_file !== undefined || keystore.age_identity_file !== undefined
  if (type === 'file' && folder !== undefined && !isOpened) {
    problem('passphrase_file', 'expected this or keystore.age_identity_file with keystore.folder')
  }
  return [...problems, ...clientKeystoreProblems(keystore, type === 'file')]
}

/** The client asks for what it doesn't find in the configuration. */
export function clientKeystoreProblems(keystore: ClientKeystore, isFile = true): readonly Problem[] {
  if (keystore.folder !== undefined) return []
  const keys = isFile
    ? (['passphrase_file', 'age_identity_file', 'record_folder'] as const)
    : (['record_folder'] as const)
  return keys
    .filter((key) => keystore[key] !== undefined)
    .map((key) => ({ path: ['keystore', key], message: 'expected only with keystore.folder' }))
}
