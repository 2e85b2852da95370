/** The store that the configuration asks for. */
import type { Logger } from '../config/logger.ts'
import type { GatewayConfig } from '../config/schema.ts'
import type { Clock } from './clock.ts'
import type { Meter } from './hooks.ts'
import { redisStore } from './redis/store.ts'
import { MemoryStore } from './rooms.ts'
import type { Store } from './store.ts'

export interface CreateStoreOptions {
  readonly config: GatewayConfig
  readonly clock: Clock
  readonly meter: Meter
  readonly logger: Logger
}

/** Rejects with ConfigError or StoreStartError when Redis is asked for and can't be used. */
export async function createStore({ config, clock, meter, logger }: CreateStoreOptions): Promise<Store> {
  if (config.store.type === 'redis') return redisStore({ config, clock, meter, logger })
  return new MemoryStore({ limits: config.limits, clock, meter })
}
