/**
 * Leases over the API of Kubernetes: get, create, update, with the credentials that a pod finds in a folder. Token and
 * authority are read for every request, since the cluster renews them. Of what it answers only the status is told on.
 */
import type { Buffer } from 'node:buffer'
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import { ConfigError } from '../../config/load.ts'
import type { ServiceConfig } from '../../config/schema.ts'
import { readKeptFile } from '../../config/secret-file.ts'
import { type LeaseRecord, parseLease } from './record.ts'

export type Answer =
  | { readonly is: 'lease'; readonly lease: LeaseRecord }
  | { readonly is: 'missing' }
  /** Somebody was faster: the object is another one by now. */
  | { readonly is: 'conflict' }
  | Failed

export interface Failed {
  readonly is: 'failed'
  readonly why: string
  /** Asking again will not help. */
  readonly isFinal: boolean
}

export interface LeaseApi {
  readonly name: string
  readonly namespace: string
  get(): Promise<Answer>
  create(lease: object): Promise<Answer>
  update(lease: object): Promise<Answer>
}

const MAX_FILE_BYTES = 1_048_576
const MAX_ANSWER_BYTES = 1_048_576
const TOKEN = /^[A-Za-z0-9._~+/-]+=*$/
/** Unauthenticated, not allowed, or an object that is never taken. */
const FINAL: ReadonlySet<number> = new Set([400, 401, 403, 405, 422])

/** Reads all that is needed once, to throw ConfigError for what can't be used. */
export async function openLeaseApi(
  { lease }: Pick<ServiceConfig, 'lease'>,
  env: Readonly<Record<string, string | undefined>>,
): Promise<LeaseApi> {
  const { name, credentials_folder: folder } = lease
  const base = lease.api_url ?? inCluster(env)
  const namespace = lease.namespace ?? (await readNamespace(folder))
  await credentials(folder)
  const collection = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`
  const timeoutMs = 1000 * Math.min(5, lease.renew_seconds)
  const ask = async (method: 'GET' | 'POST' | 'PUT', path: string, body?: object): Promise<Answer> => {
    let reply: Reply
    try {
      reply = await send(new URL(path, base), { method, body, timeoutMs, ...(await credentials(folder)) })
    } catch (e) {
      const why = e instanceof ConfigError ? e.message : `no answer (${(e as NodeJS.ErrnoException).code ?? 'failed'})`
      return { is: 'failed', why, isFinal: false }
    }
    return understood(reply, name, method)
  }
  return {
    name,
    namespace,
    get: () => ask('GET', `${collection}/${name}`),
    create: (object) => ask('POST', collection, object),
    update: (object) => ask('PUT', `${collection}/${name}`, object),
  }
}

function understood({ status, text }: Reply, name: string, method: string): Answer {
  if (status === 404) {
    return method === 'POST' ? { is: 'failed', why: 'no such namespace', isFinal: true } : { is: 'missing' }
  }
  if (status === 409) return { is: 'conflict' }
  if (status !== 200 && status !== 201) {
    return { is: 'failed', why: `refused with status ${status}`, isFinal: FINAL.has(status) }
  }
  const lease = parseLease(jsonOf(text), name)
  return lease === undefined
    ? { is: 'failed', why: 'answered with something that is no lease of this name', isFinal: false }
    : { is: 'lease', lease }
}

function inCluster(env: Readonly<Record<string, string | undefined>>): string {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = env
  const url = `https://${host?.includes(':') ? `[${host}]` : host}:${port}`
  if (host === undefined || host === '' || !/^\d{1,5}$/.test(port) || !URL.canParse(url)) {
    throw new ConfigError('lease.api_url: expected, because this is no pod (KUBERNETES_SERVICE_HOST is not set)')
  }
  return url
}

async function readNamespace(folder: string): Promise<string> {
  const path = join(folder, 'namespace')
  const read = await readKeptFile(path, { key: 'lease.credentials_folder', maxBytes: 1024, secret: false })
  const namespace = read.toString('utf8').trim()
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(namespace)) {
    throw new ConfigError(`lease.credentials_folder: ${path}: expected the name of a namespace`)
  }
  return namespace
}

interface Credentials {
  readonly token: string
  readonly ca: Buffer
}

/** The token's mode is the cluster's: in a pod with an fsGroup, its group may read it. */
async function credentials(folder: string): Promise<Credentials> {
  const read = (name: string) =>
    readKeptFile(join(folder, name), { key: 'lease.credentials_folder', maxBytes: MAX_FILE_BYTES, secret: false })
  const token = (await read('token')).toString('latin1').trim()
  if (!TOKEN.test(token)) {
    throw new ConfigError(`lease.credentials_folder: ${join(folder, 'token')}: expected one token and nothing else`)
  }
  return { token, ca: await read('ca.crt') }
}

interface Reply {
  readonly status: number
  readonly text: string
}

interface Sending extends Credentials {
  readonly method: string
  readonly body: object | undefined
  readonly timeoutMs: number
}

/** One request on a connection of its own. Rejects when there is no whole answer in time. */
function send(url: URL, { method, body, token, ca, timeoutMs }: Sending): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const content = body === undefined ? undefined : JSON.stringify(body)
    const request = httpsRequest(
      url,
      {
        method,
        ca,
        agent: false,
        minVersion: 'TLSv1.2',
        signal: AbortSignal.timeout(timeoutMs),
        headers: {
          accept: 'application/json',
          authorization: `Bearer ${token}`,
          'user-agent': 'wallet-mpc-sign-service',
          ...(content === undefined ? {} : { 'content-type': 'application/json' }),
        },
      },
      (response) => {
        const chunks: Buffer[] = []
        let length = 0
        response.on('data', (chunk: Buffer) => {
          length += chunk.length
          if (length > MAX_ANSWER_BYTES) request.destroy(new Error('too long'))
          else chunks.push(chunk)
        })
        response.on('error', reject)
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text: chunks.map(String).join('') }))
      },
    )
    request.on('error', reject)
    request.end(content)
  })
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
