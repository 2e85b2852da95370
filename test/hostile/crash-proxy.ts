/**
 * Between the programs and their gateway: passes everything on, counts the messages that are posted, and strikes at the
 * n-th, just before it reaches the gateway or just after the gateway has taken it and before its sender is told.
 */
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Strike {
  /** Counts from 1. */
  readonly message: number
  readonly when: 'before' | 'after'
  /** Resolves when the victim is dead. */
  readonly kill: () => Promise<void>
}

export class CrashProxy {
  readonly #server: Server
  readonly #target: number
  #strike: Strike | undefined
  #count = 0
  #struck: (() => void) | undefined
  /** What is posted again, because it was slow to come back, is no other message. */
  readonly #seen = new Set<string>()
  /** Every packet that was posted, once. */
  readonly packets: Buffer[] = []

  constructor(targetPort: number) {
    this.#target = targetPort
    this.#server = createServer((incoming, outgoing) => {
      incoming.on('error', () => {})
      outgoing.on('error', () => {})
      if (incoming.method === 'POST') void this.#post(incoming, outgoing)
      else this.#pass(incoming, outgoing, undefined, () => undefined)
    })
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }

  /** Messages since the last `arm` or `disarm`. */
  get count(): number {
    return this.#count
  }

  /** Counts from now. Resolves when the blow has fallen. */
  arm(strike: Strike): Promise<void> {
    this.#count = 0
    this.#strike = strike
    return new Promise((resolve) => {
      this.#struck = resolve
    })
  }

  disarm(): void {
    this.#count = 0
    this.#strike = undefined
  }

  async #post(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const text = body.toString('latin1')
    const isNew = !this.#seen.has(text)
    if (isNew) {
      this.#seen.add(text)
      this.packets.push(Buffer.from(text, 'base64'))
      this.#count++
    }
    const strike = isNew && this.#strike?.message === this.#count ? this.#strike : undefined
    if (strike === undefined) return this.#pass(incoming, outgoing, body, () => undefined)
    this.#strike = undefined
    const blow = async (): Promise<void> => {
      await strike.kill()
      this.#struck?.()
    }
    if (strike.when === 'before') await blow()
    this.#pass(incoming, outgoing, body, strike.when === 'after' ? blow : () => undefined)
  }

  /** `taken` is called when the gateway has answered. */
  #pass(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    body: Buffer | undefined,
    taken: () => Promise<void> | undefined,
  ): void {
    const { method, url, headers } = incoming
    const onward = request({ host: '127.0.0.1', port: this.#target, method, path: url, headers, agent: false })
    onward.on('error', () => outgoing.destroy())
    onward.on('response', async (answer) => {
      answer.on('error', () => outgoing.destroy())
      answer.on('close', () => {
        if (!answer.complete) outgoing.destroy()
      })
      await taken()
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      outgoing.flushHeaders()
      answer.pipe(outgoing)
    })
    outgoing.on('close', () => onward.destroy())
    onward.end(body)
  }
}
