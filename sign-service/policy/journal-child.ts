/** A process that records one wei after another and says so after each, until it is killed: journal.test.ts. */
import { openJournal } from './journal.ts'

const [, , path = '', first = '0'] = process.argv
const journal = await openJournal(path)
for (let i = Number(first); ; i++) {
  const spent = { rule: 'r', account: 'a', digest: String(i), wei: '1' }
  await journal.record({ at: Date.now(), spent, permit: { id: `p${i}`, expires: Math.ceil(Date.now() / 1000) + 600 } })
  process.stdout.write(`${i}\n`)
}
