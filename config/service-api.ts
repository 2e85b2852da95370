/** The sections of sign-service that open ports: `api`, and `metrics`. Off unless they are turned on. */
import { z } from 'zod'
import { addressRange, boolean, integer, listOf, oneOf, text } from './fields.ts'
import { isHmac, isLoopback, JWT_ALGORITHMS, type Problem } from './gateway-auth.ts'

const YEAR_SECONDS = 31_536_000
const fileName = () => text('a file name').optional()

export const API_AUTH = ['none', 'mtls', 'jwt', 'mtls+jwt'] as const

export const apiSection = () =>
  z
    .strictObject({
      enabled: boolean().default(false),
      auth: oneOf(API_AUTH).default('none'),
      cert_file: fileName(),
      key_file: fileName(),
      client_ca_file: fileName(),
      client_names: listOf(text('a common name', 128), 'common names').optional(),
      jwt_algorithms: listOf(oneOf(JWT_ALGORITHMS), 'algorithms').default(['EdDSA', 'ES256']),
      jwt_issuer: text('the issuer of the tokens').optional(),
      jwt_audience: text('the audience of the tokens').optional(),
      jwt_max_lifetime_seconds: integer(1, YEAR_SECONDS).default(3600),
      jwks_file: fileName(),
      jwks_url: text('an https address')
        .refine((value) => /^https:\/\/[^\s\\#]+$/i.test(value) && URL.canParse(value), {
          error: 'expected an https address',
        })
        .optional(),
      clock_tolerance_seconds: integer(0, 60).default(5),
      allowed_addresses: listOf(addressRange(), 'addresses and networks').optional(),
      create_accounts: boolean().default(false),
      body_bytes: integer(1024, 64 * 1024 * 1024).default(4 * 1024 * 1024),
      connections: integer(1, 100_000).default(256),
      sessions_per_caller: integer(1, 100_000).default(32),
      requests_per_second: integer(1, 1_000_000).default(200),
      request_burst: integer(1, 10_000_000).default(400),
      account_requests_per_second: integer(1, 1_000_000).default(100),
      account_request_burst: integer(1, 10_000_000).default(200),
      wait_seconds: integer(1, 20).default(10),
    })
    .prefault({})

export const serviceMetricsSection = () =>
  z
    .strictObject({
      enabled: boolean().default(false),
      host: text('a host name or address', 255).default('127.0.0.1'),
      port: integer(0, 65535).default(9465),
    })
    .prefault({})

export type ApiSection = z.output<ReturnType<typeof apiSection>>

/** Checks that involve several keys; the path names the one to change. */
export function apiProblems(host: string, api: ApiSection): readonly Problem[] {
  if (!api.enabled) return []
  const problems: Problem[] = []
  const problem = (key: keyof ApiSection, message: string) => problems.push({ path: ['api', key], message })
  const [mtls, jwt] = [api.auth.includes('mtls'), api.auth.includes('jwt')]
  if (api.auth === 'none' && !isLoopback(host)) {
    problem('auth', 'expected mtls, jwt or mtls+jwt, because server.host is not a loopback address')
  }
  if ((api.cert_file === undefined) !== (api.key_file === undefined)) {
    problem(api.cert_file === undefined ? 'cert_file' : 'key_file', 'expected both certificate and key, or none')
  }
  if (api.cert_file === undefined && (mtls || !isLoopback(host))) {
    problem('cert_file', mtls ? 'expected a file name with mtls' : 'expected a file name beyond loopback addresses')
  }
  if (mtls !== (api.client_ca_file !== undefined)) {
    problem('client_ca_file', mtls ? 'expected a file name with mtls' : 'expected only with mtls')
  }
  if (!mtls && api.client_names !== undefined) problem('client_names', 'expected only with mtls')
  if (jwt) {
    for (const key of ['jwt_issuer', 'jwt_audience'] as const) {
      if (api[key] === undefined) problem(key, 'expected with jwt')
    }
    if ((api.jwks_file === undefined) === (api.jwks_url === undefined)) {
      problem('jwks_file', 'expected either api.jwks_file or api.jwks_url')
    }
    const hmac = api.jwt_algorithms.filter(isHmac)
    const isMixed = hmac.length > 0 && hmac.length < api.jwt_algorithms.length
    if (isMixed || api.jwt_algorithms.length === 0) {
      problem('jwt_algorithms', 'expected HMAC algorithms or public-key ones, at least one and never both')
    }
    if (hmac.length > 0 && api.jwks_url !== undefined) {
      problem('jwks_url', 'expected api.jwks_file for HMAC algorithms: secrets are not fetched')
    }
  } else {
    for (const key of ['jwt_issuer', 'jwt_audience', 'jwks_file', 'jwks_url'] as const) {
      if (api[key] !== undefined) problem(key, 'expected only with jwt')
    }
  }
  return problems
}
