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
    'redis/scripts',
    file('scripts'),
    [store('what is posted to one')],
    [['the others are told', "if room.listeners ~= '' and room.listeners ~= instance then", 'if false then']],
  ),
]
