/**
 * One connection to Redis, and all that the gateway asks of a client library: run a script, ask about the server, listen to
 * a channel, and say when the connection is over. Only this file knows @redis/client.
 *
 * A connection lives once: it never reconnects, queues nothing while it is down, and sends nothing twice. So whatever was
 * asked on it was asked of one Redis process, and a question without an answer is known as such (link.ts makes the next
 * connection). Messages of channels come over the same socket as answers, in one order, unless `listensApart`.
 */
import { Buffer } from 'node:buffer'
import { createClient, RESP_TYPES } from '@redis/client'
import type { Script } from './script.ts'

export interface ConnectionOptions {
  readonly host: string
  readonly port: number
  readonly database: number
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** TLS, with these authorities instead of the system's when given. */
  readonly tls?: { readonly ca?: Buffer | undefined } | undefined
  /** Until the connection is ready to be asked. */
  readonly connectTimeoutMs: number
  /**
   * Channels on a socket of their own. A cluster ends subscriptions by itself when a slot moves, and the library may then
   * take that for the answer to a command; so only commands about channels may be on that socket. The two live and end as one.
   */
  readonly listensApart?: boolean
}

export type Reply = Buffer | string | number | null | readonly Reply[]

export interface Connection {
  run(script: Script, keys: readonly string[], args: readonly (string | Buffer)[]): Promise<Reply>
  /** Resolves when all of the connection has given a sign of life. */
  ping(): Promise<void>
  /** The answer as it is, but texts as text. */
  query(...command: readonly string[]): Promise<Reply>
  /** The answer as text, the items of a list with commas between. */
  ask(...command: readonly string[]): Promise<string>
  /** To channels of one slot. The value ends it again. */
  subscribe(channels: readonly string[], listener: (message: Buffer) => void): Promise<() => Promise<void>>
  /** Ends it now. What waits for an answer is rejected. */
  close(): void
}

/** Text of the answer that Redis gives to a script it does not know by its hash. */
const NO_SCRIPT = /^NOSCRIPT/

/** Rejects with the library's or the system's error. `onLost` is called once, for any end but `close`. */
export async function connect(options: ConnectionOptions, onLost: () => void): Promise<Connection> {
  const client = makeClient(options)
  const channels = options.listensApart === true ? makeClient(options) : client
  const clients = new Set([client, channels])
  let isOpen = false
  const end = () => {
    for (const each of clients) each.destroy()
  }
  const lost = () => {
    if (!isOpen) return
    isOpen = false
    end()
    onLost()
  }
  for (const each of clients) each.on('error', lost).on('end', lost)

  // The library's own limit ends with the TCP connection, which a server that hangs accepts as well.
  const deadline = setTimeout(end, options.connectTimeoutMs)
  try {
    await Promise.all([...clients].map((each) => each.connect()))
  } catch (error) {
    end()
    throw error
  } finally {
    clearTimeout(deadline)
  }
  isOpen = true

  const raw = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } }
  const flat = { typeMapping: { [RESP_TYPES.MAP]: Array } }
  const evaluate = (command: string, name: string, keys: readonly string[], args: readonly (string | Buffer)[]) =>
    client.sendCommand<Reply>([command, name, String(keys.length), ...keys, ...args], raw)
  return {
    run: (script, keys, args) =>
      evaluate('EVALSHA', script.sha1, keys, args).catch((error: unknown) => {
        if (!(error instanceof Error) || !NO_SCRIPT.test(error.message)) throw error
        return evaluate('EVAL', script.source, keys, args)
      }),
    ping: async () => {
      await Promise.all([...clients].map((each) => each.sendCommand(['PING'])))
    },
    query: (...command) => client.sendCommand<Reply>(command),
    ask: async (...command) => String(await client.sendCommand<Reply>(command, flat)),
    subscribe: async (names, listener) => {
      // A function of its own: the library would take the same one twice as one, and drop both at once.
      const own = (message: Buffer) => listener(message)
      await channels.sSubscribe([...names], own, true)
      return async () => {
        if (isOpen) await channels.sUnsubscribe([...names], own, true)
      }
    },
    close: () => {
      isOpen = false
      end()
    },
  }
}

function makeClient({ host, port, database, username, password, tls, connectTimeoutMs }: ConnectionOptions) {
  const socket = { host, port, connectTimeout: connectTimeoutMs, reconnectStrategy: false as const, noDelay: true }
  return createClient({
    RESP: 3,
    socket: tls === undefined ? socket : { ...socket, tls: true, ...(tls.ca && { ca: tls.ca }) },
    database,
    name: 'sign-gateway',
    disableOfflineQueue: true,
    maintNotifications: 'disabled',
    // The library's own limit is a timer for each command; link.ts watches the connection as a whole.
    commandOptions: { timeout: 0 },
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  })
}
