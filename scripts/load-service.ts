/**
 * `make load`: gateway, sign-service with policy, permits, record and metrics, and a client with presignatures, each a
 * process. The client signs 20 times a second; the gateway is killed at one third of the time and the service at two
 * thirds. Each request has to end in a signature that libsecp256k1 takes or in one clear error before its deadline, and
 * memory has to stay flat. Then hostile requests beside honest ones, over HTTP. Exits with 1 otherwise.
 *
 * All is at full size and as it is run, but for where presignatures come from. One costs both parties together about a
 * second of CPU, and 12,000 of them hours, before the first request; `make bench` measures that. Here a dealer who knows
 * the whole key makes both parts at once (test/dealt-presignatures.ts) and keeps 20 ahead. They are spent like any others:
 * a signature from a presignature is the same work, and what comes back is verified. A kill loses them as it would any
 * others, and what is made from the start meanwhile is the protocol at full size. For that the service is
 * test/service-process.ts, which differs from sign-service/main.ts in taking dealt presignatures and nothing else here.
 *
 *   node --import tsx scripts/load-service.ts [--minutes 10] [--rate 20] [--hostile 1000] [--level cggmp24-3072] [--json FILE]
 */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { CGGMP24_3072, levelByName } from '../participant/base/level.ts'
import { type HostileResult, hostileProblems, runHostile } from './load-service/hostile.ts'
import { runKills } from './load-service/kills.ts'
import { flatness, Memory } from './load-service/memory.ts'
import { type LoadResult, problemsOf, tableOf } from './load-service/report.ts'
import { openScene } from './load-service/scene.ts'

const say = (text: string): void => void process.stderr.write(`${text}\n`)

function usage(message: string): never {
  say(`load-service: ${message}`)
  process.exit(2)
}

function options() {
  try {
    const { values } = parseArgs({
      options: {
        minutes: { type: 'string', default: '10' },
        rate: { type: 'string', default: '20' },
        hostile: { type: 'string', default: '1000' },
        level: { type: 'string', default: CGGMP24_3072.name },
        json: { type: 'string' },
      },
    })
    const number = (name: 'minutes' | 'hostile' | 'rate', min: number, max: number): number => {
      const value = Number(values[name])
      return value >= min && value <= max ? value : usage(`--${name}: expected ${min} to ${max}`)
    }
    const level = levelByName(values.level) ?? usage('--level: expected the name of one')
    return {
      level,
      minutes: number('minutes', 0.5, 1440),
      perSecond: number('rate', 1, 1000),
      hostile: Math.floor(number('hostile', 0, 1e6)),
      json: values.json,
    }
  } catch (e) {
    return usage((e as Error).message)
  }
}

const { minutes, perSecond, hostile: perKind, level, json } = options()
const memory = new Memory()
const scene = await openScene(memory, level)
const stop = async (): Promise<void> => {
  memory.stop()
  await scene.stop()
}
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void stop().then(() => process.exit(130)))
try {
  const kills = await runKills(scene, { seconds: Math.round(60 * minutes), perSecond, say })
  // of what was under load, and only while it was
  const lives = memory.stop().map(flatness)
  const hostile: HostileResult | undefined = perKind === 0 ? undefined : await runHostile(scene, perKind, say)
  const result: LoadResult = { minutes, kills, memory: lives, ...(hostile && { hostile }) }
  const problems = [...problemsOf(result), ...(hostile === undefined ? [] : hostileProblems(hostile))]
  if (json !== undefined) await writeFile(json, `${JSON.stringify({ ...result, problems }, undefined, 2)}\n`)
  process.stdout.write(tableOf(result, problems))
  process.exitCode = problems.length === 0 ? 0 : 1
} finally {
  await stop()
}
process.exit()
