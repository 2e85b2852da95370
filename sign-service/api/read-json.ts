/** Reads a JSON body up to a limit; what is declared as longer is refused before a byte is read. */
import { Buffer, isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { ApiError } from './errors.ts'

/** Throws ApiError. */
export async function readJson(incoming: IncomingMessage, maxBytes: number): Promise<unknown> {
  const type = incoming.headers['content-type'] ?? ''
  if (!/^application\/json\s*(;\s*charset=utf-8\s*)?$/i.test(type)) {
    throw new ApiError('UNSUPPORTED_MEDIA_TYPE', 'content-type: expected application/json')
  }
  if (incoming.headers['content-encoding'] !== undefined) {
    throw new ApiError('UNSUPPORTED_MEDIA_TYPE', 'content-encoding: expected none')
  }
  const bytes = await readBytes(incoming, maxBytes)
  if (!isUtf8(bytes)) throw new ApiError('INVALID_REQUEST', 'body: expected JSON in UTF-8')
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown
  } catch {
    throw new ApiError('INVALID_REQUEST', 'body: expected JSON in UTF-8')
  }
}

function readBytes(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const tooLarge = (): ApiError =>
    new ApiError('BODY_TOO_LARGE', `body: expected at most ${maxBytes} bytes`, { headers: { connection: 'close' } })
  if (Number(incoming.headers['content-length'] ?? 0) > maxBytes) return Promise.reject(tooLarge())
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    const end = (settle: () => void): void => {
      incoming.off('data', onData)
      incoming.off('end', onEnd)
      incoming.off('close', onClose)
      settle()
    }
    const onData = (chunk: Buffer): void => {
      length += chunk.length
      if (length > maxBytes) {
        incoming.pause()
        end(() => reject(tooLarge()))
      } else chunks.push(chunk)
    }
    const onEnd = (): void => end(() => resolve(Buffer.concat(chunks, length)))
    const onClose = (): void => end(() => reject(new ApiError('INVALID_REQUEST', 'body: ended early')))
    incoming.on('data', onData)
    incoming.on('end', onEnd)
    incoming.on('close', onClose)
    incoming.on('error', () => {}) // 'close' follows
  })
}
