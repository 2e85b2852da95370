/** Which packets of a room count, who takes part, and what a session id covers. */
import { type Mutant, mutants } from './mutant.ts'

const INBOX = 'participant/party/inbox.test.ts'
const ROSTER = 'participant/party/roster.test.ts'
const SESSION = 'participant/party/session.test.ts'
const ROUNDS = 'participant/party/rounds.test.ts'

/**
 * Left out, since another check refuses the same: that a seal names us and that the envelope in it does (unseal compares
 * the two), that a broadcast is not sealed (what is sealed to us names us), and the number of signers in a session id.
 */
export const party: readonly Mutant[] = [
  ...mutants(
    'party/inbox',
    'participant/party/inbox.ts',
    [INBOX],
    [
      ['session of the envelope', 'if (!equalBytes(envelope.session, session)) return undefined'],
      ['sender is a peer', 'if (sender === undefined) return undefined', 'if (sender === undefined) return envelope'],
      ['no slash in a protocol', "if (envelope.protocol.includes('/'))"],
      ['round is known', 'if (kind === undefined) return undefined'],
      ['direct messages are sealed', "packet.kind !== 'sealed' || ", ''],
      ['broadcasts are for all', " || envelope.to !== ''", ''],
      ['signature', 'return verifyEnvelope(envelope, sender.verifyKey) ?', 'return true ?'],
      ['garbage is dropped', 'if (e instanceof DecodeError) return undefined'],
      ['the same again is no fault', 'equalBytes(before.body, envelope.body)', 'false'],
      ['equivocation is a fault', 'this.#faults.push(', 'void ('],
      ['equivocation is one fault', '!this.#faults.some(', '!([] as readonly Fault[]).some('],
      ['the first one stays', 'if (before === undefined) {', 'if (before === undefined || true) {'],
      ['of one that may restart the first counts', ' || this.#o.mayRestart === true', ''],
      ['size of a direct message', ' || isTooLarge(envelope)', ''],
      ['a stop of any size', "protocol !== 'session' && ", ''],
      ['dropped ones are counted', 'this.#dropped++', ''],
    ],
  ),
  ...mutants(
    'party/roster',
    'participant/party/roster.ts',
    [ROSTER],
    [
      ['name of an identity', 'if (!PARTY_ID.test(id))'],
      ['at least two', 'members.length < 2 || ', ''],
      ['at most so many', ' || members.length > MAX_PARTIES', ''],
      ['names', 'if (!PARTY_ID.test(m.id))'],
      ['indices', 'if (m.index !== i + 1)'],
      ['signing keys of 32 bytes', 'm.verifyKey.length !== 32 || ', ''],
      ['sealing keys of 32 bytes', ' || m.sealKey.length !== 32', ''],
      ['names in order, once', 'if (before !== undefined && before.id >= m.id)'],
      ['names once', 'before.id >= m.id', 'before.id > m.id'],
      ['signing keys once', "of ['verifyKey', 'sealKey'] as const", "of ['sealKey'] as const"],
      ['sealing keys once', "of ['verifyKey', 'sealKey'] as const", "of ['verifyKey'] as const"],
      ['a member is known', 'if (m === undefined)'],
      ['pinned signing key', '!equalBytes(m.verifyKey, identity.verifyKey) || ', ''],
      ['pinned sealing key', ' || !equalBytes(m.sealKey, identity.sealKey)', ''],
      [
        'members are sorted',
        'const sorted = [...members].sort((a, b) => (a.id < b.id ? -1 : 1))',
        'const sorted = [...members]',
      ],
    ],
  ),
  ...mutants(
    'party/session',
    'participant/party/session.ts',
    [SESSION],
    [
      ['as many signers', 'order.length !== f.signers.length || ', ''],
      ['signers in order', ' || order.some((id, i) => id !== f.signers[i])', ''],
      ['nonce of 32 bytes', 'if (nonce?.length !== 32)'],
      ['purpose', "    .text('purpose', f.purpose)\n", ''],
      ['level', "    .bytes('level', f.level.digest)\n", ''],
      ['roster', "    .bytes('roster', rosterDigest(f.roster))\n", ''],
      ['threshold', "    .value('threshold', u16, f.threshold)\n", ''],
      ['account', "    .value('account', text(256), f.account)\n", ''],
      ['epoch', "\n    .value('epoch', u32, f.epoch)", ''],
      ['public key', 'if (f.publicKey !== undefined)'],
      ['digest', 'if (f.digest !== undefined)'],
      ['nonces', "t.text('signer', id).bytes('nonce', nonce)", "t.text('signer', id)"],
      ['names of signers', "t.text('signer', id).bytes('nonce', nonce)", "t.bytes('nonce', nonce)"],
    ],
  ),
  // together they are one check: see above
  ...mutants(
    'party/inbox',
    'participant/party/inbox.ts',
    [INBOX],
    [
      [
        'direct messages are sealed, broadcasts are clear',
        "packet.kind !== 'sealed' || envelope.to !== identity.id || isTooLarge(envelope)\n          : packet.kind !== 'clear' || envelope.to !== ''",
        'false\n          : false',
      ],
    ],
  ),
  ...mutants(
    'party/rounds',
    'participant/party/rounds.ts',
    [ROUNDS],
    [
      ['a reason for no echo', "if (because === '')"],
      ['only peers have values', 'if (!this.#values.has(peer))'],
      ['broadcasts are echoed', 'codec, echo: true }', 'codec, echo: false }'],
    ],
  ),
]
