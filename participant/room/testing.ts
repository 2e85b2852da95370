/** A gateway that misbehaves as it is told, for tests of the room that meets it. No gateway code of ours is in it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { toBase64, utf8ToBytes } from '../base/bytes.ts'
import { connectGateway, type Gateway, type GatewayOptions, type Room, type RoomEvent } from './gateway.ts'

export const TIMING = { idleMs: 400, attemptMs: 300, pauseMinMs: 10, pauseMaxMs: 40, confirmMs: 100 }

/** A test that waits for what never comes fails instead of hanging. */
export const LIMIT = { timeout: 8_000 }

export type Answer = (response: ServerResponse, request: IncomingMessage, body: string) => void

export interface Hostile {
  readonly gateway: Gateway
  readonly events: readonly RoomEvent[]
  readonly url: string
  /** One entry for each request: method, path and the headers that matter. */
  readonly seen: readonly {
    method: string
    path: string
    lastId: string | undefined
    epoch: string | undefined
    key: string | undefined
    body: string
  }[]
  readonly openStreams: () => number
}

/** Answers subscriptions with the n-th of the list (the last repeats), posts with `onPost`. */
export async function hostile(
  t: TestContext,
  streams: readonly Answer[],
  onPost: Answer = (r) => r.writeHead(200).end(),
  options: Partial<GatewayOptions> = {},
): Promise<Hostile> {
  const seen: Hostile['seen'][number][] = []
  const events: RoomEvent[] = []
  let subscriptions = 0
  let open = 0
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      const { 'last-event-id': lastId, 'room-epoch': epoch, 'idempotency-key': key } = request.headers
      const path = request.url ?? ''
      seen.push({
        method: request.method ?? '',
        path,
        lastId: lastId as string | undefined,
        epoch: epoch as string | undefined,
        key: key as string | undefined,
        body,
      })
      if (request.method === 'POST') return onPost(response, request, body)
      open++
      response.on('close', () => open--)
      const answer = streams[Math.min(subscriptions++, streams.length - 1)] as Answer
      answer(response, request, body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const connected = connectGateway({ url, timing: TIMING, trace: (e) => events.push(e), ...options })
  // a test that fails leaves no room open
  const gateway: Gateway = {
    ...connected,
    openRoom(id, o) {
      const room = connected.openRoom(id, o)
      t.after(() => room.close())
      return room
    },
  }
  return { gateway, events, seen, url, openStreams: () => open }
}

export function head(response: ServerResponse, headers: Record<string, string> = {}): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', ...headers })
  response.flushHeaders()
}

export const packet = (text: string): Uint8Array => utf8ToBytes(text)
export const event = (id: number | string, text: string): string =>
  `event: new-message\nid: ${id}\ndata: ${toBase64(packet(text))}\n\n`
export const refuse =
  (status: number, body = ''): Answer =>
  (r) =>
    void r.writeHead(status).end(body)
export const stream =
  (text: string, headers: Record<string, string> = {}): Answer =>
  (r) => {
    head(r, headers)
    r.write(text)
  }
export const cut =
  (text: string, headers: Record<string, string> = {}): Answer =>
  (r) => {
    head(r, headers)
    r.write(text, () => setTimeout(() => r.destroy(), 5))
  }

/** Everything that a subscriber gets. */
export function listen(room: Room): { readonly got: string[]; readonly closed: Error[] } {
  const got: string[] = []
  const closed: Error[] = []
  room.subscribe(
    (p) => got.push(new TextDecoder().decode(p)),
    (e) => closed.push(e),
  )
  return { got, closed }
}

export async function until(condition: () => boolean, what: string): Promise<void> {
  const end = Date.now() + 5000
  while (!condition()) {
    if (Date.now() > end) throw new Error(`timed out: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
export const pauseMs = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
