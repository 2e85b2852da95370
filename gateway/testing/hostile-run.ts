/**
 * Runs hostile requests against a gateway while two honest parties talk in a room next to them, and says what was wrong.
 */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { post, rawConnection, type Stream, subscribe, type TestGateway } from './client.ts'
import { ALIEN_ROOM, dice, type HostileRequest, hostileRequest, MARK } from './hostile-requests.ts'

const STATUSES = new Set([100, 200, 201, 204, 400, 401, 403, 404, 405, 408, 409, 413, 417, 426, 429, 431, 501])

/** Text that only the inside of the program knows: stack traces, files, names of errors, modules. */
const INTERNALS =
  /\n\s+at |node:|node_modules|\.[cm]?[jt]s\b|[A-Z]\w{0,40}Error\b|ERR_|HPE_|llhttp|undefined|\[object|file:|hono|\/(?:home|usr|tmp|work)\//

export interface Answer {
  readonly request: HostileRequest
  readonly text: string
}

/** For a first byte of an answer, and for more of it. The gateway's own limits end what it does not answer. */
const FIRST_MS = 15_000
const MORE_MS = 100

/** Plays one request; resolves when the connection has closed, or has answered and says nothing more for a while. */
async function play(gateway: { port: number }, request: HostileRequest): Promise<Answer> {
  const socket = await rawConnection(gateway)
  let text = ''
  let lastMs = performance.now()
  let isClosed = false
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
    lastMs = performance.now()
  })
  socket.once('close', () => {
    isClosed = true
  })
  for (const step of request.steps) {
    if (isClosed) break
    if (step.kind === 'pause') await sleep(step.ms)
    else if (step.kind === 'end') socket.end()
    // Node never lets go of a connection that is reset while its half-close is under way.
    else if (step.kind === 'reset') socket.writableEnded ? socket.destroy() : socket.resetAndDestroy()
    else if (!socket.destroyed) socket.write(step.bytes)
  }
  // The slow ones wait for the gateway to lose its patience.
  const patienceMs = () => (text === '' || request.kind === 'slow' ? FIRST_MS : MORE_MS)
  while (!isClosed && performance.now() - lastMs < patienceMs()) await sleep(10)
  socket.destroy()
  return { request, text }
}

/** Each answer is HTTP, with an expected status, and says nothing of the inside. */
function checkAnswer({ request, text }: Answer, note: string): void {
  const what = () => `${note} ${request.kind}: ${JSON.stringify(request.steps).slice(0, 200)} -> ${text.slice(0, 300)}`
  if (text === '') return
  assert.match(text, /^HTTP\/1\.[01] \d{3} /, what())
  // What a stream passes on is what was broadcast; everything else is the gateway's own words.
  const own = text.replace(/^data: .*$/gm, '')
  assert.doesNotMatch(own, INTERNALS, what())
  assert.ok(!own.includes(MARK), `an answer repeats what was sent: ${what()}`)
  for (const [, status] of own.matchAll(/HTTP\/1\.[01] (\d{3}) [A-Z]/g)) {
    assert.ok(STATUSES.has(Number(status)), `status ${status}: ${what()}`)
  }
}

function checkStream(stream: Stream, count: number, note: string): void {
  assert.deepEqual(
    stream.events.map(({ id, data }) => `${id} ${data}`),
    Array.from({ length: count }, (_, i) => `${i} honest ${i}`),
    `${note}: each honest message once and in order`,
  )
  assert.ok(!stream.raw().includes(MARK), `${note}: nothing from elsewhere`)
  const own = stream.raw().replace(/^event: new-message\nid: \d+\ndata: honest \d+\n\n/gm, '')
  assert.match(own, /^(retry: \d+\n\n)(:\n\n)*$/, `${note}: a stream has nothing but its events and comments`)
}

/** The room next door, as a request that was for no trick finds it: nobody else has spoken, listened or drawn an index there. */
async function checkRoom(gateway: TestGateway, sent: number, streams: number, note: string): Promise<void> {
  const { url } = gateway
  const state = (await (await fetch(`${url}/rooms/${ALIEN_ROOM}`)).json()) as Record<string, unknown>
  assert.equal(state['next_id'], sent, `${note}: nobody else has spoken`)
  assert.equal(state['messages'], sent, `${note}: nothing was forgotten`)
  assert.equal(state['subscribers'], streams, `${note}: nobody else listens`)
  assert.equal(state['private'], false, note)
  const index = (await (await post(gateway, ALIEN_ROOM, 'issue_unique_idx')).json()) as { unique_idx: number }
  assert.equal(index.unique_idx, 1, `${note}: nobody else has an index`)
}

export interface HostileRun {
  readonly seed: number
  readonly requests: number
  readonly atOnce?: number
}

/** Plays them, and checks each answer by itself. */
export async function playHostile(gateway: TestGateway, run: HostileRun): Promise<readonly Answer[]> {
  const { seed, requests, atOnce = 40 } = run
  const draw = dice(seed)
  const queue = Array.from({ length: requests }, () => hostileRequest(draw))
  const answers: Answer[] = []
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) answers.push(await play(gateway, next))
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  for (const answer of answers) checkAnswer(answer, `HOSTILE_SEED=${seed}`)
  assert.ok(!gateway.logs.some((line) => line.includes('request failed')), 'nothing failed inside')
  return answers
}

/** Rejects with the seed and the request when something is wrong. Closes the honest streams at the end. */
export async function runHostile(gateway: TestGateway, run: HostileRun): Promise<readonly Answer[]> {
  const note = `HOSTILE_SEED=${run.seed}`
  const honest = [await subscribe(gateway, ALIEN_ROOM), await subscribe(gateway, ALIEN_ROOM)]
  let isOver = false
  let sent = 0

  const talk = async (): Promise<void> => {
    while (!isOver || sent < 20) {
      const answer = await post(gateway, ALIEN_ROOM, 'broadcast', `honest ${sent}`)
      assert.equal(answer.status, 200, `${note}: an honest broadcast`)
      sent += 1
      await sleep(5)
    }
  }
  const attacking = playHostile(gateway, run).finally(() => {
    isOver = true
  })
  const [answers] = await Promise.all([attacking, talk()])

  await checkRoom(gateway, sent, honest.length, note)
  for (const stream of honest) {
    await stream.atLeast(sent)
    checkStream(stream, sent, note)
    stream.close()
  }
  return answers
}
