/** A proxy in front of the gateway that passes everything on and counts the bytes of all bodies, in both directions. */
import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Counting {
  readonly port: number
  /** Bytes of all requests' bodies and of all answers' so far. */
  counts(): { readonly posted: number; readonly streamed: number }
  stop(): Promise<void>
}

export async function countingProxy(to: number): Promise<Counting> {
  const counts = { posted: 0, streamed: 0 }
  const count = (message: IncomingMessage, as: keyof typeof counts): void => {
    message.on('data', (chunk: Uint8Array) => {
      counts[as] += chunk.length
    })
  }
  const server = createServer((incoming, outgoing) => {
    const { method, url, headers } = incoming
    const onward = request({ host: '127.0.0.1', port: to, method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      outgoing.flushHeaders()
      count(answer, 'streamed')
      answer.pipe(outgoing)
      // either side may hang up on the other
      answer.on('error', () => outgoing.destroy())
      outgoing.on('close', () => answer.destroy())
    })
    onward.on('error', () => outgoing.destroy())
    outgoing.on('close', () => onward.destroy())
    count(incoming, 'posted')
    incoming.pipe(onward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    counts: () => ({ ...counts }),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
