/**
 * The second part of the load: honest signatures over the HTTP interface, first alone and then beside hostile requests of
 * every kind (test/hostile-api), which come from another address. None of these may sign, and the honest ones may not get
 * slower by a factor of two.
 */
import { join } from 'node:path'
import { SignJWT } from 'jose'
import { systemRandom } from '../../participant/base/random.ts'
import { dice, KINDS } from '../../test/hostile-api/kinds.ts'
import { allowedTo, hostileMaterial } from '../../test/hostile-api/material.ts'
import { attack } from '../../test/hostile-api/run.ts'
import { percentile, type Told, verdictOf } from './request.ts'
import { ACCOUNT, type Scene } from './scene.ts'

const DEADLINE_MS = 30_000
const PER_SECOND = 10
const ALONE_SECONDS = 60
/** Ten times the honest ones; the limit of requests of one address is 200 a second. */
const HOSTILE_PER_SECOND = 100

export interface HostileResult {
  readonly perKind: number
  readonly sent: number
  readonly wrong: readonly string[]
  /** Signatures that the service allowed to the caller of the hostile requests. */
  readonly signed: number
  readonly isSameProcess: boolean
  readonly honest: { readonly requests: number; readonly failed: number }
  readonly p99Ms: { readonly alone: number; readonly beside: number }
  readonly ratio: number
}

export function hostileProblems({ wrong, signed, isSameProcess, honest, ratio }: HostileResult): readonly string[] {
  return [
    ...(wrong.length > 0 ? [`${wrong.length} hostile requests were answered wrongly; the first: ${wrong[0]}`] : []),
    ...(signed > 0 ? [`${signed} signatures that nobody honest asked for`] : []),
    ...(isSameProcess ? [] : ['the service is another process than before']),
    ...(honest.failed > 0 ? [`${honest.failed} honest requests failed`] : []),
    ...(ratio < 2 ? [] : [`the p99 of honest requests is ${ratio.toFixed(2)} times what it was`]),
  ]
}

export async function runHostile(scene: Scene, perKind: number, say: (text: string) => void): Promise<HostileResult> {
  const client = await scene.client('http', 'client over HTTP')
  const told: Told[] = []
  const honest = async (seconds: number): Promise<number> => {
    const before = told.length
    await client.run({ perSecond: PER_SECOND, seconds, deadlineMs: DEADLINE_MS }, (t) => void told.push(t))
    const took = told.slice(before).map((t) => t.tookMs)
    return percentile(
      took.sort((a, b) => a - b),
      0.99,
    )
  }
  // not counted: the compiler needs some
  await honest(5)
  const [pid, toldBefore] = [scene.pid('service'), told.length]
  say('honest requests over HTTP, alone')
  const alone = await honest(ALONE_SECONDS)
  const sent = perKind * Object.keys(KINDS).length
  const seconds = Math.max(10, Math.ceil(sent / HOSTILE_PER_SECOND))
  say(`and beside ${sent} hostile ones, about ${seconds} s`)
  const material = await hostileMaterial({
    ...scene,
    account: ACCOUNT,
    sign: (claims) => scene.token(claims),
    signOther: (claims, alg, key) => new SignJWT(claims).setProtectedHeader({ alg, kid: 'k' }).sign(key),
  })
  const port = Number(new URL(scene.apiUrl).port)
  const [beside, wrong] = await Promise.all([
    honest(seconds),
    attack({
      target: { port, from: '127.0.0.2' },
      material,
      perKind,
      draw: dice(Number(systemRandom.bytes(1)[0])),
      atOnce: 16,
      pauseMs: 1000 / HOSTILE_PER_SECOND,
    }),
  ])
  client.stop()
  const ok = (t: Told): boolean => ['warm', 'cold'].includes(verdictOf(t, scene.publicKey, DEADLINE_MS))
  const counted = told.slice(toldBefore)
  // one by which the permit was used
  const signed = allowedTo('jwt:hostile', join(scene.folder, 'state/audit/audit.jsonl')) - 1
  return {
    perKind,
    sent,
    wrong,
    signed,
    isSameProcess: scene.pid('service') === pid && isAlive(pid),
    honest: { requests: counted.length, failed: counted.filter((t) => !ok(t)).length },
    p99Ms: { alone, beside },
    ratio: beside / alone,
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
