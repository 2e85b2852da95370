/** Gateways on one Redis, of which one after the other is killed and started again. */
import { startKind } from './kinds.ts'
import type { Server } from './server.ts'

export interface Cluster {
  readonly ports: readonly number[]
  readonly kills: () => number
  rssKib(): number
  stop(): Promise<void>
}

export interface ClusterOptions {
  readonly redis: Server
  readonly size: number
  readonly env: Readonly<Record<string, string>>
  readonly killEveryMs: number
}

export async function startCluster({ redis, size, env, killEveryMs }: ClusterOptions): Promise<Cluster> {
  const servers: Server[] = []
  for (let i = 0; i < size; i++) servers.push(await startKind('redis', { redis, env }))
  const ports = servers.map(({ port }) => port)
  let kills = 0
  let isStopping = false
  let wake = (): void => {}
  const killing = (async () => {
    for (let i = 0; ; i = (i + 1) % size) {
      await new Promise<void>((resolve) => {
        wake = resolve
        setTimeout(resolve, killEveryMs)
      })
      const [server, port] = [servers[i], ports[i]]
      if (isStopping || server === undefined || port === undefined) return
      await server.stop('SIGKILL')
      kills += 1
      servers[i] = await startKind('redis', { redis, env, port })
    }
  })()
  return {
    ports,
    kills: () => kills,
    rssKib: () => servers.reduce((sum, server) => sum + server.rssKib(), 0),
    async stop() {
      isStopping = true
      wake()
      await killing
      for (const server of servers) await server.stop()
    },
  }
}
