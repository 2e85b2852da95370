/** Stands before a gateway and keeps all that goes in and out: requests with their heads, and every byte of the answers. */
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Channels } from './secrecy-search.ts'

export interface RecordingProxy {
  readonly url: string
  /** Bodies of posts that are packets. */
  packets(): readonly Uint8Array[]
  /** Puts everything into the channels `requests`, `responses` and `packets`. */
  search(seen: Channels): void
  close(): void
}

export async function recordingProxy(gatewayUrl: string): Promise<RecordingProxy> {
  const { hostname, port } = new URL(gatewayUrl)
  const requests: string[] = []
  const responses: string[] = []
  const bodies: string[] = []
  const server: Server = createServer((incoming, outgoing) => {
    const parts: Buffer[] = []
    incoming.on('data', (part: Buffer) => parts.push(part))
    incoming.on('end', () => {
      const body = Buffer.concat(parts)
      const { method, url: path, headers } = incoming
      requests.push([method, path, ...incoming.rawHeaders, body.toString('latin1')].join('\n'))
      bodies.push(body.toString('latin1'))
      const onwards = request({ hostname, port, method, path, headers }, (answer) => {
        const at = responses.push([answer.statusCode, ...answer.rawHeaders, ''].join('\n')) - 1
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        outgoing.flushHeaders()
        answer.on('data', (part: Buffer) => {
          responses[at] += part.toString('latin1')
          outgoing.write(part)
        })
        answer.on('end', () => outgoing.end())
        answer.on('error', () => outgoing.destroy())
      })
      onwards.on('error', () => outgoing.destroy())
      outgoing.on('close', () => onwards.destroy())
      onwards.end(body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const packets = (): readonly Uint8Array[] =>
    bodies
      .filter((b) => b.length > 40 && /^[A-Za-z0-9+/]+=*$/.test(b))
      .map((b) => new Uint8Array(Buffer.from(b, 'base64')))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    packets,
    search(seen) {
      for (const r of requests) seen.text('requests', r)
      for (const r of responses) seen.text('responses', r)
      for (const p of packets()) seen.raw('packets', p)
    },
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
