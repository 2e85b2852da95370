/**
 * The one loader of all four programs. Precedence: flag > environment > file > default.
 *
 * A file that was named must exist; the default file may be absent. An empty variable counts as not set, and variables
 * with a program's prefix that name no key are left alone, since an environment is shared with others. Relative paths
 * inside a configuration stay as written: they are relative to the working directory, not to the file.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { LineCounter, parseDocument } from 'yaml'
import type { z } from 'zod'
import type { ClientConfig, GatewayConfig, KeyPath, ServiceConfig } from './schema.ts'
import { clientSchema, gatewaySchema, serviceSchema } from './schema.ts'

const MAX_FILE_BYTES = 1_048_576
const MAX_BRACKETS = 64

/** A configuration that can't be used. The message is one line for a terminal; programs exit with `exitCode`. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code = 'CONFIG'
  readonly exitCode = 2
}

export interface LoadOptions<Config> {
  /** A file named by the user. Without it the default file is read if it is there. */
  readonly file?: string | undefined
  /** Values from the command line by key path. Strings are read like variables; `undefined` counts as not given. */
  readonly flags?: Readonly<Partial<Record<KeyPath<Config>, unknown>>>
  /** Defaults to the environment of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Directory that file names are relative to. Defaults to the working directory. */
  readonly cwd?: string
}

interface Program<Config> {
  readonly schema: z.ZodType<Config>
  /** Keys that exist, by section. */
  readonly keys: ReadonlyMap<string, ReadonlyMap<string, Kind>>
  readonly prefix: string
  readonly defaultFile: string
  readonly aliases: Readonly<Record<string, string>>
}

type Kind = 'string' | 'number' | 'boolean' | 'array'
type Tree = Record<string, unknown>

const gatewayProgram: Program<GatewayConfig> = {
  schema: gatewaySchema,
  keys: keysOf(gatewaySchema),
  prefix: 'SIGN_GATEWAY',
  defaultFile: 'config/sign-gateway.yaml',
  aliases: {},
}
const serviceProgram: Program<ServiceConfig> = {
  schema: serviceSchema,
  keys: keysOf(serviceSchema),
  prefix: 'SIGN_SERVICE',
  defaultFile: 'config/sign-service.yaml',
  aliases: { 'mpc.key_share_file': 'SIGN_SERVICE_KEY_SHARE_FILE' },
}
const clientProgram: Program<ClientConfig> = {
  schema: clientSchema,
  keys: keysOf(clientSchema),
  prefix: 'WALLET_MPC',
  defaultFile: 'config/client.yaml',
  aliases: { 'mpc.key_share_file': 'WALLET_MPC_KEY_SHARES' },
}

/** Configuration of sign-gateway. Throws `ConfigError`. */
export function loadGatewayConfig(options: LoadOptions<GatewayConfig> = {}): GatewayConfig {
  return load(gatewayProgram, options)
}

/** Configuration of sign-service. Throws `ConfigError`. */
export function loadServiceConfig(options: LoadOptions<ServiceConfig> = {}): ServiceConfig {
  return load(serviceProgram, options)
}

/** Configuration of the programs a client runs: wallet-mpc and key-gen. Throws `ConfigError`. */
export function loadClientConfig(options: LoadOptions<ClientConfig> = {}): ClientConfig {
  return load(clientProgram, options)
}

function load<Config>(program: Program<Config>, options: LoadOptions<Config>): Config {
  const fileName = options.file ?? program.defaultFile
  const tree = readTree(resolve(options.cwd ?? '.', fileName), fileName, options.file !== undefined)
  const sources = new Map<string, string>()
  const env = options.env ?? process.env
  const flags: Readonly<Record<string, unknown>> = options.flags ?? {}

  for (const [section, keys] of program.keys) {
    for (const [key, kind] of keys) {
      const path = `${section}.${key}`
      const variable = variableFor(program, path, env)
      if (variable !== undefined) put(tree, section, key, coerce(variable.value, kind))
      if (variable !== undefined) sources.set(path, `environment variable ${variable.name}`)
      if (flags[path] !== undefined) put(tree, section, key, coerce(flags[path], kind))
      if (flags[path] !== undefined) sources.set(path, 'command line')
    }
  }
  for (const path of Object.keys(flags)) {
    const [section = '', key = ''] = path.split('.')
    if (!program.keys.get(section)?.has(key)) throw new ConfigError(`command line: ${path}: unknown key`)
  }

  const result = program.schema.safeParse(tree)
  if (result.success) return result.data
  throw new ConfigError(describe(program, result.error, sources, fileName))
}

