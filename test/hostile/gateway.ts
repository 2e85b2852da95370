/**
 * A gateway that lies, over real sockets and with the same interface as ours. What each subscriber is told is decided
 * for it alone, by dice that follow from the seed. It keeps a record of every byte that it was given.
 *
 * Each subscriber has an epoch of its own, so that one that comes back is known and can resume its own stream.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Dice, diceOf } from './dice.ts'
import { flipped, impersonating, invented, spliced, truncated, type Victim } from './forge.ts'
import type { Lies } from './lies.ts'

interface RoomState {
  readonly log: Buffer[]
  readonly subscribers: Subscriber[]
}

interface Subscriber {
  epoch: string
  readonly dice: Dice
  /** What it was told, at its index; ids are indices unless they are lies. */
  events: string[]
  packets: number
  stream: ServerResponse | undefined
}

export interface GatewayOptions {
  readonly seed: string
  readonly lies: Lies
  readonly victims: readonly Victim[]
  /** Packets of sessions long past. */
  readonly archive: readonly Buffer[]
}

export class LyingGateway {
  readonly #o: GatewayOptions
  readonly #server: Server
  readonly #rooms = new Map<string, RoomState>()
  readonly #timers = new Set<ReturnType<typeof setTimeout>>()
  readonly #dice: Dice
  #subscribers = 0
  #closed = false
  /** Heads and bodies of all requests. */
  readonly record: Buffer[] = []
  /** Every packet that was posted, decoded. */
  readonly packets: Buffer[] = []
  /** How often each lie was told. */
  readonly told = new Map<string, number>()

  constructor(options: GatewayOptions) {
    this.#o = options
    this.#dice = diceOf(`requests ${options.seed}`)
    this.#server = createServer((incoming, outgoing) => this.#onRequest(incoming, outgoing))
    this.#server.keepAliveTimeout = 30_000
  }

  /** Its address, once it listens. */
  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    this.#closed = true
    for (const timer of this.#timers) clearTimeout(timer)
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }

