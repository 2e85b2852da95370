/** What the tests of this folder share: an issuer with keys of its own, secret files, and requests to be judged. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'

export const ISSUER = 'https://login.example'
export const AUDIENCE = 'sign-gateway'

const folder = mkdtempSync(join(tmpdir(), 'gateway-auth-'))
after(() => rmSync(folder, { recursive: true }))

let files = 0
export function secretFile(content: string, mode = 0o600, name = `file-${files++}`): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  chmodSync(path, mode)
  return path
}

export interface Issuer {
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
  readonly publicJwk: JWK
  readonly keySet: string
  /** A token with these claims over the usual ones; `undefined` leaves one out. */
  token(claims?: Record<string, unknown>, header?: { alg?: string; kid?: string }): Promise<string>
}

export async function makeIssuer(kid = 'k1', alg = 'ES256'): Promise<Issuer> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const publicJwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' }
  return {
    privateKey,
    publicKey,
    publicJwk,
    keySet: JSON.stringify({ keys: [publicJwk] }),
    token: (claims, header) => new SignJWT(usual(claims)).setProtectedHeader({ alg, kid, ...header }).sign(privateKey),
  }
}

export const seconds = (fromNow = 0): number => Math.floor(Date.now() / 1000) + fromNow

/** Claims that a gateway takes, with these changed. */
export function usual(claims: Record<string, unknown> = {}): JWTPayload {
  const all = {
    iss: ISSUER,
    aud: AUDIENCE,
    sub: 'alice',
    iat: seconds(),
    exp: seconds(600),
    rooms: ['*'],
    rights: ['subscribe', 'publish', 'index'],
    ...claims,
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

/** As much of a request as judging it looks at. */
export function request(token?: string, url = '/rooms/r/subscribe'): IncomingMessage {
  const rawHeaders = token === undefined ? [] : ['Authorization', `Bearer ${token}`]
  return { url, rawHeaders, headers: {}, socket: { remoteAddress: '192.0.2.1' } } as unknown as IncomingMessage
}
