/**
 * The `lease` section of sign-service: a lease of the cluster that it has to hold while it serves, so that of two that were
 * started on the same shares only one signs. Off unless it is turned on.
 *
 * Three times make it hold. Whoever waits takes a lease that has not been renewed for `duration_seconds`; whoever holds it
 * stops after `renew_deadline_seconds` without a renewal. What lies between the two is for clocks that don't run alike and
 * for a process that takes its time to end.
 */
import { z } from 'zod'
import { integer, oneOf, text } from './fields.ts'
import type { Problem } from './gateway-auth.ts'

export const LEASE_TYPES = ['none', 'kubernetes'] as const

/** Where Kubernetes mounts what a pod needs to speak to its API. */
const IN_CLUSTER = '/var/run/secrets/kubernetes.io/serviceaccount'

const name = (what: string, pattern: RegExp, max: number) => {
  const error = `expected ${what} of lower case letters, digits and dashes`
  return z.string({ error }).max(max, { error }).regex(pattern, { error })
}

export const leaseSection = () =>
  z
    .strictObject({
      type: oneOf(LEASE_TYPES).default('none'),
      name: name('a name', /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 253).default('sign-service'),
      namespace: name('the name of a namespace', /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, 63).optional(),
      api_url: apiUrl().optional(),
      credentials_folder: text('a folder name').default(IN_CLUSTER),
      duration_seconds: integer(3, 3600).default(30),
      renew_deadline_seconds: integer(2, 3600).default(20),
      renew_seconds: integer(1, 3600).default(5),
      wait_seconds: integer(0, 86_400).default(60),
    })
    .prefault({})

/** A token goes there. */
function apiUrl() {
  const error = 'expected an https address without user, path, query or fragment'
  return z
    .string({ error })
    .refine((value) => /^https:\/\/[^\s\\/?#@]+\/?$/i.test(value) && URL.canParse(value), { error })
    .overwrite((value) => value.replace(/\/$/, ''))
}

export type LeaseSection = z.output<ReturnType<typeof leaseSection>>

/** Checks that involve several keys; the path names the one to change. */
export function leaseProblems(lease: LeaseSection): readonly Problem[] {
  const problems: Problem[] = []
  const problem = (key: keyof LeaseSection, message: string) => problems.push({ path: ['lease', key], message })
  if (lease.type === 'none') {
    for (const key of ['namespace', 'api_url'] as const) {
      if (lease[key] !== undefined) problem(key, 'expected only with lease.type kubernetes')
    }
    return problems
  }
  if (5 * lease.renew_deadline_seconds > 4 * lease.duration_seconds) {
    problem('renew_deadline_seconds', 'expected at most four fifths of lease.duration_seconds')
  }
  if (2 * lease.renew_seconds > lease.renew_deadline_seconds) {
    problem('renew_seconds', 'expected at most half of lease.renew_deadline_seconds')
  }
  return problems
}
