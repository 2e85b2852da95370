/** Sends hostile requests, each on a connection of its own, and says what was wrong with the answers. */
import { connect } from 'node:net'
import { z } from 'zod'
import { ERROR_CODES, type ErrorCode, statusOf } from '../../sign-service/api/errors.ts'
import { type Dice, type HostileRequest, KINDS, type Material } from './kinds.ts'

export interface Target {
  readonly port: number
  /** Where the requests come from: another loopback address than honest ones, since limits are counted by address. */
  readonly from?: string
}

const ANSWER_MS = 30_000

const errorBody = z.strictObject({
  requestId: z.uuid(),
  error: z.strictObject({
    code: z.enum(ERROR_CODES as readonly [ErrorCode, ...ErrorCode[]]),
    message: z.string().max(300),
    details: z.record(z.string(), z.unknown()),
  }),
})

/** Text that only the inside of the program knows. */
const INTERNALS =
  /\n\s+at |node:|node_modules|\.[cm]?[jt]s\b|[A-Z]\w{0,40}Error\b|ERR_|HPE_|llhttp|\[object|file:|hono|zod|\/(?:home|usr|tmp|work)\//

/** All that is said on the connection until it ends. */
function play({ port, from }: Target, { bytes, isCut }: HostileRequest): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', ...(from !== undefined && { localAddress: from }) })
    let text = ''
    const timer = setTimeout(() => socket.destroy(), ANSWER_MS)
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
    })
    socket.on('error', () => undefined)
    socket.once('close', () => {
      clearTimeout(timer)
      resolve(text)
    })
    socket.write(bytes)
    if (isCut) setTimeout(() => socket.end(), 50)
  })
}

/** Undefined when the answer is right. */
export function problemOf({ right }: HostileRequest, text: string): string | undefined {
  if (text === '') return right.includes('closed') ? undefined : 'no answer'
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1])
  if (!right.includes(status)) return `status ${status}, expected ${right.join(' or ')}`
  // what is sealed can spell anything
  const inside = INTERNALS.exec(text.replace(/"server(Message|Partial)":"[\w+/=]*"/g, ''))?.[0]
  if (inside !== undefined) return `says something of the inside, ${JSON.stringify(inside)}: ${text.slice(0, 400)}`
  const body = /\r\n\r\n(\{.*\})/s.exec(text)?.[1] ?? ''
  if (status === 200) return undefined
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch {
    return `status ${status} with a body that is no JSON: ${text.slice(-200)}`
  }
  const parsed = errorBody.safeParse(json)
  if (!parsed.success) return `not the form of an error: ${body.slice(0, 300)}`
  const { requestId, error } = parsed.data
  if (statusOf(error.code) !== status) return `${error.code} with status ${status}`
  return text.toLowerCase().includes(`request-id: ${requestId}`) ? undefined : 'another request id in its header'
}

export interface Attack {
  readonly target: Target
  readonly material: Material
  readonly perKind: number
  readonly draw: Dice
  readonly atOnce: number
  /** The least between two, over all connections: limits of requests are not what is tested. */
  readonly pauseMs?: number
}

/** What was wrong, each with its kind; every kind in turn. */
export async function attack({
  target,
  material,
  perKind,
  draw,
  atOnce,
  pauseMs = 0,
}: Attack): Promise<readonly string[]> {
  const wrong: string[] = []
  let n = 0
  let nextAt = performance.now()
  const kinds = Object.entries(KINDS)
  const worker = async (): Promise<void> => {
    while (n < perKind * kinds.length) {
      const [kind, make] = kinds[n++ % kinds.length] as (typeof kinds)[number]
      nextAt = Math.max(nextAt + pauseMs, performance.now())
      await new Promise((resolve) => setTimeout(resolve, nextAt - performance.now()))
      const request = make(draw, material)
      const problem = problemOf(request, await play(target, request))
      if (problem !== undefined) {
        wrong.push(`${kind}: ${problem}; sent ${JSON.stringify(request.bytes.toString('latin1').slice(0, 300))}`)
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return wrong
}
