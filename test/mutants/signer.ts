/** What a participant looks at before it signs, and what ends a meeting. */
import { type Mutant, mutants, type Tests } from './mutant.ts'

const INVITATION = 'participant/signer/invitation.test.ts'
const SURVIVORS = 'test/mutants/survivors.test.ts'
const RENDEZVOUS = 'participant/signer/rendezvous.test.ts'
const signing = (only: string): Tests => ({ file: 'test/signing.test.ts', only })

export const signer: readonly Mutant[] = [
  ...mutants(
    'signer/invitation',
    'participant/signer/invitation.ts',
    [INVITATION, SURVIVORS],
    [
      ['of a member', 'member !== undefined && from', 'from'],
      ['not our own', 'from !== share.identity.id && ', ''],
      ['signature', ' && verifyEnvelope(envelope, member.verifyKey)', ''],
      ['roster', '!equalBytes(i.roster, rosterDigest(share.roster)) || ', ''],
      ['level', ' || i.level !== share.level.name', ''],
      ['epoch', 'if (i.epoch !== share.epoch)'],
      ['as many as the threshold', 'order.length === share.core.threshold && ', ''],
      ['nobody else', ' && order.length === i.signers.length', ''],
      ['order', ' || order.some((id, at) => id !== i.signers[at])', ''],
      ['who asks', '!i.signers.includes(from) || ', ''],
      ['ourselves', ' || !i.signers.includes(share.identity.id)', ''],
      ['the hash has the meeting', ".bytes('meeting', meeting).value('invitation'", ".value('invitation'"],
      ['garbage', 'if (e instanceof DecodeError) return undefined'],
    ],
  ),
  ...mutants(
    'signer/rendezvous',
    'participant/signer/rendezvous.ts',
    [RENDEZVOUS, SURVIVORS],
    [
      ['signature of a hello', ' || !verifyEnvelope(e, h.verifyKey)) return\n      if', ') return\n      if'],
      ['more names than parties', 'if (hellos.size > parties)'],
      ['terms: parties', 'if (h.parties !== mine.parties)'],
      ['terms: threshold', 'if (h.threshold !== mine.threshold)'],
      ['terms: level', 'if (h.level !== mine.level)'],
      ['terms: accounts', "return same ? undefined : 'accounts'", 'return undefined'],
      ['session', ' || !equalBytes(e.session, session)', ''],
      ['garbage', 'if (!(error instanceof DecodeError)) fail'],
      [
        'deadline',
        'const timer = setTimeout(onAbort, o.deadlineMs)',
        'const timer = setTimeout(() => undefined, o.deadlineMs)',
      ],
      ['nobody leaves before its word', 'announcing.then(', 'Promise.resolve().then('],
    ],
  ),
  ...mutants(
    'signer/ceremony',
    'participant/signer/ceremony.ts',
    [signing('^a fingerprint that a person')],
    [['fingerprint', 'if (!(await confirmed(']],
  ),
]
