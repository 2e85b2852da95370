/**
 * What each program can be told, with defaults: the single source for YAML files, environment variables and flags.
 *
 * Every configuration is two levels deep, sections of keys. Objects are strict: an unknown key is an error, because a
 * misspelt limit that silently keeps its default is worse than a daemon that doesn't start.
 */
import { z } from 'zod'
import {
  addressRange,
  boolean,
  corsOrigin,
  gatewayUrl,
  integer,
  LOG_FORMATS,
  LOG_LEVELS,
  listOf,
  oneOf,
  text,
} from './fields.ts'
import { admissionProblems, authSection, tlsSection } from './gateway-auth.ts'
import { storeSection } from './gateway-store.ts'
import { clientKeystore, clientKeystoreProblems, serviceKeystore, serviceKeystoreProblems } from './keystore.ts'
import { leaseProblems, leaseSection } from './lease.ts'
import { apiProblems, apiSection, serviceMetricsSection } from './service-api.ts'

const MAX_PARTIES = 255
const GIGABYTE = 1024 ** 3

const host = () => text('a host name or address', 255)
const port = () => integer(0, 65535)
const logging = (level: (typeof LOG_LEVELS)[number]) =>
  z
    .strictObject({
      level: oneOf(LOG_LEVELS).default(level),
      format: oneOf(LOG_FORMATS).default('json'),
    })
    .prefault({})
const gateway = () =>
  z
    .strictObject({
      url: gatewayUrl().default('http://127.0.0.1:8080'),
      token_file: text('a file name').optional(),
    })
    .prefault({})

const gatewaySections = z.strictObject({
  server: z
    .strictObject({
      host: host().default('127.0.0.1'),
      port: port().default(8080),
      cors_origins: listOf(corsOrigin(), 'origins').default([]),
      trusted_proxies: listOf(addressRange(), 'addresses and networks').default([]),
    })
    .prefault({}),
  logging: logging('info'),
  metrics: z
    .strictObject({
      enabled: boolean().default(false),
      host: host().default('127.0.0.1'),
      port: port().default(9464),
    })
    .prefault({}),
  limits: z
    .strictObject({
      body_bytes: integer(1, GIGABYTE / 4).default(1_048_576),
      room_messages: integer(1, 10_000_000).default(10_000),
      room_bytes: integer(1024, 64 * GIGABYTE).default(67_108_864),
      room_keys: integer(1, 10_000_000).default(10_000),
      total_bytes: integer(1024, 1024 * GIGABYTE).default(536_870_912),
      rooms: integer(1, 10_000_000).default(10_000),
      subscribers_per_room: integer(1, 100_000).default(64),
      room_idle_seconds: integer(1, 31_536_000).default(600),
      room_id_length: integer(1, 1024).default(128),
      subscriber_buffer_bytes: integer(1024, GIGABYTE).default(1_048_576),
      keep_alive_seconds: integer(1, 3600).default(15),
      connections: integer(1, 1_000_000).default(10_000),
      connections_per_address: integer(1, 1_000_000).default(5_000),
      subscribers_per_caller: integer(1, 1_000_000).default(5_000),
      requests_per_second: integer(1, 1_000_000).default(2_000),
      request_burst: integer(1, 10_000_000).default(4_000),
      denials_per_second: integer(1, 1_000_000).default(5),
      denial_burst: integer(1, 10_000_000).default(100),
      stream_seconds: integer(0, 31_536_000).default(0),
      room_seconds: integer(0, 315_360_000).default(0),
    })
    .prefault({}),
  store: storeSection(),
  auth: authSection(),
  tls: tlsSection(),
})

export const gatewaySchema = gatewaySections.superRefine((value, context) => {
  for (const problem of admissionProblems(value)) context.addIssue({ code: 'custom', ...problem })
})

const mpc = (keyShareFile: string) =>
  z
    .strictObject({
      threshold: integer(2, MAX_PARTIES).default(2),
      total_participants: integer(2, MAX_PARTIES).default(2),
      key_share_file: text('a file name').default(keyShareFile),
      state_folder: text('a folder name').optional(),
    })
    .prefault({})

const index = () => integer(0, MAX_PARTIES - 1).optional()

