/** What a gateway that shares its rooms over Redis must not take for granted. */
import { type Mutant, mutants, type Tests } from './mutant.ts'

const store = (only: string): Tests => ({ file: 'gateway/redis/store.test.ts', only })
const file = (name: string): string => `gateway/redis/${name}.ts`

export const redis: readonly Mutant[] = [
  ...mutants(
    'redis/early',
    file('early'),
    [store('both publish')],
    [['own broadcasts are waited for', ' || this.#answered < this.#readsAfter', '']],
  ),
  ...mutants(
    'redis/early',
    file('early'),
    ['gateway/redis/early.test.ts'],
    [
      ['not too many', 'if (this.#byId.size >= MAX_EARLY) return false', ''],
      ['those of another room', 'return message.epoch === epoch ? message : undefined', 'return message'],
      ['what another room said goes', ' || message.epoch !== epoch', ''],
      ['what is known goes', 'id < nextId || ', ''],
      ['only what was on its way is waited for', 'if (this.#byId.size === 0) this.#readsAfter', 'this.#readsAfter'],
    ],
  ),
  ...mutants(
    'redis/mirror',
    file('mirror'),
    [store('both publish')],
    [['early messages are kept', 'if (this.#early.add(message)) this.#takeEarly()\n      else', '']],
  ),
  ...mutants(
    'redis/mirror',
    file('mirror'),
    ['gateway/redis/past.test.ts'],
    [
      ['what is heard is let go', '!room.isHeard && room.bytes', 'room.bytes'],
      ['what waits is bounded', ' && room.bytes <= MAX_HELD_BYTES', ''],
      ['memory is bounded', ' && !this.#options.isFull()', ''],
      ['a long log is not held', 'if (!isWhole && known === undefined) room.forget()', ''],
      ['a room that is gone ends', 'this.end()\n    return undefined', 'return undefined'],
      ['streams go on after a pause', 'this.#room?.advance()', ''],
    ],
  ),
  ...mutants(
    'redis/past',
    file('past'),
    ['gateway/redis/past.test.ts'],
    [
      ['one question for all', 'if (known !== undefined) return known', ''],
      ['an answer is used once', 'this.#onTheirWay.delete(id)', ''],
      ['what has expired is passed over', 'last === undefined ? nextId : last + 1', '(last ?? -1) + 1'],
    ],
  ),
  ...mutants(
    'redis/store',
    file('store'),
    ['gateway/redis/away.test.ts'],
    [['what can not be read is refused', 'room.lacks(lastSeen + 1) && !this.#shared.isUp(id)', 'false']],
  ),
  ...mutants(
    'redis/connection',
    file('connection'),
    ['gateway/redis/tls.test.ts'],
    [
      ['the certificate is checked', 'tls: true, ...(tls.ca', 'tls: true, rejectUnauthorized: false, ...(tls.ca'],
      ['the name is checked', 'tls: true, ...(tls.ca', 'tls: true, checkServerIdentity: () => undefined, ...(tls.ca'],
      ['only the given authority', '...(tls.ca && { ca: tls.ca })', ''],
    ],
  ),
  ...mutants(
    'redis/cluster',
    file('cluster'),
    ['gateway/redis/cluster.test.ts'],
    [
      [
        'what was not done is asked again',
        'if (!NOT_DONE.test(text) || performance.now() > giveUpAtMs) throw',
        'throw',
      ],
      ['readers follow a slot', 'this.#options.onBack((key) => owners[slotOf(key)] !== before[slotOf(key)])', ''],
      ['every master is needed at the start', 'while (!cluster.#isWhole)', 'while (!cluster.isUp)'],
    ],
  ),
  ...mutants(
    'redis/server-facts',
    file('server-facts'),
    [{ file: 'gateway/redis/takeover.test.ts', only: 'alone' }],
    [['a replica that took over is not durable', ' && !hasTakenOver', '']],
  ),
  ...mutants(
    'redis/slots',
    file('slots'),
    [{ file: 'gateway/redis/slots.test.ts' }],
    [
      ['an empty tag is none', 'close > open + 1 ?', 'close > open ?'],
      ['slots in range', ' || number < 0 || number > most', ''],
      ['whole numbers', '!Number.isInteger(number) || ', ''],
      ['lists', "if (!Array.isArray(value)) throw new Error('unexpected"],
    ],
  ),
  ...mutants(
    'redis/publish-script',
    file('publish-script'),
    [store('what is posted to one')],
    [['the others are told', "if room.listeners ~= '' and room.listeners ~= instance then", 'if false then']],
  ),
  ...mutants(
    'redis/publish-script',
    file('publish-script'),
    ['gateway/redis/publisher.test.ts'],
    [
      ['a spoilt room is one alone', 'pcall(publish, at + 2, count)', 'true, publish(at + 2, count)'],
      ['a full room takes no more', 'if isFull(size) then return FULL, 0 end', ''],
      ['a room with expired messages is not full', ' or isFull(size)) then expire() end', ') then expire() end'],
      [
        'expired messages leave',
        ' == 0 or isFull(size)) then expire() end',
        ' == -1 or isFull(size)) then expire() end',
      ],
      ['a key goes with one body', 'if was ~= hash then return REUSED, 0 end', ''],
      ['counts are kept', '  save()\n  return table', '  return table'],
      ['a TTL of 0 is for now', "if ttl ~= '0' then keep(", 'if true then keep('],
      ['times in order', 'elseif room.latest > 0 and time >= room.latest then', 'elseif room.latest > 0 then'],
      ['a sorted set goes with its room', 'room.latest = 0\n  align(EXPIRING)', 'room.latest = 0'],
      ['a list goes with its room', 'room.latest = time\n    align(EXPIRING)', 'room.latest = time'],
      ['the log goes with its room', 'if room.count == 0 then align(LOG) end', ''],
    ],
  ),
  ...mutants(
    'redis/room-steps',
    file('room-steps'),
    ['gateway/redis/publisher.test.ts'],
    [
      ['none before its time', "if tonumber(string.match(entry, '%d+$')) > now then break end", ''],
      ['once only', "if #due > 0 then redis.call('LTRIM', EXPIRING, #due, -1) end", ''],
      ['all that have expired', 'return due, #due == 64', 'return due, false'],
    ],
  ),
  ...mutants(
    'redis/room-steps',
    file('room-steps'),
    [
      {
        file: 'gateway/redis/away.test.ts',
        only: '^(a restart that lost|a durable Redis|a log that was|a room whose numbers|a private room)',
      },
    ],
    [
      ['numbers that are none', "if #(f[7] or '') ~= 56 then return 'lost' end", ''],
      ['a restart', "if isOther and not (f[5] == '1' and durable == '1') then return 'lost' end", ''],
      ['a log that is not whole', "if redis.call('XLEN', LOG) ~= room.count then return 'lost' end", ''],
      [
        'messages that somebody knows',
        "if knownEpoch == room.epoch and room.next < knownNext then return 'lost' end",
        '',
      ],
      ['a private room is lost for all', "if private and pass == '' then return 'private' end", ''],
    ],
  ),
  ...mutants(
    'redis/room-steps',
    file('room-steps'),
    [store('.*')],
    [
      ['a private room', "return room.private and 'private' or nil", 'return nil'],
      ['a room is not idle while it is used', 'if room.till - now >= idle then return end', 'if true then return end'],
      ['streams of the others', 'elseif all[i] ~= instance then sum', 'elseif false then sum'],
      ['a room that is made is told', "redis.call('SPUBLISH', channel, 'made ' .. fresh)", ''],
    ],
  ),
  ...mutants(
    'redis/publisher',
    file('publisher'),
    ['gateway/redis/publisher.test.ts'],
    [
      [
        'messages share a script',
        '(state.scripts === 0 || (state.scripts < MAX_SCRIPTS && state.waiting.length >= MAX_MESSAGES))',
        'true',
      ],
      ['an absent room is made', "word === 'absent' && fresh === ''", 'false'],
      ['one that failed is not ok', "word === 'error'", "word === 'no error'"],
      ['each has its own id', 'Number(outcomes[2 * i + 1])', 'Number(outcomes[1])'],
    ],
  ),
  ...mutants(
    'gateway/redis/store',
    'gateway/redis/store.ts',
    [{ file: 'gateway/redis/away.test.ts', only: 'is ahead' }],
    [['a reader that is ahead', 'room.nextId <= lastSeen', 'false']],
  ),
]
