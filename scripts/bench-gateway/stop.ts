/**
 * SIGTERM while 1,000 streams are open: how long until the process has ended, and whether all come back to the next one.
 * With Redis they miss nothing; without it their rooms have ended with the process, which each is told by a reset.
 */
import { freePort } from '../processes.ts'
import { type Faults, noFaults, RoomCheck } from './checks.ts'
import { type Kind, startKind, startRedis } from './kinds.ts'
import { Poster } from './poster.ts'
import { Reader } from './reader.ts'
import type { Row } from './rows.ts'
import type { Server } from './server.ts'

const [ROOMS, STREAMS_PER_ROOM] = [500, 2]
const BODY_BYTES = 1024
const WAIT_MS = 60_000

export const stopRow: Row = {
  name: 'stop with 1,000 streams',
  kinds: ['ours', 'redis'],
  async measure(kind, record) {
    const redis = kind === 'redis' ? await startRedis() : undefined
    const port = await freePort()
    const start = (): Promise<Server> => startKind(kind, { port, ...(redis !== undefined && { redis }) })
    let server = await start()
    const { readers, faults } = openReaders(port, kind)
    let posters = openPosters(port)
    try {
      await until(() => readers.every((r) => r.isOpen), 'all streams are open')
      await postAll(posters)
      await until(() => readers.every((r) => r.count === 1), 'everybody has the first message')
      record('stop with 1,000 streams', 's', (await server.stop()) / 1000)
      const [from, connections] = [performance.now(), readers.map((r) => r.connections)]
      server = await start()
      await until(() => readers.every((r, i) => r.isOpen && r.connections > (connections[i] ?? 0)), 'all are back')
      record('all 1,000 are back after', 's', (performance.now() - from) / 1000)
      if (kind !== 'redis') {
        for (const poster of posters) poster.close()
        posters = openPosters(port)
      }
      await postAll(posters)
      const expected = kind === 'redis' ? 2 : 1
      await until(() => readers.every((r) => r.count === expected), 'everybody has the second message')
      const resets = readers.filter((r) => r.resets > 0).length
      const wrong = faults.doubled + faults.outOfOrder + faults.damaged
      if (wrong > 0 || resets !== (kind === 'redis' ? 0 : readers.length)) {
        throw new Error(`${wrong} faults, ${resets} resets`)
      }
    } finally {
      for (const one of [...readers, ...posters]) one.close()
      await server.stop()
      await redis?.stop()
    }
  },
}

function openReaders(port: number, kind: Kind) {
  const [readers, faults]: [Reader[], Faults] = [[], noFaults()]
  for (let i = 0; i < ROOMS; i++) {
    const [room, next] = [new RoomCheck(), new RoomCheck()]
    const o = { port: () => port, roomId: `stop-${i}`, room, faults, pauseMs: (retryMs: number) => retryMs }
    const more = kind === 'redis' ? {} : { onReset: () => next }
    for (let j = 0; j < STREAMS_PER_ROOM; j++) readers.push(new Reader({ ...o, ...more }))
  }
  return { readers, faults }
}

function openPosters(port: number): readonly Poster[] {
  const one = (_: unknown, i: number): Poster =>
    new Poster({ port: () => port, roomId: `stop-${i}`, sender: i, bodyBytes: () => BODY_BYTES })
  return Array.from({ length: ROOMS }, one)
}

async function postAll(posters: readonly Poster[]): Promise<void> {
  for (const poster of posters) await poster.post(WAIT_MS)
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const stopAt = Date.now() + WAIT_MS
  while (!condition()) {
    if (Date.now() > stopAt) throw new Error(`timed out waiting until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
