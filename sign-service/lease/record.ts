/**
 * What a Lease of coordination.k8s.io/v1 says: who holds it, and for how long after each renewal. Times in it come from
 * somebody else's clock, so nothing is concluded from them. Fields that aren't ours are kept as they came.
 */
import { z } from 'zod'

const MAX_HOLDER = 512

const schema = z.looseObject({
  apiVersion: z.literal('coordination.k8s.io/v1'),
  kind: z.literal('Lease'),
  metadata: z.looseObject({ name: z.string(), resourceVersion: z.string().min(1).max(256) }),
  spec: z
    .looseObject({
      holderIdentity: z.string().max(MAX_HOLDER).nullish(),
      leaseDurationSeconds: z.number().int().min(1).max(86_400).nullish(),
      leaseTransitions: z.number().int().min(0).nullish(),
      acquireTime: z.string().nullish(),
    })
    .nullish(),
})

export type LeaseObject = z.output<typeof schema>

export interface LeaseRecord {
  readonly object: LeaseObject
  /** Undefined when it was given back or never taken. */
  readonly holder: string | undefined
  /** Changes with every change of the object. */
  readonly version: string
  readonly durationMs: number | undefined
}

/** Undefined when it is no Lease of this name. */
export function parseLease(value: unknown, name: string): LeaseRecord | undefined {
  const parsed = schema.safeParse(value)
  if (!parsed.success || parsed.data.metadata.name !== name) return undefined
  const { holderIdentity, leaseDurationSeconds } = parsed.data.spec ?? {}
  return {
    object: parsed.data,
    holder: holderIdentity === null || holderIdentity === '' ? undefined : holderIdentity,
    version: parsed.data.metadata.resourceVersion,
    durationMs: typeof leaseDurationSeconds === 'number' ? 1000 * leaseDurationSeconds : undefined,
  }
}

export interface Wanted {
  readonly name: string
  readonly namespace: string
  readonly holder: string
  readonly durationSeconds: number
  readonly now: Date
}

export function newLease({ name, namespace, holder, durationSeconds, now }: Wanted): object {
  const time = microTime(now)
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace },
    spec: {
      holderIdentity: holder,
      leaseDurationSeconds: durationSeconds,
      acquireTime: time,
      renewTime: time,
      leaseTransitions: 0,
    },
  }
}

/** The same object, held by `holder`. The version that was read stays in it: written over a newer one it is refused. */
export function takenLease({ object, holder: before }: LeaseRecord, o: Omit<Wanted, 'name' | 'namespace'>): object {
  const time = microTime(o.now)
  const isOurs = before === o.holder
  return {
    ...object,
    spec: {
      ...object.spec,
      holderIdentity: o.holder,
      leaseDurationSeconds: o.durationSeconds,
      renewTime: time,
      ...(isOurs ? {} : { acquireTime: time, leaseTransitions: (object.spec?.leaseTransitions ?? 0) + 1 }),
    },
  }
}

/** The same object, for anybody to take. */
export function releasedLease({ object }: LeaseRecord, now: Date): object {
  return { ...object, spec: { ...object.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(now) } }
}

/** The one form of time with fractions that Kubernetes reads: six digits. */
function microTime(time: Date): string {
  return time.toISOString().replace(/Z$/, '000Z')
}
