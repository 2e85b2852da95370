/** What a participant that serves answers, judges and spends, and what it takes for an answer from others. */
import { type Mutant, mutants, type Tests } from './mutant.ts'

const SERVING = 'test/serving.test.ts'
const CEREMONY = 'test/ceremony.test.ts'
const signer = (name: string): string => `participant/signer/${name}.ts`
const testOf = (name: string): string => `participant/signer/${name}.test.ts`
const presigned = (only: string): Tests => ({ file: 'test/attacks/presigned.test.ts', only })

export const service: readonly Mutant[] = [
  ...mutants(
    'signer/serve',
    signer('serve'),
    [SERVING],
    [
      ['each meeting once', 'if (seen.has(meeting)) return false'],
      ['long past', 'if (deadline < now - MEMORY_MS) return'],
      ['from a peer', 's !== undefined && isFromPeer(s, got)', 's !== undefined'],
      ['places of one peer', 'Math.ceil((3 * maxSessions) / 4)', 'maxSessions'],
      ['failures of one peer', 'o.failuresPerMinute ?? FAILURES_PER_MINUTE', 'FAILURES_PER_MINUTE'],
      ['nothing new after the end', 'linkSignals([ctx.signal, closing.signal])', 'linkSignals([ctx.signal])'],
    ],
  ),
  ...mutants(
    'signer/answer',
    signer('answer'),
    [SERVING],
    [
      ['a place', "if (place !== 'admitted') return no("],
      ['a place is left', 'ctx.admission.leave(from, { failed })', ''],
      ['failures count', 'failed = !(e instanceof StateError)', 'failed = false'],
      ['judged', 'refusal = await judge(got, share, { ...grounds, claim: claimed })', 'await claimed()'],
    ],
  ),
  ...mutants(
    'signer/answer',
    signer('answer'),
    [{ file: SERVING, only: '^a signing takes' }],
    [
      ['its deadline', 'Math.min(Number(invitation.deadline) - Date.now(), ctx.sessionMs)', 'ctx.sessionMs'],
      [
        'our limit',
        'Math.min(Number(invitation.deadline) - Date.now(), ctx.sessionMs)',
        'Number(invitation.deadline) - Date.now()',
      ],
    ],
  ),
  ...mutants(
    'signer/answer',
    signer('answer'),
    [presigned('^an answer goes to no room')],
    [['a room for answers', 'if (!REPLY_ROOM.test(reply)) return']],
  ),
  ...mutants(
    'signer/answer',
    signer('answer'),
    [{ file: SERVING, only: '^refusals that' }],
    [['refusals at a time', 'refusals < REFUSALS_LIMIT', 'true']],
  ),
  ...mutants(
    'signer/admission',
    signer('admission'),
    [testOf('admission')],
    [
      ['failures', 'if (this.#failureCount(peer) > failuresPerMinute - 1)'],
      ['places', 'this.#sessions >= maxSessions || ', ''],
      ['places of one peer', ' || own >= maxSessionsPerPeer', ''],
      ['a place is free again', 'this.#sessions--', ''],
      [
        'a place of one peer is free again',
        'const own = (this.#running.get(peer) ?? 1) - 1',
        'const own = this.#running.get(peer) ?? 1',
      ],
      ['what ended well is no failure', 'if (!o.failed) return'],
      ['failures fade', 'Math.max(0, failures.count - faded)', 'failures.count'],
    ],
  ),
  ...mutants(
    'signer/judging',
    signer('judging'),
    [testOf('judging')],
    [
      ['account', 'if (share.account !== account)'],
      ['fits the share', 'if (problem !== undefined)'],
      ['deadline', 'if (Number(invitation.deadline) <= Date.now())'],
      ['locks', 'if ((await findLock('],
      ['a pool', "if (ask.kind !== 'sign' && pool === undefined)"],
      ['a place in the pool', 'if (pool?.hasPlace('],
      ['the host, about presignatures', 'return await host.decidePresign?.(request)', 'return undefined'],
      ['no bare digest with a presignature', "if (ask.kind === 'sign-presigned' && payload.kind === 'digest')"],
      ['the host', 'return await host.decide(', 'await host.decide('],
      ['a host that fails', 'return await host.decide(', 'return host.decide('],
    ],
  ),
  ...mutants(
    'signer/locks',
    signer('locks'),
    [testOf('judging'), testOf('locks.node')],
    [
      ['not with ourselves', 'peer === self ? undefined : ', ''],
      ['a lock', 'if (lock !== undefined) return lock'],
      ['a signature that does not verify', 'if (error instanceof InternalError) {', 'if (false) {'],
      ['only what is final', 'error.faults.filter((f) => FINAL.includes(f.code))', 'error.faults'],
    ],
  ),
  ...mutants(
    'signer/meeting',
    signer('meeting'),
    [testOf('meeting')],
    [
      ['nothing is resumed', 'ending.abort()\n    },', '},'],
      ['what is told of it', 'if (!wasHere) return', 'return'],
      [
        'our own join: in the clear',
        "if (packet.kind !== 'clear') return false",
        "if (packet.kind !== 'clear') return true",
      ],
      ['our own join: session', '!equalBytes(e.session, meeting) || ', ''],
      ['our own join: signature', ' || !verifyEnvelope(e, verifyKey)', ''],
      ['our own join: name', 'e.from === id && ', ''],
      ['our own join: round', ' && e.round === join.name', ''],
      ['our own join: for all', " && e.to === ''", ''],
      [
        'our own join: another nonce',
        'return !equalBytes(decode(viewed(join.codec), e.body).message.nonce, nonce)',
        'return true',
      ],
      ['our own join: garbage', 'if (e instanceof DecodeError) return false'],
      ['invited to the same', 'if (got.values().some((j)'],
    ],
  ),
  ...mutants(
    'signer/presigned',
    signer('presigned'),
    [testOf('presigned')],
    [
      ['answer: sender', 'const isOurs = e.from === peer && ', 'const isOurs = '],
      ['answer: for all', "e.to === '' && ", ''],
      ['answer: protocol', 'e.protocol === PROTOCOL && ', ''],
      ['answer: round', ' && e.round === one.name', ''],
      ['answer: session', 'isOurs && equalBytes(e.session, session) && ', 'isOurs && '],
      ['answer: signature', ' && verifyEnvelope(e, verifyKey) ? e', ' ? e'],
      ['refusal: for us', 'packet.to !== share.identity.id || ', ''],
      ['refusal: sender', 'said.from === peer && ', ''],
      ['refusal: protocol', "said.protocol === 'session' && ", ''],
      ['refusal: round', " && said.round === 'stop'", ''],
      ['refusal: signature', ' || !verifyEnvelope(said, verifyKey)', ''],
      ['refusal: is one', 'if (!isStop || ', 'if ('],
      ['garbage', 'if (e instanceof DecodeError) return undefined'],
      ['decodes', 'if (e instanceof DecodeError) return failed('],
      ['view', 'if (!equalBytes(view, presigned.view))'],
      ['only a signature that holds', 'if (signature !== undefined) return signature', 'return signature as Signature'],
      [
        'whose part is wrong',
        'return wrong === undefined ? combinePartials(presignature, digest, sigmas) : ',
        'return ',
      ],
    ],
  ),
  ...mutants(
    'signer/pool',
    signer('pool'),
    [testOf('pool')],
    [
      ['those that are being made count', ' + (this.#expected.get(poolName(key)) ?? 0)', ''],
      ['as many as fit', 'if (this.size(key) >= this.#limits.max) return false'],
      ['given out once', 'this.#remove(key, name)\n', '\n'],
      ['the oldest is given out once', 'this.#remove(key, id)\n      if', 'if'],
      ['its owner stops earlier', 'if (this.#now() - at < limit) {', 'if (true) {'],
      ['age', 'if (this.#now() - at < this.#limits.maxAgeMs) break', 'break'],
      ['account', 'JSON.stringify([account, owner, ...signers])', 'JSON.stringify([owner, ...signers])'],
      ['owner', 'JSON.stringify([account, owner, ...signers])', 'JSON.stringify([account, ...signers])'],
      ['signers', 'JSON.stringify([account, owner, ...signers])', 'JSON.stringify([account, owner])'],
    ],
  ),
  ...mutants(
    'signer/ceremony',
    signer('ceremony'),
    [CEREMONY],
    [
      ['fingerprint', 'if (!(await confirmed('],
      ['a ceremony that has ended asks nobody', 'if (signal.aborted) onAbort()'],
      ['the end of the ceremony ends the question', "signal.addEventListener('abort', onAbort, { once: true })", ''],
      ['all ended with the same', 'if (got.values().some((m)'],
      ['room', 'need(/^[A-Za-z0-9._-]{1,100}$/'],
      ['parties', 'need(Number.isInteger(o.parties)'],
      ['threshold', 'need(\n    Number.isInteger(o.threshold)'],
      ['an account', 'need(o.accounts.length > 0'],
      ['each account once', 'need(new Set(o.accounts).size'],
      ['accounts', 'for (const account of o.accounts) requireAccountId(account)'],
    ],
  ),
]
