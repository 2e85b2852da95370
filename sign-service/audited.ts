/**
 * The policy with a record: each decision is in the audit log before anything follows from it, and what cannot be recorded
 * is refused. How each signature ended is recorded as well.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import type { AuditLog } from '../config/audit/writer.ts'
import type { Refusal, ServiceEvent } from '../participant/index.ts'
import { currentCaller } from './api/caller.ts'
import type { Log } from './log.ts'
import type { Policy } from './policy.ts'

const NO_RECORD: Refusal = { code: 'NO_RECORD', message: 'this side could not record the request' }

export function audited(policy: Policy, audit: AuditLog | undefined): Policy {
  if (audit === undefined) return policy
  return {
    ...policy,
    close: () => policy.close(),
    decidePresign: (request) => policy.decidePresign(request),
    async decide(request) {
      const { account, from, signers, payload, digest } = request
      const caller = currentCaller.getStore()?.name
      const refusal = await policy.decide(request)
      const fields = { account, from, caller, signers, kind: payload.kind, digest: bytesToHex(digest) }
      try {
        await audit.append(refusal === undefined ? 'allowed' : 'refused', { ...fields, code: refusal?.code })
      } catch {
        return NO_RECORD
      }
      return refusal
    },
  }
}

/** Ends of signatures; those that a policy refused are recorded by its decision. */
export function recordEnd(audit: AuditLog | undefined, log: Log, event: ServiceEvent): void {
  if (audit === undefined || (event.at !== 'signed' && event.at !== 'failed')) return
  const { at, kind, session, account, from, ms, code, culprits } = event
  if (kind === 'presign') return
  audit.append(at, { account, from, session, way: kind, ms, code, culprits }).catch(() => {
    log.error('the end of a signature could not be recorded')
  })
}
