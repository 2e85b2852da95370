/**
 * The baseline: what a gateway costs when it does nothing but move messages. Bare node:http, the same three paths, one
 * prepared buffer a message to every stream, the last 100 messages of a room kept. No checks, no limits, no refusals.
 *
 *   raw-gateway.ts PORT      listens on 127.0.0.1
 */
import { Buffer } from 'node:buffer'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

interface Room {
  readonly streams: Set<ServerResponse>
  history: { readonly id: number; readonly frame: Buffer }[]
  nextId: number
  lastIndex: number
}

const HISTORY = 100
const rooms = new Map<string, Room>()

function roomOf(id: string): Room {
  const existing = rooms.get(id)
  if (existing !== undefined) return existing
  const room: Room = { streams: new Set(), history: [], nextId: 0, lastIndex: 0 }
  rooms.set(id, room)
  return room
}

function subscribe(room: Room, incoming: IncomingMessage, outgoing: ServerResponse): void {
  outgoing.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  })
  outgoing.write('retry: 1000\n\n')
  const last = Number(incoming.headers['last-event-id'] ?? -1)
  for (const { id, frame } of room.history) if (id > last) outgoing.write(frame)
  room.streams.add(outgoing)
  outgoing.on('close', () => room.streams.delete(outgoing))
}

function broadcast(room: Room, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const chunks: Buffer[] = []
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
  incoming.on('end', () => {
    const id = room.nextId++
    const head = Buffer.from(`event: new-message\nid: ${id}\ndata: `)
    const frame = Buffer.concat([head, ...chunks, Buffer.from('\n\n')])
    room.history.push({ id, frame })
    if (room.history.length > HISTORY) room.history.shift()
    for (const stream of room.streams) stream.write(frame)
    outgoing.writeHead(200, { 'content-length': 0 }).end()
  })
}

const server = createServer({ noDelay: true, keepAliveTimeout: 65_000 }, (incoming, outgoing) => {
  const [, , id = '', action] = (incoming.url ?? '').split('/')
  const room = roomOf(id)
  if (action === 'subscribe') subscribe(room, incoming, outgoing)
  else if (action === 'broadcast') broadcast(room, incoming, outgoing)
  else outgoing.end(JSON.stringify({ unique_idx: ++room.lastIndex }))
})
process.once('SIGTERM', () => {
  server.close()
  server.closeAllConnections()
})
server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 4096 })