  #later(ms: number, work: () => void): void {
    if (this.#closed) return
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      work()
    }, ms)
    this.#timers.add(timer)
  }

  /** True with this probability, and then counted. */
  #lies(dice: Dice, name: keyof Lies): boolean {
    if (!dice.chance(Number(this.#o.lies[name]))) return false
    this.told.set(name, (this.told.get(name) ?? 0) + 1)
    return true
  }

  #room(id: string): RoomState {
    const room = this.#rooms.get(id) ?? { log: [], subscribers: [] }
    this.#rooms.set(id, room)
    return room
  }

  #onRequest(incoming: IncomingMessage, outgoing: ServerResponse): void {
    outgoing.on('error', () => {})
    this.record.push(Buffer.from(`${incoming.method} ${incoming.url}\n${incoming.rawHeaders.join('\n')}\n`, 'latin1'))
    const [, , id = '', action] = (incoming.url ?? '').split('/')
    if (action === 'subscribe') {
      this.#subscribe(this.#room(id), incoming, outgoing)
      return
    }
    const chunks: Buffer[] = []
    incoming.on('error', () => {})
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => this.#post(this.#room(id), Buffer.concat(chunks), outgoing))
  }

  #post(room: RoomState, body: Buffer, outgoing: ServerResponse): void {
    this.record.push(body)
    const packet = Buffer.from(body.toString('latin1'), 'base64')
    this.packets.push(packet)
    const dice = this.#dice
    if (this.#lies(dice, 'refusePost')) {
      const status = dice.pick([503, 500, 408, 429, 0]) ?? 0
      if (status === 0) outgoing.destroy()
      else outgoing.writeHead(status, { 'retry-after': '0' }).end('{"error":{"code":"no"}}')
      return
    }
    const answer = (): void => void outgoing.writeHead(200, { 'content-length': 0 }).end()
    if (this.#lies(dice, 'forget')) {
      answer()
      return
    }
    room.log.push(packet)
    for (const subscriber of room.subscribers) this.#tell(room, subscriber, packet)
    if (this.#lies(dice, 'neverAnswer')) return
    this.#later(this.#lies(dice, 'latePost') ? dice.below(300) : 0, answer)
  }

  #subscribe(room: RoomState, { headers }: IncomingMessage, outgoing: ServerResponse): void {
    const dice = this.#dice
    if (this.#lies(dice, 'badStream')) {
      this.#badStream(outgoing)
      return
    }
    const known = room.subscribers.find((s) => s.epoch === headers['room-epoch'])
    const subscriber = known ?? this.#newSubscriber(room)
    if (known !== undefined && this.#lies(dice, 'restart')) this.#restart(room, known)
    const lastId = Number(headers['last-event-id'] ?? -1)
    const from = subscriber.epoch === headers['room-epoch'] && Number.isSafeInteger(lastId) ? lastId + 1 : 0
    outgoing.writeHead(200, {
      'content-type': 'text/event-stream',
      'room-epoch': subscriber.epoch,
      'room-resumed-from': String(from),
    })
    outgoing.write('retry: 100\n\n')
    subscriber.stream?.destroy()
    subscriber.stream = outgoing
    for (const event of subscriber.events.slice(from)) outgoing.write(event)
    outgoing.on('close', () => {
      if (subscriber.stream === outgoing) subscriber.stream = undefined
    })
  }

  #badStream(outgoing: ServerResponse): void {
    switch (this.#dice.below(7)) {
      case 0:
        outgoing.writeHead(503).end('busy')
        return
      case 1:
        outgoing.writeHead(302, { location: '/rooms/elsewhere/subscribe' }).end()
        return
      case 2:
        outgoing.writeHead(200, { 'content-type': 'text/html' }).end('<h1>hello</h1>')
        return
      case 3:
        outgoing.writeHead(204).end()
        return
      case 4:
        return // never answered
      case 5:
        outgoing.writeHead(200, { 'content-type': 'text/event-stream', 'room-epoch': 'x y' })
        outgoing.write('retry: 0\nid: 5\nevent: error\ndata: {"error":1}\n\nevent: new-message\ndata\ndata:\n\n:\n\n')
        this.#later(200, () => void outgoing.destroy())
        return
      default:
        outgoing.destroy()
        return
    }
  }

  #newSubscriber(room: RoomState): Subscriber {
    const n = this.#subscribers++
    const dice = diceOf(`subscriber ${this.#o.seed} ${n}`)
    const subscriber: Subscriber = { epoch: `e${n}-0`, dice, events: [], packets: 0, stream: undefined }
    room.subscribers.push(subscriber)
    for (const packet of room.log) this.#tell(room, subscriber, packet)
    return subscriber
  }

  #restart(room: RoomState, subscriber: Subscriber): void {
    const [name, count] = subscriber.epoch.split('-')
    subscriber.epoch = `${name}-${Number(count) + 1}`
    subscriber.events = []
    for (const packet of room.log) this.#tell(room, subscriber, packet)
  }

  /** Decides what becomes of one packet for one subscriber. */
  #tell(room: RoomState, subscriber: Subscriber, packet: Buffer): void {
    const { lies, victims, archive } = this.#o
    const { dice } = subscriber
    const show = (what: Uint8Array): void => {
      const ms = lies.delayMs === 0 ? 0 : dice.below(lies.delayMs)
      this.#later(ms, () => this.#write(subscriber, Buffer.from(what).toString('base64')))
    }
    if (subscriber.packets++ >= lies.silentAfter) return
    if (this.#lies(dice, 'drop')) return
    const other = dice.pick(this.packets) ?? packet
    const spoilt: Uint8Array[] = []
    if (this.#lies(dice, 'truncate')) spoilt.push(truncated(packet, dice))
    if (this.#lies(dice, 'splice')) spoilt.push(spliced(packet, other, dice))
    if (this.#lies(dice, 'flip')) spoilt.push(flipped(packet, dice))
    if (this.#lies(dice, 'invent')) for (let i = 0; i < 3; i++) spoilt.push(invented(packet, victims, dice))
    const stranger = this.#lies(dice, 'impersonate') ? impersonating(packet, dice) : undefined
    if (stranger !== undefined) spoilt.push(stranger)
    if (this.#lies(dice, 'replay')) spoilt.push(dice.pick(dice.chance(0.5) ? archive : this.packets) ?? packet)
    if (this.#lies(dice, 'repeat')) spoilt.push(dice.pick(room.log) ?? packet)
    for (const one of spoilt) show(one)
    if (!(lies.replaces && spoilt.length > 0)) show(packet)
    if (this.#lies(dice, 'duplicate')) show(packet)
    if (this.#lies(dice, 'noise')) {
      const text = dice.pick(['', '!', '====', 'AAAA\ndata: AAAA', 'A'.repeat(9_999), dice.bytes(30).toString()]) ?? ''
      this.#later(dice.below(50), () => this.#write(subscriber, text))
    }
    // a restart takes effect when the cut reader comes back
    if (this.#lies(dice, 'cut')) this.#later(dice.below(100), () => void subscriber.stream?.destroy())
  }

  #write(subscriber: Subscriber, text: string): void {
    const { dice, events } = subscriber
    let id = `id: ${events.length}\n`
    if (this.#lies(dice, 'lieAboutIds')) {
      const lie = dice.pick(['', '-1', '1e3', '99999999999999999999', String(events.length + 50), '0', 'x']) ?? ''
      id = lie === '' ? '' : `id: ${lie}\n`
    }
    const event = `${id}event: new-message\ndata: ${text}\n\n`
    events.push(event)
    subscriber.stream?.write(event)
  }
}
