/** The metrics of a gateway, on their port. */

import { type MetricsServer, startMetricsServer } from '../../config/edge/metrics-server.ts'
import type { Logger } from '../../config/logger.ts'
import type { GatewayConfig } from '../../config/schema.ts'
import { readinessAnswer } from '../readiness.ts'
import type { Store } from '../store.ts'
import type { Watch } from '../watch.ts'
import { createRegistry } from './registry.ts'

export interface MetricsOptions {
  readonly config: Pick<GatewayConfig, 'limits' | 'metrics'>
  readonly store: Pick<Store, 'size' | 'subscribers' | 'bytes'>
  readonly watch: Watch
  readonly logger: Logger
  readonly isClosing: () => boolean
}

export function openMetrics({ config, store, watch, logger, isClosing }: MetricsOptions): Promise<MetricsServer> {
  const { counts, readiness, connections } = watch
  const registry = createRegistry({
    counts,
    store,
    limits: config.limits,
    connections,
    isStoreUp: async () => (await readiness.ask()).store === 'ok',
    isClosing,
  })
  const { host, port } = config.metrics
  return startMetricsServer({ host, port, registry, logger, ready: async () => readinessAnswer(await readiness.ask()) })
}
