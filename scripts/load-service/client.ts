/**
 * The client of the load: a participant with presignatures ahead, in a process of its own, which signs so often a second as
 * it is told, whether or not those before are done, and tells what became of each.
 *
 *   client.ts rooms GATEWAY KEY-SHARES PERMIT-KEY
 *   client.ts http INTERFACE KEY-SHARES PERMIT-KEY TOKEN
 */
import { setMaxListeners } from 'node:events'
import { readFileSync } from 'node:fs'
import { CGGMP24_3072, INSECURE_TEST } from '../../participant/base/level.ts'
import { connectExchange } from '../../participant/exchange/client.ts'
import { connectGateway, digestOf, MpcError, permitTag, Secret } from '../../participant/index.ts'
import { readKeyShareFile } from '../../participant/key-share/file.node.ts'
import { parsePermitKey } from '../../participant/signer/authority-file.ts'
import { openParticipant } from '../../participant/signer/participant.ts'
import { PresignaturePool } from '../../participant/signer/pool.ts'
import { type Deal, dealtPart } from '../../test/dealt-presignatures.ts'
import type { Told } from './request.ts'
import { ACCOUNT } from './scene.ts'

export interface Run {
  readonly perSecond: number
  readonly seconds: number
  readonly deadlineMs: number
}

setMaxListeners(10_000)
const [way = '', url = '', shareFile = '', keyFile = '', token = ''] = process.argv.slice(2)
const keyShares = await readKeyShareFile(shareFile, { levels: [CGGMP24_3072, INSECURE_TEST] })
const store = new PresignaturePool({ max: 10_000, maxAgeMs: 3_600_000 })
const participant = openParticipant({
  keyShares,
  gateway:
    way === 'rooms'
      ? connectGateway({ url })
      : connectExchange({
          url,
          purpose: 'sign',
          start: { account: ACCOUNT },
          headers: () => ({ authorization: `Bearer ${token}` }),
        }),
  // the script deals them
  pool: { low: 0, high: 0, refill: false, store },
})
const permitKey = new Secret(parsePermitKey(readFileSync(keyFile, 'latin1')) ?? new Uint8Array())
let made = 0

async function one(n: number, atMs: number, due: number, deadlineMs: number): Promise<Told> {
  const text = `${process.pid} ${made++}`
  const payload = { kind: 'eip191', message: new TextEncoder().encode(text) } as const
  const requestId = text.replace(' ', '-')
  const expires = Math.floor(Date.now() / 1000) + 600
  const tag = permitTag(permitKey, { id: requestId, account: ACCOUNT, digest: digestOf(payload) }, expires)
  const authority = { requestId, permit: { expires, tag }, approvals: [] }
  let isWarm = true
  const onStep = (): void => {
    isWarm = false
  }
  const about = () => ({ n, atMs, tookMs: performance.now() - due, isWarm })
  try {
    const result = await participant.sign({ account: ACCOUNT, payload, authority, deadlineMs, onStep })
    const { r, s } = result.signature
    const compact = [r, s].map((v) => v.toString(16).padStart(64, '0')).join('')
    const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
    return {
      ...about(),
      signed: { digest: hex(result.digest), publicKey: hex(result.publicKey.toBytes(true)), compact },
    }
  } catch (e) {
    const { name, code, reason } = e as { name: string; code?: string; reason?: string }
    return { ...about(), error: { name, code: e instanceof MpcError ? (code ?? '') : '', reason: reason ?? '' } }
  }
}

async function run({ perSecond, seconds, deadlineMs }: Run): Promise<void> {
  const start = performance.now()
  const running = new Set<Promise<void>>()
  for (let n = 0; n < perSecond * seconds; n++) {
    const dueIn = (1000 * n) / perSecond
    await new Promise((resolve) => setTimeout(resolve, start + dueIn - performance.now()))
    const task = one(n, dueIn, start + dueIn, deadlineMs).then((told) => {
      process.send?.({ told })
      running.delete(task)
    })
    running.add(task)
    // the dealer goes by what has begun, however long it takes
    process.send?.({ left: store.counts().size })
  }
  await Promise.all(running)
}

process.on('message', (message: Run | Deal) => {
  if ('seeds' in message) {
    const share = keyShares.get(message.account)
    if (share !== undefined) for (const seed of message.seeds) store.put(dealtPart(share, BigInt(message.x), seed))
    return
  }
  run(message).then(
    () => process.send?.({ done: true }),
    (e: unknown) => process.send?.({ failed: e instanceof Error ? e.message : 'unknown' }),
  )
})
process.on('disconnect', () => process.exit(1))
process.send?.({ done: true })
