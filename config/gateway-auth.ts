/**
 * The sections of sign-gateway that say who may come in: `auth` and `tls`, and the checks that involve several keys.
 *
 * What is contradictory is an error rather than a guess: a token file that no mode uses means that somebody believes the
 * gateway to be closed.
 */
import { z } from 'zod'
import { boolean, integer, listOf, oneOf, text } from './fields.ts'

/** No `none`; HMAC never together with the others, so that a public key can't be taken for a secret. */
export const JWT_ALGORITHMS = [
  'EdDSA',
  'Ed25519',
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
  'RS256',
  'RS384',
  'RS512',
  'HS256',
  'HS384',
  'HS512',
] as const

export const isHmac = (algorithm: string): boolean => algorithm.startsWith('HS')

const YEAR_SECONDS = 31_536_000
const fileName = () => text('a file name').optional()

export const authSection = () =>
  z
    .strictObject({
      mode: oneOf(['open', 'token', 'jwt']).default('open'),
      open_to_everyone: boolean().default(false),
      token_file: fileName(),
      jwt_algorithms: listOf(oneOf(JWT_ALGORITHMS), 'algorithms').default(['EdDSA', 'ES256']),
      jwt_issuer: text('the issuer of the tokens').optional(),
      jwt_audience: text('the audience of the tokens').optional(),
      jwt_max_lifetime_seconds: integer(1, YEAR_SECONDS).default(3600),
      jwks_file: fileName(),
      jwks_url: text('an https address')
        .refine(isHttpsUrl, { error: 'expected an https address without user, password or fragment' })
        .optional(),
      clock_tolerance_seconds: integer(0, 60).default(5),
      room_secret_file: fileName(),
      room_token_seconds: integer(1, YEAR_SECONDS).default(3600),
    })
    .prefault({})

export const tlsSection = () =>
  z
    .strictObject({
      cert_file: fileName(),
      key_file: fileName(),
      min_version: oneOf(['1.2', '1.3']).default('1.2'),
      client_ca_file: fileName(),
    })
    .prefault({})

function isHttpsUrl(value: string): boolean {
  if (!/^https:\/\//i.test(value) || /[\s\\#]/.test(value) || !URL.canParse(value)) return false
  const url = new URL(value)
  return url.username === '' && url.password === ''
}

/** Whether only processes of this machine can reach a server on this address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

export interface Admission {
  readonly server: { readonly host: string }
  readonly auth: z.output<ReturnType<typeof authSection>>
  readonly tls: z.output<ReturnType<typeof tlsSection>>
}

export interface Problem {
  readonly path: string[]
  readonly message: string
}

/** Checks that involve several keys; the path names the one to change. */
export function admissionProblems({ server, auth, tls }: Admission): readonly Problem[] {
  const problems: Problem[] = []
  const problem = (path: string, message: string) => problems.push({ path: path.split('.'), message })
  const { mode } = auth
  if (mode === 'open' && !isLoopback(server.host) && !auth.open_to_everyone) {
    const unless = 'or auth.open_to_everyone: true if everyone who can reach this address is to be let in'
    problem('auth.mode', `expected token or jwt, because server.host is not a loopback address; ${unless}`)
  }
  if (mode === 'token' && auth.token_file === undefined) {
    problem('auth.token_file', 'expected a file name with auth.mode: token')
  }
  if (mode === 'jwt') {
    for (const key of ['jwt_issuer', 'jwt_audience'] as const) {
      if (auth[key] === undefined) problem(`auth.${key}`, 'expected with auth.mode: jwt')
    }
    const isFile = auth.jwks_file !== undefined
    if (isFile === (auth.jwks_url !== undefined)) {
      problem(`auth.${isFile ? 'jwks_url' : 'jwks_file'}`, 'expected either auth.jwks_file or auth.jwks_url')
    }
    const hmac = auth.jwt_algorithms.filter(isHmac)
    if (auth.jwt_algorithms.length === 0) problem('auth.jwt_algorithms', 'expected at least one algorithm')
    if (hmac.length > 0 && hmac.length < auth.jwt_algorithms.length) {
      problem('auth.jwt_algorithms', 'expected HMAC algorithms or public-key ones, never both')
    }
    if (hmac.length > 0 && auth.jwks_url !== undefined) {
      problem('auth.jwks_url', 'expected auth.jwks_file for HMAC algorithms: secrets are not fetched')
    }
  }
  for (const [key, needs] of USED_BY) {
    if (mode !== needs && auth[key] !== undefined) problem(`auth.${key}`, `expected only with auth.mode: ${needs}`)
  }
  if ((tls.cert_file === undefined) !== (tls.key_file === undefined)) {
    problem(
      `tls.${tls.cert_file === undefined ? 'cert_file' : 'key_file'}`,
      'expected both certificate and key, or none',
    )
  }
  if (tls.client_ca_file !== undefined && tls.cert_file === undefined) {
    problem('tls.client_ca_file', 'expected only with tls.cert_file and tls.key_file')
  }
  return problems
}

/** Keys that say nothing in another mode than this one. */
const USED_BY = [
  ['token_file', 'token'],
  ['jwt_issuer', 'jwt'],
  ['jwt_audience', 'jwt'],
  ['jwks_file', 'jwt'],
  ['jwks_url', 'jwt'],
] as const
