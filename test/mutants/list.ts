/** All mutants of `make mutants`. */
import { audit } from './audit.ts'
import { config } from './config.ts'
import { connection } from './connection.ts'
import { evidence } from './evidence.ts'
import { exchange } from './exchange.ts'
import { gateway } from './gateway.ts'
import { gatewayAuth } from './gateway-auth.ts'
import { gatewayLimits } from './gateway-limits.ts'
import { gatewayMetrics } from './gateway-metrics.ts'
import { gatewayRooms } from './gateway-rooms.ts'
import { keyShare } from './key-share.ts'
import { keystore } from './keystore.ts'
import { lease } from './lease.ts'
import type { Mutant } from './mutant.ts'
import { party } from './party.ts'
import { policy } from './policy.ts'
import { programs } from './programs.ts'
import { aux, ecdsa, identify, keygen, presign, signing } from './protocols.ts'
import { records } from './records.ts'
import { redis } from './redis.ts'
import { rooms } from './room.ts'
import { service } from './service.ts'
import { serviceApi } from './service-api.ts'
import { signer } from './signer.ts'
import { wire } from './wire.ts'
import { proofs, sigma } from './zk.ts'

export const all: readonly Mutant[] = [
  ...proofs,
  ...sigma,
  ...keygen,
  ...aux,
  ...presign,
  ...identify,
  ...signing,
  ...ecdsa,
  ...party,
  ...connection,
  ...evidence,
  ...wire,
  ...signer,
  ...service,
  ...policy,
  ...records,
  ...keyShare,
  ...keystore,
  ...lease,
  ...rooms,
  ...gateway,
  ...gatewayAuth,
  ...gatewayLimits,
  ...gatewayMetrics,
  ...gatewayRooms,
  ...exchange,
  ...serviceApi,
  ...redis,
  ...audit,
  ...programs,
  ...config,
]
