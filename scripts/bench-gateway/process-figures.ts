/** What the kernel says a process has used: CPU of it and all its children, and memory. Linux only. */
import { readdirSync, readFileSync } from 'node:fs'

/** The process and all that it has started, and those have. */
export function family(pid: number): readonly number[] {
  const children = tasksOf(pid).flatMap((task) =>
    read(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean).map(Number),
  )
  return [pid, ...children.flatMap(family)]
}

/** CPU of all threads so far, in µs. */
export function cpuUs(pid: number): number {
  let nanoseconds = 0
  for (const one of family(pid)) {
    for (const task of tasksOf(one)) nanoseconds += Number(read(`/proc/${one}/task/${task}/schedstat`).split(' ')[0])
  }
  return nanoseconds / 1000
}

/** Memory that is the processes' own, shared pages by their share, in KiB. */
export function pssKib(pid: number): number {
  return sum(family(pid), (one) => figure(read(`/proc/${one}/smaps_rollup`), 'Pss'))
}

export function rssKib(pid: number): number {
  return sum(family(pid), (one) => figure(read(`/proc/${one}/status`), 'VmRSS'))
}

function figure(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0)
}

function tasksOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

/** A thread may end between being listed and being read. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return ''
  }
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}
