/** What a gateway that shares its rooms over Redis must not take for granted. */
import { type Mutant, mutants, type Tests } from './mutant.ts'

const store = (only: string): Tests => ({ file: 'gateway/redis/store.test.ts', only })
const file = (name: string): string => `gateway/redis/${name}.ts`

export const redis: readonly Mutant[] = [
  ...mutants(
    'redis/mirror',
    file('mirror'),
    [store('both publish')],
    [
      ['own broadcasts are waited for', ' || this.#answered < this.#readsAfter', ''],
      ['early messages are kept', 'this.#early.set(message.id, message)\n      this.#takeEarly()', 'void this.fill()'],
    ],
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
      ['the log goes with its room', 'if room.count == 0 then align(LOG) end', ''],
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
]
