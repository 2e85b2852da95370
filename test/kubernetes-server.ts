/**
 * The API of Kubernetes as far as leases go, for tests: TLS, bearer tokens, GET, POST and PUT of coordination.k8s.io/v1
 * Leases, with the checks that the real one makes (versions of objects, the form of times, what an update must have).
 */
import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { AUTHORITY, SERVER_CERT, SERVER_KEY } from '../gateway/testing/certificates.ts'

export { AUTHORITY }

export interface LeaseSpec {
  readonly holderIdentity?: string
  readonly leaseDurationSeconds?: number
  readonly acquireTime?: string
  readonly renewTime?: string
  readonly leaseTransitions?: number
}
interface Stored {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: Readonly<Record<string, unknown>> & { readonly name: string; readonly resourceVersion: string }
  readonly spec: LeaseSpec
}

export interface TestCluster {
  readonly url: string
  readonly requests: readonly string[]
  lease(name: string): Stored | undefined
  /** As another client of the cluster would; the version goes up. */
  put(name: string, spec: LeaseSpec): void
  remove(name: string): void
  /** Tokens that are taken from now on. */
  tokens(...allowed: string[]): void
  /** What happens to requests from now on. */
  behave(how: 'well' | 'silent' | 'down' | 'written but not answered' | number): void
  close(): Promise<void>
}

const MICRO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/

class Refused extends Error {
  readonly status: number
  constructor(status: number, reason: string) {
    super(reason)
    this.status = status
  }
}

export async function startCluster(namespace = 'wallets'): Promise<TestCluster> {
  const leases = new Map<string, Stored>()
  const requests: string[] = []
  let allowed: readonly string[] = ['token-1']
  let how: Parameters<TestCluster['behave']>[0] = 'well'
  let version = 1000

  const store = (name: string, spec: LeaseSpec, metadata: object = {}): Stored => {
    version += 1
    const kept = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { uid: 'b1f0', ...metadata, name, namespace, resourceVersion: String(version) },
      spec,
    }
    leases.set(name, kept)
    return kept
  }
  const answer = (method: string, path: string, body: string): { readonly status: number; readonly object: object } => {
    const base = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`
    if (method === 'POST' && path === base) {
      const { metadata, spec } = checked(body, namespace)
      if (metadata.resourceVersion !== undefined) throw new Refused(400, 'resourceVersion on create')
      if (leases.has(metadata.name)) throw new Refused(409, 'AlreadyExists')
      return { status: 201, object: store(metadata.name, spec) }
    }
    const name = path.startsWith(`${base}/`) ? path.slice(base.length + 1) : undefined
    if (name === undefined) throw new Refused(403, 'Forbidden')
    const known = leases.get(name)
    if (known === undefined) throw new Refused(404, 'NotFound')
    if (method === 'GET') return { status: 200, object: known }
    if (method !== 'PUT') throw new Refused(405, 'MethodNotAllowed')
    const { metadata, spec } = checked(body, namespace)
    if (metadata.name !== name) throw new Refused(400, 'name')
    if (metadata.resourceVersion === undefined) throw new Refused(422, 'resourceVersion must be specified')
    if (metadata.resourceVersion !== known.metadata.resourceVersion) throw new Refused(409, 'Conflict')
    return { status: 200, object: store(name, spec, metadata) }
  }

  const server = createServer({ cert: SERVER_CERT, key: SERVER_KEY }, async (request, response) => {
    const { method = '', url = '', headers } = request
    const send = (status: number, object: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(object))
    }
    let body = ''
    for await (const chunk of request) body += String(chunk)
    requests.push(`${method} ${url}`)
    if (how === 'silent') return
    if (how === 'down') return void request.socket.destroy()
    try {
      if (typeof how === 'number') throw new Refused(how, 'Unknown')
      if (!allowed.some((token) => headers.authorization === `Bearer ${token}`)) throw new Refused(401, 'Unauthorized')
      const { status, object } = answer(method, url, body)
      if (how === 'written but not answered' && method !== 'GET') return void request.socket.destroy()
      send(status, object)
    } catch (e) {
      const { status, message } = e instanceof Refused ? e : new Refused(500, 'InternalError')
      send(status, { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: message, code: status })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    lease: (name) => leases.get(name),
    put: (name, spec) => void store(name, spec),
    remove: (name) => void leases.delete(name),
    tokens: (...next) => {
      allowed = next
    },
    behave: (next) => {
      how = next
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

interface Sent {
  readonly metadata: { readonly name: string; readonly resourceVersion?: string }
  readonly spec: LeaseSpec
}

function checked(body: string, namespace: string): Sent {
  const { apiVersion, kind, metadata, spec = {} } = JSON.parse(body) as Record<string, never> & Sent
  const isLease = String(apiVersion) === 'coordination.k8s.io/v1' && String(kind) === 'Lease'
  if (!isLease || typeof metadata.name !== 'string') throw new Refused(400, 'BadRequest')
  if ((metadata as { readonly namespace?: string }).namespace !== namespace) throw new Refused(400, 'namespace')
  for (const time of [spec.acquireTime, spec.renewTime]) {
    if (time !== undefined && !MICRO_TIME.test(time)) throw new Refused(400, 'time')
  }
  const { leaseDurationSeconds: seconds = 1, leaseTransitions = 0 } = spec
  if (!Number.isInteger(seconds) || seconds < 1 || !Number.isInteger(leaseTransitions) || leaseTransitions < 0) {
    throw new Refused(422, 'Invalid')
  }
  return { metadata, spec }
}
