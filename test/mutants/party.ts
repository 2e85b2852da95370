/** Checks on what comes out of a room, on who takes part, and on sessions. */
import { type Mutant, mutants } from './mutant.ts'

const INBOX = 'participant/party/inbox.test.ts'
const CONNECTION = 'participant/party/connection.test.ts'
const ECHO = 'participant/party/echo.test.ts'
const ROSTER = 'participant/party/roster.test.ts'
const SESSION = 'participant/party/session.test.ts'
const SURVIVORS = 'test/mutants/survivors.test.ts'
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
      ['dropped ones are counted', 'this.#dropped++', ''],
    ],
  ),
  ...mutants(
    'party/mailbox',
    'participant/party/mailbox.ts',
    [CONNECTION, ECHO],
    [
      ['equivocation ends the session', 'abortOn(inbox.faults)'],
      ['a peer that stopped is not waited for', 'if (limitMs === undefined && stops[0] !== undefined)'],
      ['stops do not end a wait with a limit', 'if (limitMs !== undefined && (stops.length === waiting.length'],
      ['what was sent before a stop counts', 'if (waiting.length === 0) return', 'if (false) return'],
      ['the end of the session ends a wait', 'if (ended !== undefined) {', 'if (false) {'],
      ['the end of the session ends a post', 'if ((await Promise.race(['],
      [
        'deadline',
        "const timer = setTimeout(() => end(new TransportError('deadline passed')), o.deadlineMs)",
        'const timer = 0',
      ],
      ['cancelling', "o.signal?.addEventListener('abort', onAbort)"],
      ['cancelled before', 'if (o.signal?.aborted) onAbort()'],
      ['faults abort', 'if (faults.length === 0) return', 'return'],
      ['a reason has a fixed form', '/^[A-Z_]{1,32}$/.test(stop.reason) ?', 'true ?'],
      ['a reason is printable', "stop.message.replace(/[^\\x20-\\x7e]/g, '?')", 'stop.message'],
      ['telling has a limit', 'await Promise.race([told,', 'await Promise.all([told,'],
      ['the subscription ends', '      unsubscribe()\n', ''],
      ['the timer ends', '      clearTimeout(timer)\n', ''],
      ['the listener ends', "o.signal?.removeEventListener('abort', onAbort)", ''],
    ],
  ),
  ...mutants(
    'party/connection',
    'participant/party/connection.ts',
    [CONNECTION, ECHO],
    [
      ['pinned identity', 'requireMember(o.roster, o.identity)'],
      [
        'a body that does not decode is a fault',
        'faults.push({ culprit, protocol, round, code:',
        'void ({ culprit, protocol, round, code:',
      ],
      ['faults of checkEach', 'if (failed === undefined) continue', 'continue'],
      ['echo is run', "r.kind === 'broadcast' && r.echo", 'false'],
      ['views are compared', 'if (differ.length === 0) return', 'return'],
      ['equivocators are named', 'echo.equivocators(', '(() => [])('],
      ['differing views end the session', 'others))\n      throw new ProtocolAbort(', 'others))\n      void ('],
      ['abort throws', '\n        throw new ProtocolAbort(', '\n        void ('],
      ['undeclared protocols', 'if (p === undefined)'],
      ['the peers are told', 'await mailbox.stop({ reason:', 'void ({ reason:'],
      [
        'only the class of an error is told',
        "reason: e instanceof MpcError ? e.code : 'INTERNAL', message: ''",
        "reason: 'INTERNAL', message: String(e)",
      ],
      [
        'binding: session',
        'session: o.session,\n        epoch: o.epoch,\n        level',
        'session: new Uint8Array(32),\n        epoch: o.epoch,\n        level',
      ],
      ['binding: protocol', 'slot: `$', 'slot: slot || `$'],
    ],
  ),
  ...mutants(
    'party/echo',
    'participant/party/echo.ts',
    [ECHO],
    [
      [
        'ours of the same author',
        'if (ours === undefined || author === undefined) continue',
        'if (author === undefined || ours === undefined) { faults.push({ culprit: other.from } as Fault); continue }',
      ],
      ['same session', 'equalBytes(ours.session, other.session) &&', ''],
      ['same protocol', 'ours.protocol === other.protocol &&', ''],
      ['same round', 'ours.round === other.round &&', ''],
      ['same recipient', '&&\n      ours.to === other.to', ''],
      ['another body', 'equalBytes(ours.body, other.body) || ', ''],
      ['signature', ' || !verifyEnvelope(other, author.verifyKey)', ''],
      ['once', 'if (faults.some('],
      ['garbage', 'if (e instanceof DecodeError) return undefined'],
      ['hashes are compared', 'equalBytes(t.hashes[i] ?? new Uint8Array(0), h)', 'true'],
      ['a missing hash differs', 't.hashes[i] ?? new Uint8Array(0)', 't.hashes[i] ?? h'],
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
    ],
  ),
  ...mutants(
    'party/session',
    'participant/party/session.ts',
    [SURVIVORS],
    [['names of signers', "t.text('signer', id).bytes('nonce', nonce)", "t.bytes('nonce', nonce)"]],
  ),
  // together they are one check: see above
  ...mutants(
    'party/inbox',
    'participant/party/inbox.ts',
    [INBOX],
    [
      [
        'direct messages are sealed, broadcasts are clear',
        "packet.kind !== 'sealed' || envelope.to !== identity.id\n          : packet.kind !== 'clear' || envelope.to !== ''",
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
