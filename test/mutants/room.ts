/** What the gateway's client takes from a gateway that lies, and what it says of it. */
import { type Mutant, mutants, type Tests } from './mutant.ts'

const room = (only: string): Tests => ({ file: 'participant/room/room.test.ts', only })
const file = (name: string): string => `participant/room/${name}.ts`

const ADDRESSES = room('^(addresses and ids|a base URL)')
const REFUSALS = room('^(refusals|Retry-After|redirects)')
const POSTS = room('^(post:|redirects|index:|nobody listens|closing and aborting)')
const STREAMS = room(
  '^(refusals that may|a silent|a gateway that takes|an event without|ids that|another epoch|redirects|garbage)',
)
const PACKETS = room('^(cut connections|late subscribers|without a log|garbage|ids that|a subscriber|whoever closes)')
const RESEND = 'participant/room/resend.test.ts'
const OWN = room('^(another epoch|a packet that)')

export const rooms: readonly Mutant[] = [
  ...mutants(
    'room/link',
    file('link'),
    [ADDRESSES],
    [
      ['scheme', "if (url.protocol !== 'http:'"],
      ['no credentials', "if (url.username !== ''"],
      ['no query', "url.search !== '' || ", ''],
      ['no fragment', " || url.hash !== ''", ''],
      [
        'an absolute URL',
        "  } catch {\n    throw new UsageError('gateway url",
        "  } catch {\n    throw new TypeError('gateway url",
      ],
      ['no slash at the end', ".replace(/\\/+$/, '')", ''],
      ['no id', "id === '' || ", ''],
      ['no .', "id === '.' || ", ''],
      ['no ..', " || id === '..'", ''],
      ['ids are text', "throw new UsageError('room id: expected well-formed", "void ('room id: expected well-formed"],
    ],
  ),
  ...mutants(
    'room/link',
    file('link'),
    [REFUSALS],
    [
      ['form of Retry-After', '/^\\d{1,6}$/.test(retryAfter) ?', 'false ?'],
      ['form of a code', '/^[a-z0-9_]{1,40}$/.test(named)', 'true'],
      ['429 may pass', 'status === 429 || ', ''],
      ['408 may pass', 'status === 408 || ', ''],
      ['5xx may pass', ' || status >= 500', ''],
      ['others do not pass', 'return status === 408', 'return status > 0 || status === 408'],
      ['a redirect is told', 'if (status === 0 || (status >= 300'],
    ],
  ),
  ...mutants(
    'room/request',
    file('request'),
    [POSTS],
    [
      ['cancelled', "if (isCancelled()) throw new TransportError('cancelled')"],
      ['deadline', 'if (leftMs <= 0) throw'],
      ['refused for good', 'if (answer !== undefined && !isTransient(answer, link.renews))'],
      ['redirects of a post', "signal,\n        redirect: 'manual'", 'signal'],
      [
        'only 200 is taken',
        'response.status === 200 ? await readText(response, ANSWER_LIMIT) : await readRefusal(response)',
        'await readText(response, ANSWER_LIMIT)',
      ],
    ],
  ),
  ...mutants(
    'room/stream',
    file('stream'),
    [STREAMS],
    [
      ['only 200 is a stream', 'if (response.status !== 200) {', 'if (false) {'],
      [
        'content type',
        "} else if (response.headers.get('content-type')",
        "} else if (false && response.headers.get('content-type')",
      ],
      ['silence', 'if (leftMs <= 0) finish('],
      ['what comes is heard', 'lastByteMs = performance.now()\n        pendingBytes', 'pendingBytes'],
      ['length of an event', 'if (pendingBytes <= PENDING_LIMIT) return', 'return'],
      ['redirects of a stream', "signal, redirect: 'manual'", 'signal'],
      ['another epoch', 'if (response.status !== 200 || isKnown) return response', 'return response'],
      ['from the beginning in another epoch', " || response.headers.get('room-resumed-from') === '0'", ' || true'],
      ['ids are numbers', 'if (!/^(0|[1-9]'],
      ['where it left off', "if (lastId !== undefined) headers['last-event-id']"],
    ],
  ),
  ...mutants(
    'room/room',
    file('room'),
    [PACKETS],
    [
      ['each id once', 'if (this.#lastId !== undefined && id <= this.#lastId) {', 'if (false) {'],
      ['a gap is told', 'if (id !== (this.#lastId ?? -1) + 1)'],
      ['base64', "if (e instanceof DecodeError) return 'no base64'"],
      ['length', "if (text.length > TEXT_LIMIT) return 'too long'"],
      ['from the beginning', 'next: 0, isDone', 'next: 99, isDone'],
      ['nothing after leaving', '      subscriber.isDone = true\n      this', '      this'],
      [
        'a subscriber that fails',
        'queueMicrotask(() => this.#dismiss(subscriber, error))\n    }\n  }\n\n  #dismiss',
        '}\n  }\n\n  #dismiss',
      ],
    ],
  ),
  ...mutants(
    'room/room',
    file('room'),
    [OWN],
    [
      ['own packets in another epoch', '    this.#postAgain(() => true)\n', ''],
      ['nothing is shown in another epoch', '      own.isShown = false\n', ''],
      ['the last id in another epoch', '    this.#lastId = undefined\n', ''],
      ['own packets that are not shown', 'this.#postAgain((own) => !own.isShown)', 'undefined'],
      ['own packets that are shown', 'if (own !== undefined) own.isShown = true'],
      ['callbacks', 'for (const callback of this.#restartCallbacks) queueMicrotask(callback)', ''],
    ],
  ),
  ...mutants(
    'room/room',
    file('room'),
    [room('^(refusals|closing and aborting|a room that outgrows|whoever closes)')],
    [
      ['a refusal for good', "if (end.kind === 'refused' && !isTransient(end.refusal, this.#link.renews)"],
      ['204 is no refusal', ' && end.refusal.status !== 204', ''],
      ['closed', 'if (this.#closed !== undefined) throw this.#closed'],
      ['the end of posts', 'for (const controller of this.#sending) controller.abort()', ''],
      ['the end of the stream', '    this.#ending.abort()\n', ''],
      [
        'subscribers are told',
        'for (const subscriber of [...this.#subscribers]) {\n      queueMicrotask',
        'for (const subscriber of []) {\n      queueMicrotask',
      ],
      ['cancelled before', 'if (signal?.aborted === true) this.#onOuterAbort()'],
      ['full', "if (added === 'full')"],
    ],
  ),
  ...mutants(
    'room/resend',
    file('room'),
    [RESEND],
    [['a new key in a new room', '      own.key = this.#newKey(own.text)\n', '']],
  ),
  ...mutants(
    'room/resend',
    file('request'),
    [RESEND],
    [['the key is sent', "if (key !== undefined) own['idempotency-key'] = key"]],
  ),
  ...mutants(
    'room/resend',
    file('packet-log'),
    [RESEND],
    [
      ['random bytes in a key', 'random.bytes(16), ', ''],
      ['the packet in a key', ', utf8ToBytes(text)', ''],
    ],
  ),
  ...mutants(
    'room/reset',
    file('stream'),
    [RESEND],
    [
      ['a reset is heard', 'o.onRestart(epoch)\n      if', 'if'],
      ['form of an epoch', ' || !EPOCH.test(epoch)', ''],
      ['told already', 'return epoch === known && lastId === undefined ? undefined : epoch', 'return epoch'],
      ['after an id that is gone', 'epoch === known && lastId === undefined ?', 'epoch === known ?'],
      [
        'no JSON',
        '  } catch {\n    return undefined\n  }\n  const epoch',
        '  } catch (e) {\n    throw e\n  }\n  const epoch',
      ],
      ['one restart in a connection', 'if (resets > RESETS_LIMIT)'],
    ],
  ),
  ...mutants(
    'room/packet-log',
    file('packet-log'),
    ['participant/room/packet-log.test.ts'],
    [
      ['each once', "if (this.#keys.has(key)) return 'known'"],
      ['bytes', ' || this.#bytes + packet.length > this.#limit', ''],
      ['packets', 'this.#packets.length >= PACKETS_LIMIT || ', ''],
    ],
  ),
  ...mutants(
    'room/gateway',
    file('gateway'),
    [room('^(index:|inbox rooms|addresses)')],
    [
      ['an index', 'if (match === null) throw', 'if (match === null) return 0; if (false) throw'],
      ['a key', 'if (verifyKey.length !== 32)'],
    ],
  ),
]
