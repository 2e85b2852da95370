/** What an invitation must be, and how parties find each other. */
import { type Mutant, mutants } from './mutant.ts'

const INVITATION = 'participant/signer/invitation.test.ts'
const RENDEZVOUS = 'participant/signer/rendezvous.test.ts'

export const signer: readonly Mutant[] = [
  ...mutants(
    'signer/places',
    'participant/signer/places.ts',
    ['participant/signer/places.test.ts'],
    [
      ['so many', 'if (this.#taken >= this.#count) await', 'if (this.#taken < 0) await'],
      ['given back once', 'if (!isTaken) return'],
      ['the next one comes in', 'else next()', 'else this.#taken--'],
      ['given back when nobody waits', 'if (next === undefined) this.#taken--\n    else next()', 'next?.()'],
      ['deadline', "fail('deadline passed while waiting for a place')", 'undefined'],
      ['cancelling', "signal.addEventListener('abort', onAbort)", ''],
      ['cancelled before', 'if (signal.aborted) onAbort()'],
      ['who gave up takes no place', 'this.#waiting.delete(enter)', ''],
    ],
  ),
  ...mutants(
    'signer/participant: places',
    'participant/signer/participant.ts',
    [{ file: 'test/serving.test.ts', only: '^signatures from the start wait' }],
    [
      ['signatures from the start', 'leave = await places.take(stopAt, signal)', ''],
      ['given back', 'leave?.()', ''],
    ],
  ),
  ...mutants(
    'signer/invitation',
    'participant/signer/invitation.ts',
    [INVITATION],
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
      ['sealed for us', ' || packet.to !== identity.id', ''],
      ['protocol', 'envelope.protocol !== PROTOCOL || ', ''],
      ['round', ' || envelope.round !== ROUND', ''],
    ],
  ),
  ...mutants(
    'signer/rendezvous',
    'participant/signer/rendezvous.ts',
    [RENDEZVOUS],
    [
      ['signature of a hello', ' || !verifyEnvelope(e, h.verifyKey)) return\n      if', ') return\n      if'],
      ['name', '!PARTY_ID.test(e.from) || ', ''],
      ['our name with another key', 'if (equalBytes(h.verifyKey, identity.verifyKey)) hellos', 'hellos'],
      ['the same hello again', 'if (before !== undefined && equalBytes(before.nonce, h.nonce)) return'],
      ['signature of a ready', 'h === undefined || !verifyEnvelope(e, h.verifyKey)', 'h === undefined'],
      ['ready for the same', 'ready.get(id) === tag', 'ready.has(id)'],
      ['protocol', 'e.protocol !== PROTOCOL || ', ''],
      ['said to all', " || e.to !== ''", ''],
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
]
