/** Reads the policy file. Every mistake is one line: file, line, the field in question, and what was expected of it. */
import { readFile, stat } from 'node:fs/promises'
import { type Document, isNode, LineCounter, parseDocument } from 'yaml'
import type { z } from 'zod'
import { ConfigError } from '../../config/load.ts'
import { type PolicyFile, policySchema } from './schema.ts'

const MAX_FILE_BYTES = 1_048_576
/** Far deeper than a policy is: the parser recurses. */
const MAX_DEPTH = 32

/** Throws ConfigError. */
export async function readPolicyFile(path: string): Promise<PolicyFile> {
  let source: string
  try {
    const { size } = await stat(path)
    if (size > MAX_FILE_BYTES) throw new ConfigError(`${path}: larger than ${MAX_FILE_BYTES} bytes`)
    source = await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof ConfigError) throw error
    const { code } = error as NodeJS.ErrnoException
    throw new ConfigError(
      `${path}: ${code === 'ENOENT' ? 'no such file' : `can't be read (${code ?? 'unknown error'})`}`,
    )
  }
  return parsePolicy(source, path)
}

/** `name` is the file's, for messages. Throws ConfigError. */
export function parsePolicy(source: string, name: string): PolicyFile {
  if (isDeep(source)) throw new ConfigError(`${name}: expected rules, nested no deeper`)
  const lines = new LineCounter()
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false })
  const [problem] = document.errors
  if (problem !== undefined) {
    const code = problem.code.toLowerCase().replaceAll('_', ' ')
    throw new ConfigError(`${name}: line ${lines.linePos(problem.pos[0]).line}: not valid YAML (${code})`)
  }
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: 100 })
  } catch {
    throw new ConfigError(`${name}: not valid YAML (aliases can't be resolved)`)
  }
  const result = policySchema.safeParse(value)
  if (result.success) return result.data
  const { path, message } = problemOf(result.error.issues)
  const line = lineOf(document, lines, path)
  const field = path.length === 0 ? '' : `${fieldText(path)}: `
  throw new ConfigError(`${name}: ${line === undefined ? '' : `line ${line}: `}${field}${message}`)
}

/** Brackets, or an indentation, that no policy has. */
function isDeep(source: string): boolean {
  let depth = 0
  let deepest = 0
  for (const c of source) {
    if (c === '[' || c === '{') deepest = Math.max(deepest, ++depth)
    else if (c === ']' || c === '}') depth--
  }
  return deepest > MAX_DEPTH || /^[ \t?:-]{64}/m.test(source)
}

type Path = readonly PropertyKey[]
interface Problem {
  readonly path: Path
  readonly message: string
}

/** The first problem; of what may be of two forms, that of the form it came nearest to. */
function problemOf(issues: readonly z.core.$ZodIssue[]): Problem {
  const [issue] = issues
  if (issue === undefined) return { path: [], message: 'not a valid policy' }
  if (issue.code === 'unrecognized_keys') {
    const key = String(issue.keys[0]).replace(/\p{C}/gu, '?').slice(0, 100)
    return { path: [...issue.path, key], message: 'unknown key' }
  }
  if (issue.code === 'invalid_key') return { path: issue.path, message: problemOf(issue.issues).message }
  if (issue.code === 'invalid_type' && issue.expected === 'object') {
    return { path: issue.path, message: 'expected keys with values' }
  }
  if (issue.code !== 'invalid_union') return { path: issue.path, message: issue.message }
  const inner = issue.errors.map(problemOf).sort((a, b) => b.path.length - a.path.length)[0]
  if (inner === undefined || inner.path.length === 0) return { path: issue.path, message: issue.message }
  return { path: [...issue.path, ...inner.path], message: inner.message }
}

/** The line of the field, or of the nearest thing around it that is there. */
function lineOf(document: Document, lines: LineCounter, path: Path): number | undefined {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true)
    if (isNode(node) && node.range != null) return lines.linePos(node.range[0]).line
  }
  return undefined
}

/** `rules[2].destinations.deny[0]` */
function fieldText(path: Path): string {
  return path
    .map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i === 0 ? '' : '.'}${String(key)}`))
    .join('')
    .replace(/\p{C}/gu, '?')
}
