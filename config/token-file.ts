/**
 * The token that a gateway asks for, from a file of its own (`gateway.token_file`). It is read again for every request, so
 * that whoever renews tokens only has to replace the file; a rename does that without a moment in which half of it is there.
 */
import { ConfigError } from './load.ts'
import { readKeptFile } from './secret-file.ts'

const KEY = 'gateway.token_file'
const MAX_BYTES = 8_192
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/

/** What to do about a gateway that refuses us with 401. */
export const TOKEN_HINT =
  'gateway.token_file names the file with the token for the gateway; is it there, and still good?'

/** Whether an error of the participant library says that a gateway does not know us. */
export function isUnauthorized(error: Error): boolean {
  return error.message.includes('gateway: refused with status 401')
}

export type Headers = () => Promise<Readonly<Record<string, string>>>

/**
 * What makes the headers of each request; undefined without a file. Throws ConfigError when the file can't be used now;
 * when that is so later, the request fails as if the gateway had not answered, and `onProblem` is told why.
 */
export async function openTokenFile(
  path: string | undefined,
  onProblem: (message: string) => void,
): Promise<Headers | undefined> {
  if (path === undefined) return undefined
  await readToken(path)
  return async () => {
    try {
      return { authorization: `Bearer ${await readToken(path)}` }
    } catch (error) {
      onProblem(error instanceof ConfigError ? error.message : `${KEY}: ${path}: can't be read`)
      throw error
    }
  }
}

async function readToken(path: string): Promise<string> {
  const token = (await readKeptFile(path, { key: KEY, maxBytes: MAX_BYTES })).toString('latin1').trim()
  if (!TOKEN.test(token)) throw new ConfigError(`${KEY}: ${path}: expected one token and nothing else`)
  return token
}
