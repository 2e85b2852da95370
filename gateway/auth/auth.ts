/**
 * Who may do what, as one thing for the rest of the gateway: judging requests, making the tokens of private rooms, and
 * reading the secrets again.
 */
import { performance } from 'node:perf_hooks'
import { addresses } from '../../config/edge/address.ts'
import type { Logger } from '../../config/logger.ts'
import type { GatewayConfig } from '../../config/schema.ts'
import type { Clock } from '../clock.ts'
import type { Authorize, Granted, MintOwner } from '../hooks.ts'
import type { Found } from '../store.ts'
import { createAuthorizer } from './authorize.ts'
import { createDenials } from './denials.ts'
import { readMintRequest } from './mint-request.ts'
import { MINTABLE, type Mintable, type RoomToken, signRoomToken } from './room-tokens.ts'
import { readSecrets, type Secrets } from './secrets.ts'

export interface Minted {
  readonly token: string
  /** ISO 8601. */
  readonly expires_at: string
  readonly rights: readonly Mintable[]
}

/** Makes a narrower token for a room, as the body asks; `owner` is what was granted for the action `mint`. */
export type Mint = (roomId: string, owner: Granted, body: Buffer) => Promise<Found<Minted>>

export interface Auth {
  readonly authorize: Authorize
  readonly mintOwner: MintOwner
  readonly mint: Mint
  /** Logs what an operator should know about these settings. The first line of the log is another one. */
  warn(): void
  /** Reads tokens, keys and secrets again. What is wrong is logged, and then nothing changes. Never rejects. */
  reload(): Promise<void>
}

export interface AuthOptions {
  readonly config: GatewayConfig
  readonly logger: Logger
  /** Time of the day. */
  readonly nowMs?: () => number
  /** What limits are counted by. */
  readonly clock?: Clock
  readonly fetch?: typeof fetch | undefined
}

/** Throws ConfigError naming key and file. */
export async function openAuth(options: AuthOptions): Promise<Auth> {
  const { config, logger, nowMs = Date.now, clock = { nowMs: () => performance.now() }, fetch } = options
  let secrets: Secrets = await readSecrets(config.auth, fetch)
  const { callerOf: addressOf } = addresses(config.server.trusted_proxies)
  const denials = createDenials(config.limits, clock)
  const { authorize, forget } = createAuthorizer({ secrets: () => secrets, nowMs, addressOf, denials })

  const make = async (token: RoomToken): Promise<Minted> => ({
    token: await signRoomToken(token, secrets.roomSecret, nowMs()),
    expires_at: new Date(token.expiresAtMs).toISOString(),
    rights: [...token.rights],
  })

  return {
    authorize,
    warn() {
      if (config.auth.open_to_everyone && config.auth.mode === 'open') {
        logger.warn({ host: config.server.host }, 'open to everyone who can reach this address')
      }
      if (config.auth.room_secret_file === undefined) {
        logger.warn('tokens of private rooms end with this process; auth.room_secret_file would keep them')
      }
    },
    async mintOwner(room, epoch) {
      // whole seconds, as they are in the token
      const expiresAtMs = 1000 * (Math.floor(nowMs() / 1000) + config.auth.room_token_seconds)
      const token = { room, epoch, isOwner: true, rights: new Set(MINTABLE), index: undefined, expiresAtMs }
      return (await make(token)).token
    },
    async mint(room, { pass = '', expiresAtMs = 0 }, body) {
      const asked = readMintRequest(body, Math.floor((expiresAtMs - nowMs()) / 1000))
      if (!asked.ok) return asked
      const { rights, seconds, index } = asked.value
      const endMs = seconds === undefined ? expiresAtMs : 1000 * (Math.floor(nowMs() / 1000) + seconds)
      const token = {
        room,
        epoch: pass,
        isOwner: false,
        rights: new Set(rights),
        index,
        expiresAtMs: Math.min(endMs, expiresAtMs),
      }
      return { ok: true, value: await make(token) }
    },
    async reload() {
      try {
        secrets = await readSecrets(config.auth, fetch)
        forget()
        logger.info('tokens and keys were read again')
      } catch (error) {
        const why = error instanceof Error && error.name === 'ConfigError' ? error.message : 'unknown'
        logger.error({ error: why }, 'tokens and keys stay as they were')
      }
    },
  }
}
