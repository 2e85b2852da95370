/**
 * Runs the rows of one group whose `group: name` matches, and prints a line of JSON for each row and unit. A row that
 * fails says so and the next one goes on: with the sources of another commit, not everything is there.
 *
 *   group.ts GROUP PATTERN RUNS
 */
import { GROUPS, type Line, type Row, type Unit } from './row.ts'

const [name = '', pattern = '', runs = ''] = process.argv.slice(2)
const group = GROUPS.find((g) => g === name)
if (group === undefined) throw new Error(`${name}: expected a group`)
const wanted = new RegExp(pattern, 'i')
const print = (line: Line): void => void process.stdout.write(`${JSON.stringify(line)}\n`)

const { rows } = (await import(`./${group}.ts`)) as { readonly rows: readonly Row[] }
for (const row of rows.filter((r) => wanted.test(`${group}: ${r.name}`))) {
  const seen = new Map<Unit, number[]>()
  try {
    await row.measure((unit, ...values) => void seen.set(unit, [...(seen.get(unit) ?? []), ...values]), Number(runs))
    for (const [unit, values] of seen) {
      const target = row.targets?.[unit]
      print({ row: row.name, unit, values, ...(target === undefined ? {} : { target }) })
    }
  } catch (e) {
    print({ row: row.name, failed: e instanceof Error ? e.message : String(e) })
  }
}
process.exit(0)
