/**
 * The client of the bench: a participant in a process of its own, which signs when it is told to (measured.ts).
 *
 *   client.ts GATEWAY KEY-SHARES
 */
import { connectGateway, createParticipant } from '../../participant/index.ts'
import { openKeyShares } from '../../participant/node.ts'

const [url = '', file = ''] = process.argv.slice(2)
const ACCOUNT = 'bench'
const DEADLINE_MS = 60_000
const POOL = { low: 0, high: 0, max: 10_000, refill: false }
const participant = createParticipant({
  keyShares: await openKeyShares(file),
  gateway: connectGateway({ url }),
  pool: POOL,
})
let messages = 0

/** One signature; how long it took in ms since `since`. */
async function signed(since = performance.now()): Promise<number> {
  const message = new TextEncoder().encode(`bench ${messages++}`)
  await participant.sign({ account: ACCOUNT, payload: { kind: 'sha256', message }, deadlineMs: DEADLINE_MS })
  return performance.now() - since
}

const ANSWERS: Readonly<Record<string, (o: { readonly count: number; readonly n: number }) => Promise<unknown>>> = {
  prepare: ({ count }) => participant.prepare({ account: ACCOUNT, count, deadlineMs: DEADLINE_MS + 5_000 * count }),

  /** One after the other: how long each took. */
  async sign({ count }) {
    const took: number[] = []
    for (let i = 0; i < count; i++) took.push(await signed())
    return took
  },

  /** `n` every second, whether or not those before are done: how long each took since its time had come. */
  async steady({ count, n }) {
    const start = performance.now()
    const all = Array.from({ length: count }, async (_, i) => {
      const due = start + (1000 * i) / n
      await new Promise((resolve) => setTimeout(resolve, due - performance.now()))
      return signed(due)
    })
    return Promise.all(all)
  },

  /** `n` at any time, as fast as they go: how many a second. */
  async burst({ count, n }) {
    const start = performance.now()
    let left = count
    const worker = async (): Promise<void> => {
      while (left-- > 0) await signed()
    }
    await Promise.all(Array.from({ length: n }, worker))
    return (1000 * count) / (performance.now() - start)
  },
}

process.on(
  'message',
  ({ id, at, ...o }: { readonly id: number; readonly at: string } & { count: number; n: number }) => {
    ANSWERS[at]?.(o).then(
      (value) => process.send?.({ id, value }),
      (e: unknown) => process.send?.({ id, error: e instanceof Error ? e.message : String(e) }),
    )
  },
)
// the probe has let go of it
process.channel?.ref()
process.stdout.write('listening\n')