/** Checks that involve two keys; the path names the one to change. */
function partyNumbers(value: {
  mpc: { threshold: number; total_participants: number }
  server: { index?: number | undefined }
}): readonly { path: string[]; message: string }[] {
  const { threshold, total_participants } = value.mpc
  const problems: { path: string[]; message: string }[] = []
  if (threshold > total_participants) {
    problems.push({ path: ['mpc', 'threshold'], message: 'expected no more than mpc.total_participants' })
  }
  if (value.server.index !== undefined && value.server.index >= total_participants) {
    problems.push({ path: ['server', 'index'], message: 'expected less than mpc.total_participants' })
  }
  return problems
}

/** What a policy file says itself, and what is nothing without one. */
function policyProblems(policy: {
  file?: string | undefined
  permit_key_file?: string | undefined
  allow_raw_digest: boolean
}): readonly { path: string[]; message: string }[] {
  const problems: { path: string[]; message: string }[] = []
  if (policy.file !== undefined && policy.allow_raw_digest) {
    problems.push({ path: ['policy', 'allow_raw_digest'], message: 'expected in policy.file, as a kind of a rule' })
  }
  if (policy.file === undefined && policy.permit_key_file !== undefined) {
    problems.push({ path: ['policy', 'permit_key_file'], message: 'expected only with policy.file' })
  }
  return problems
}

export const serviceSchema = z
  .strictObject({
    gateway: gateway(),
    server: z
      .strictObject({
        host: host().default('127.0.0.1'),
        port: port().default(50051),
        index: index(),
      })
      .prefault({}),
    mpc: mpc('service_key_shares.json'),
    policy: z
      .strictObject({
        allow_raw_digest: boolean().default(false),
        accounts: listOf(text('an account id', 256), 'account ids').optional(),
        file: text('a file name').optional(),
        permit_key_file: text('a file name').optional(),
      })
      .prefault({}),
    limits: z
      .strictObject({
        max_sessions: integer(1, 100_000).default(64),
        max_sessions_per_peer: integer(1, 100_000).default(48),
        failures_per_minute: integer(1, 100_000).default(30),
        session_seconds: integer(1, 86_400).default(60),
      })
      .prefault({}),
    pool: z
      .strictObject({
        max: integer(0, 100_000).default(64),
        max_age_seconds: integer(1, 86_400).default(3600),
      })
      .prefault({}),
    performance: z.strictObject({ workers: integer(0, 256).optional() }).prefault({}),
    keystore: serviceKeystore(),
    lease: leaseSection(),
    api: apiSection(),
    metrics: serviceMetricsSection(),
    audit: z.strictObject({ enabled: boolean().default(true), file: text('a file name').optional() }).prefault({}),
    logging: logging('info'),
  })
  .superRefine((value, context) => {
    const problems = [
      ...partyNumbers(value),
      ...policyProblems(value.policy),
      ...apiProblems(value.server.host, value.api),
      ...serviceKeystoreProblems(value.keystore),
      ...leaseProblems(value.lease),
    ]
    for (const problem of problems) context.addIssue({ code: 'custom', ...problem })
  })

export const clientSchema = z
  .strictObject({
    gateway: gateway(),
    server: z.strictObject({ index: index() }).prefault({}),
    mpc: mpc('client_key_shares.json'),
    signing: z.strictObject({ deadline_seconds: integer(1, 86_400).default(30) }).prefault({}),
    keystore: clientKeystore(),
    logging: logging('warn'),
  })
  .superRefine((value, context) => {
    const problems = [...partyNumbers(value), ...clientKeystoreProblems(value.keystore)]
    for (const problem of problems) context.addIssue({ code: 'custom', ...problem })
  })

type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T

export type GatewayConfig = DeepReadonly<z.output<typeof gatewaySchema>>
export type ServiceConfig = DeepReadonly<z.output<typeof serviceSchema>>
export type ClientConfig = DeepReadonly<z.output<typeof clientSchema>>

/** Every key of a configuration as `section.key`. */
export type KeyPath<Config> = {
  [Section in keyof Config & string]: `${Section}.${keyof Config[Section] & string}`
}[keyof Config & string]
