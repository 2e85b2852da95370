/**
 * Reads a request body as bytes, up to a limit. A declared length above it is refused before a byte is read; a body
 * without one, or with more than it declared, is refused at the byte that goes over.
 */
import { Buffer } from 'node:buffer'
import type { IncomingMessage } from 'node:http'

/** The body, or why there is none: it is too large, or the connection ended first. */
export type Body = Buffer | 'too large' | 'incomplete'

/** Never rejects. */
export function readBody(incoming: IncomingMessage, maxBytes: number): Promise<Body> {
  if (Number(incoming.headers['content-length'] ?? 0) > maxBytes) return Promise.resolve('too large')
  // what was asked before reading may have taken longer than the client stayed
  if (incoming.destroyed) return Promise.resolve('incomplete')
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let length = 0

    const onData = (chunk: Buffer) => {
      length += chunk.length
      if (length <= maxBytes) {
        chunks.push(chunk)
        return
      }
      incoming.off('data', onData)
      incoming.pause()
      resolve('too large')
    }
    incoming.on('data', onData)
    // Whichever comes first; a promise keeps to it.
    incoming.on('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, length)))
    incoming.on('close', () => resolve('incomplete'))
    incoming.on('error', ignore) // 'close' follows
  })
}

function ignore(): void {}