function readTree(absolute: string, fileName: string, required: boolean): Tree {
  let source: string
  try {
    source = readFileSync(absolute, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' && !required) return {}
    throw new ConfigError(`${fileName}: ${readProblem(code)}`)
  }
  if (source.length > MAX_FILE_BYTES) throw new ConfigError(`${fileName}: larger than ${MAX_FILE_BYTES} bytes`)

  if (isNested(source)) throw new ConfigError(`${fileName}: expected sections with keys, nested no deeper`)

  const lines = new LineCounter()
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false })
  const [problem] = document.errors
  if (problem !== undefined) {
    const { line } = lines.linePos(problem.pos[0])
    // The code, not the message: a parser's message may quote a piece of the file.
    throw new ConfigError(
      `${fileName}: line ${line}: not valid YAML (${problem.code.toLowerCase().replaceAll('_', ' ')})`,
    )
  }
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: 10 })
  } catch {
    throw new ConfigError(`${fileName}: not valid YAML (aliases can't be resolved)`)
  }
  if (value === null || value === undefined) return {}
  if (!isTree(value)) throw new ConfigError(`${fileName}: expected sections with keys at the top level`)
  // A section whose keys are all commented out is null in YAML.
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, section]) => section !== null)
      .map(([name, section]) => [name, isTree(section) ? { ...section } : section]),
  )
}

/** Far deeper than any configuration is. The parser recurses, and near the end of its stack V8 ends the whole process. */
function isNested(source: string): boolean {
  return (source.match(/[[{]/g) ?? []).length > MAX_BRACKETS || /^[ \t?:-]{64}/m.test(source)
}

function readProblem(code: string | undefined): string {
  if (code === 'ENOENT') return 'no such file'
  if (code === 'EISDIR') return 'is a directory, expected a file'
  if (code === 'EACCES' || code === 'EPERM') return 'no permission to read this file'
  return `can't be read (${code ?? 'unknown error'})`
}

/** Sets a key unless the file has something other than a section in its place, which the schema then reports. */
function put(tree: Tree, section: string, key: string, value: unknown): void {
  if (!Object.hasOwn(tree, section)) tree[section] = {}
  const existing = tree[section]
  if (isTree(existing)) existing[key] = value
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function variableFor<Config>(
  program: Program<Config>,
  path: string,
  env: Readonly<Record<string, string | undefined>>,
): { readonly name: string; readonly value: string } | undefined {
  const name = `${program.prefix}_${path.replace('.', '_').toUpperCase()}`
  const alias = program.aliases[path]
  const set = [name, ...(alias === undefined ? [] : [alias])].flatMap((each) => {
    const value = env[each]
    return value === undefined || value === '' ? [] : [{ name: each, value }]
  })
  const [first, second] = set
  if (first !== undefined && second !== undefined && first.value !== second.value) {
    throw new ConfigError(`environment variables ${first.name} and ${second.name} differ; set one of them`)
  }
  return first
}

/** Text to the kind of its key. What can't be read stays text, so that the schema says what it expected. */
function coerce(value: unknown, kind: Kind): unknown {
  if (typeof value !== 'string') return value
  if (kind === 'number') return /^\d{1,15}$/.test(value.trim()) ? Number(value) : value
  if (kind === 'boolean') {
    const word = value.trim().toLowerCase()
    if (['true', '1', 'yes', 'on'].includes(word)) return true
    if (['false', '0', 'no', 'off'].includes(word)) return false
    return value
  }
  if (kind === 'array') return value.split(',').flatMap((item) => (item.trim() === '' ? [] : [item.trim()]))
  return value
}

function describe<Config>(
  program: Program<Config>,
  error: z.ZodError,
  sources: ReadonlyMap<string, string>,
  fileName: string,
): string {
  const [issue] = error.issues
  if (issue === undefined) return `${fileName}: not a valid configuration`
  const path = issue.path.map(String)
  const key = path.slice(0, 2).join('.')
  const where = sources.get(key) ?? fileName
  if (issue.code === 'unrecognized_keys') {
    const known = path.length === 0 ? program.keys.keys() : (program.keys.get(path.join('.'))?.keys() ?? [])
    const unknown = [...path, issue.keys[0] ?? ''].join('.').replace(/\p{C}/gu, '?').slice(0, 200)
    return `${where}: ${unknown}: unknown key, expected one of ${[...known].join(', ')}`
  }
  const message = path.length === 1 ? 'expected a section with keys' : issue.message
  return `${where}: ${path.join('.')}: ${message}`
}

function keysOf(schema: z.ZodObject): ReadonlyMap<string, ReadonlyMap<string, Kind>> {
  return new Map(
    Object.entries(schema.shape).map(([section, fields]) => {
      const { shape } = unwrap(fields) as z.ZodObject
      return [section, new Map(Object.entries(shape).map(([key, field]) => [key, kindOf(field)]))]
    }),
  )
}

function kindOf(field: z.core.$ZodType): Kind {
  const { type } = unwrap(field)._zod.def
  return type === 'number' || type === 'boolean' || type === 'array' ? type : 'string'
}

/** The type inside defaults and optionals. */
function unwrap(field: z.core.$ZodType): z.core.$ZodType {
  const { def } = field._zod as unknown as { def: { innerType?: z.core.$ZodType } }
  return def.innerType === undefined ? field : unwrap(def.innerType)
}
