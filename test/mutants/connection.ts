/** How a session waits, ends and blames: post, echo, views, and what a party that stops says of others. */
import { type Mutant, mutants, type Tests } from './mutant.ts'

const CONNECTION = 'participant/party/connection.test.ts'
const ACCUSATION = 'participant/party/accusation.test.ts'
const VIEW = 'participant/party/view.test.ts'
const echo = (only: string): Tests => ({ file: 'participant/party/echo.test.ts', only })
const STOPPING = echo('^(saying that it stops|one that stops)')
const ECHOING = echo('^(an author of two|where a party may come|a lying echo)')
const EQUIVOCATION = echo('^(not convicted|two signed messages|differences)')

export const connection: readonly Mutant[] = [
  ...mutants(
    'party/session-work',
    'participant/party/session-work.ts',
    ['participant/party/session-work.test.ts'],
    [
      ['prove', 'orEnd(work.prove(...given))', 'work.prove(...given)'],
      ['verify', 'orEnd(work.verify(...given))', 'work.verify(...given)'],
      ['verifyTwo', 'orEnd(work.verifyTwo(...given))', 'work.verifyTwo(...given)'],
      ['background', 'sessionWork(work.background, orEnd)', 'work.background'],
    ],
  ),
  ...mutants(
    'party/connection: work',
    'participant/party/connection.ts',
    ['participant/party/session-work.test.ts'],
    [
      ['ends with the session', 'sessionWork(o.work, mailbox.orEnd)', 'o.work'],
      ['goes on to the end', 'workToTheEnd: o.work', 'workToTheEnd: work'],
    ],
  ),
  ...mutants(
    'base/turns',
    'participant/base/turns.ts',
    ['participant/base/turns.test.ts'],
    [['one block a turn', 'lastTurn = lastTurn.then(nextTurn)', 'lastTurn = nextTurn()']],
  ),
  ...mutants(
    'math/primes: turns',
    'participant/math/primes.ts',
    ['participant/math/primes.test.ts'],
    [
      [
        'a turn for sockets',
        'turn: yieldToEventLoop,',
        'turn: () => new Promise((resolve) => setTimeout(resolve, 0)),',
      ],
    ],
  ),
  ...mutants(
    'party/mailbox',
    'participant/party/mailbox.ts',
    [CONNECTION],
    [
      ['equivocation ends the session', 'abortOn(inbox.faults)'],
      ['a peer that stopped is not waited for', 'if (limitMs === undefined && stops[0] !== undefined)'],
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
      ['faults abort', 'if (faults.length > 0) throw abortOf(faults)'],
      ['a reason has a fixed form', '/^[A-Z_]{1,32}$/.test(stop.reason) ?', 'true ?'],
      ['a reason is printable', "stop.message.replace(/[^\\x20-\\x7e]/g, '?')", 'stop.message'],
      ['one accusation for each accused', 'told.findIndex((b) => b.culprit === a.culprit) === i', 'true'],
      ['telling has a limit', 'await Promise.race([told,', 'await Promise.all([told,'],
      ['the subscription ends', '      unsubscribe()\n', ''],
      ['the timer ends', '      clearTimeout(timer)\n', ''],
      ['the listener ends', "o.signal?.removeEventListener('abort', onAbort)", ''],
    ],
  ),
  ...mutants(
    'party/mailbox',
    'participant/party/mailbox.ts',
    [STOPPING],
    [
      [
        'stops do not end a wait with a limit',
        'if (limitMs === undefined && stops[0] !== undefined)',
        'if (stops[0] !== undefined)',
      ],
      ['whoever stopped is not waited for with a limit', 'stops.length === waiting.length || ', ''],
      [
        'the end of the session ends a wait with a limit',
        ' || ended !== undefined)) return undefined',
        ')) return undefined',
      ],
    ],
  ),
  ...mutants(
    'party/connection',
    'participant/party/connection.ts',
    [CONNECTION],
    [
      ['pinned identity', 'requireMember(o.roster, o.identity)'],
      [
        'a body that does not decode is a fault',
        'faults.push({ culprit, protocol, round, code:',
        'void ({ culprit, protocol, round, code:',
      ],
      ['faults of checkEach', 'if (failed === undefined) continue', 'continue'],
      ['abort names the culprits', 'abortOn(culprits.map(', 'void (culprits.map('],
      ['abort throws', '?? [] })))\n        throw new ProtocolAbort(', '?? [] })))\n        void ('],
      ['a message is collected after ours was sent', 'if (mine === undefined) throw new InternalError('],
      ['undeclared protocols', 'if (p === undefined)'],
      ['the peers are told', 'await mailbox.stop({ reason:', 'void ({ reason:'],
      [
        'only the class of an error is told',
        "reason: error instanceof MpcError ? error.code : 'INTERNAL', message: ''",
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
    'party/connection',
    'participant/party/connection.ts',
    [ECHOING],
    [
      ['echo is run', "r.kind === 'broadcast' && r.echo", 'false'],
      ['views are compared', 'if (differ.length === 0) return', 'return'],
      ['equivocators are named', 'echo.equivocators(', '(() => [])('],
      ['differing views end the session', 'others))\n      throw new ProtocolAbort(', 'others))\n      void ('],
      ['two messages of one that may restart blame nobody', 'if (o.mayRestart !== true) abortOn(', 'abortOn('],
    ],
  ),
  ...mutants(
    'party/connection',
    'participant/party/connection.ts',
    [VIEW],
    [
      ['another view', 'if (others.length === 0) return', 'return'],
      ['another view blames when it is certain', 'if (mine.isCertain) {', 'if (false) {'],
      ['another view blames only when it is certain', 'if (mine.isCertain) {', 'if (true) {'],
      ['another view ends the session', '      }\n      throw new ProtocolAbort(', '      }\n      void ('],
    ],
  ),
  ...mutants(
    'party/connection',
    'participant/party/connection.ts',
    [ACCUSATION],
    [
      [
        'what peers that stop tell is checked',
        'const faults = await provenFaults(mailbox.accusations(), mine)',
        'const faults: readonly Fault[] = []',
      ],
      ['the peers are told whom we blame', 'error instanceof ProtocolAbort ? error.faults : []', '[]'],
      ['faults come with the record', '({ ...f, record: shown })', '({ ...f })'],
      ['the record has our own broadcasts', 'const e = id === o.identity.id ?', 'const e = false ?'],
    ],
  ),
  ...mutants(
    'party/echo',
    'participant/party/echo.ts',
    [EQUIVOCATION],
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
    'party/accusation',
    'participant/party/accusation.ts',
    [ACCUSATION],
    [
      ['what fits', 'const fits = size <= left && ', 'const fits = '],
      ['length of a check', ' && new TextEncoder().encode(check).length <= CHECK_LIMIT', ''],
      ['no accusation without a message', 'evidence.length < 1 || ', ''],
      ['messages of one accusation', ' || evidence.length > ENVELOPES_LIMIT', ''],
      ['of a peer', '!mine.peers.includes(culprit) || ', ''],
      ['one for each culprit', ' || proven.some((f) => f.culprit === culprit)', ''],
      ['proven', 'contradictsView(fault, mine) || (await mine.convicts?.(fault))', 'true'],
      ['proven by its view', 'contradictsView(fault, mine) || ', ''],
      ['a view: code', "code !== 'VIEW' || ", ''],
      ['a view: certain', 'mine?.isCertain !== true', 'mine === undefined'],
      ['a view: culprit', 'e.from === culprit &&', 'true &&'],
      ['a view: protocol', 'e.protocol === protocol &&', 'true &&'],
      ['a view: round', 'e.round === round &&', 'true &&'],
      ['a view: session', 'equalBytes(e.session, session) &&', 'true &&'],
      ['a view: signature', 'verifyEnvelope(e, memberOf(roster, culprit).verifyKey) &&', 'true &&'],
      ['a view: another', '!equalBytes(viewOf(e.body), mine.view)', 'true'],
      ['garbage', 'if (e instanceof DecodeError) return undefined'],
    ],
  ),
  ...mutants(
    'party/view',
    'participant/party/view.ts',
    [VIEW],
    [
      ['the view before', ".bytes('before', view)", ''],
      ['protocol', ".text('protocol', protocol)", ''],
      ['round', ".text('round', round)", ''],
      ['names', "t.text('signer', id).bytes(", 't.bytes('],
      ['bodies', ".bytes('body', sha256(body))", ''],
      ['certain: what came before', 'this.#now.isCertain && (', '('],
      ['certain: echoed', '(o.isEchoed || !this.#withEcho)', 'true'],
      ['certain: two parties', ' || !this.#withEcho', ''],
    ],
  ),
]
