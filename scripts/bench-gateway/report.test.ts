import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { thisMachine } from '../bench/report.ts'
import { replaceMarked } from '../bench/table.ts'
import { KIND_TITLES } from './kinds.ts'
import { type Figure, GOALS, goalValues, isMet, type Report, tables } from './report.ts'

const NAME = '1 room, as fast as it goes'

function figure(kind: Figure['kind'], round: number, value: number): Figure {
  return { kind, round, value, name: NAME, unit: 'per second' }
}

function report(figures: readonly Figure[]): Report {
  return { machine: thisMachine(), rounds: 2, skipped: { nchan: 'not installed' }, figures, failures: [] }
}

const goal = GOALS.find(({ title }) => title === 'throughput, 1 room, ours / raw node:http')

test('a ratio is of two kinds in the same round; a round without one of them has none', () => {
  assert.ok(goal !== undefined, 'there is such a goal')
  const figures = [figure('ours', 1, 90), figure('raw', 1, 100), figure('ours', 2, 50), figure('raw', 3, 10)]
  assert.deepEqual(goalValues(report(figures), goal), [0.9])
  assert.deepEqual([isMet(goal, 0.9), isMet(goal, 0.89)], [true, false])
})

test('limits hold in their direction', () => {
  const latency = GOALS.find(({ title }) => title.startsWith('p50 at 200'))
  assert.ok(latency !== undefined, 'there is such a goal')
  assert.deepEqual([isMet(latency, 1.15), isMet(latency, 1.16)], [true, false])
})

test('the table has a column for each kind, medians over the rounds, the goals, and what is missing', () => {
  const figures = [figure('ours', 1, 90), figure('raw', 1, 100), figure('ours', 2, 110), figure('raw', 2, 100)]
  const lines = tables(report(figures)).split('\n')
  assert.equal(lines[0], '| median (min–max) | unit | ours | raw node:http |')
  assert.equal(lines[2], `| ${NAME} | per second | **100** (90–110) | **100** (100–100) |`)
  assert.ok(
    lines.includes('| throughput, 1 room, ours / raw node:http | **1** (0.900–1.10) | ≥ 0.9 | yes |'),
    lines.join('\n'),
  )
  assert.ok(lines.includes('- nginx + nchan: not measured: not installed'))
})

test('a figure that failed is said', () => {
  const failed = { round: 1, kind: 'ours', row: '1 room', failed: '1 lost' } as const
  assert.match(tables({ ...report([]), failures: [failed] }), /^- ours, 1 room, round 1: 1 lost$/m)
})

test('the document has the place where the tables go, and names each kind and each goal', () => {
  const document = readFileSync(new URL('../../docs/gateway-performance.md', import.meta.url), 'utf8')
  assert.match(replaceMarked(document, 'bench-gateway', 'the tables\n'), /\nthe tables\n<!-- bench-gateway:end -->\n/)
  for (const title of Object.values(KIND_TITLES)) assert.ok(document.includes(`| ${title} |`), title)
  const goals = document.slice(document.indexOf('## Goals'))
  for (const { title, atLeast, atMost } of GOALS) {
    assert.match(goals, new RegExp(`\\b${String(atLeast ?? atMost).replace('.', '\\.')}\\b`), title)
  }
})
