import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Report, resultsOf, thisMachine } from './report.ts'
import type { Group, Line } from './row.ts'
import { comparison, fullTables, mainTable, replaceMarked, show } from './table.ts'

const cold = (values: readonly number[]): [Group, Line] => [
  'signing',
  { row: 'cold', unit: 'CPU ms', values, target: 350 },
]

function report(lines: readonly (readonly [Group, Line])[]): Report {
  return { machine: thisMachine(), level: 'cggmp24-3072', runs: 1, ...resultsOf(lines) }
}

test('values of several runs of one row are put together; units of a row stay apart', () => {
  const { results, failures } = resultsOf([
    cold([300]),
    ['signing', { row: 'cold', unit: 'wall ms', values: [500] }],
    cold([200, 400]),
    ['blocks', { row: 'cold', unit: 'CPU ms', values: [1] }],
    ['primes', { row: 'none', failed: 'not there' }],
  ])
  assert.deepEqual(
    results.map((r) => [r.group, r.unit, r.n, r.median, r.target]),
    [
      ['signing', 'CPU ms', 3, 300, 350],
      ['signing', 'wall ms', 1, 500, undefined],
      ['blocks', 'CPU ms', 1, 1, undefined],
    ],
  )
  assert.deepEqual(failures, [{ group: 'primes', row: 'none', failed: 'not there' }])
})

test('the full table: a part for each group in their order, targets in the direction of the unit, failures last', () => {
  const text = fullTables(
    report([
      ['counts', { row: 'aux', unit: 'powers', values: [267], target: 266 }],
      ['warm', { row: 'many | at once', unit: 'per second', values: [180, 160], target: 150 }],
      ['primes', { row: 'four', failed: 'not there' }],
      cold([300.4]),
    ]),
  )
  assert.equal(
    text,
    [
      '### A signature from the start',
      '',
      '| operation | unit | median | min–max | p99 | n | target |',
      '|---|---|---|---|---|---|---|',
      '| cold | CPU ms | **300** | 300–300 |  | 1 | ≤ 350 |',
      '',
      '### Signatures from presignatures',
      '',
      '| operation | unit | median | min–max | p99 | n | target |',
      '|---|---|---|---|---|---|---|',
      '| many \\| at once | per second | **170** | 160–180 |  | 2 | ≥ 150 |',
      '',
      '### Exponentiations of one party, counted',
      '',
      '| operation | unit | median | min–max | p99 | n | target |',
      '|---|---|---|---|---|---|---|',
      '| aux | number | **267** | 267–267 |  | 1 | needed: 266 |',
      '',
      '- primes: four: failed: not there',
      '',
    ].join('\n'),
  )
})

test('the main table has what has a target and is no count', () => {
  const text = mainTable(
    report([
      cold([300]),
      ['signing', { row: 'other', unit: 'CPU ms', values: [1] }],
      ['counts', { row: 'aux', unit: 'powers', values: [267], target: 266 }],
    ]),
  )
  assert.deepEqual(text.trimEnd().split('\n').slice(2), ['| cold | CPU ms | **300** | 300–300 | 1 |'])
})

test('two commits: medians and their ratio; what only one of them has gets none', () => {
  const only = (row: string): [Group, Line] => ['blocks', { row, unit: 'CPU ms', values: [2] }]
  const before = resultsOf([cold([400]), cold([600]), only('gone')]).results
  const after = resultsOf([cold([250]), only('new')]).results
  assert.deepEqual(comparison(before, after).trimEnd().split('\n').slice(2), [
    '| cold | CPU ms | 500 (400–600) | 250 (250–250) | 0.50 | 2, 1 |',
    '| new | CPU ms | – | 2 (2–2) | – | 0, 1 |',
    '| gone | CPU ms | 2 (2–2) | – | – | 1, 0 |',
  ])
  const zero = resultsOf([cold([0])]).results
  assert.match(comparison(zero, zero), /\| – \| 1, 1 \|\n$/)
})

test('three digits', () => {
  assert.deepEqual([0.01234, 1.234, 12.34, 123.4, 5, 1234.5].map(show), ['0.012', '1.23', '12.3', '123', '5', '1235'])
})

test('what is between the marks is replaced, and nothing else', () => {
  const text = 'a\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nb\n'
  const expected = 'a\n<!-- bench:begin -->\nnew\n<!-- bench:end -->\nb\n'
  assert.equal(replaceMarked(text, 'bench', 'new\n'), expected)
  for (const wrong of ['', 'a\n<!-- bench:begin -->\n', '<!-- bench:end -->\n<!-- bench:begin -->\n']) {
    assert.throws(() => replaceMarked(wrong, 'bench', ''), RangeError)
  }
})
