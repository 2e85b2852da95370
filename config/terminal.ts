/**
 * What a person sees while a program works: one line that changes on a terminal, and nothing or single lines in a pipe
 * or a log file. Answers go to standard output, everything here to standard error.
 */
import { createInterface } from 'node:readline/promises'

export interface OutputStream {
  write(text: string): unknown
  readonly isTTY?: boolean | undefined
  readonly columns?: number | undefined
}

export interface StatusLine {
  /** Replaces the line. */
  show(text: string): void
  /** A line of its own, above the one that changes; in a pipe too. */
  print(text: string): void
  /** Takes the line away. It can be shown again. */
  clear(): void
}

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const FRAME_MS = 100
const CLEAR = '\r\u001b[2K'

/** With the seconds that passed since the text was first shown. Without a terminal, `show` writes nothing. */
export function statusLine(stream: OutputStream): StatusLine {
  let timer: ReturnType<typeof setInterval> | undefined
  let text = ''
  let sinceMs = 0
  let frame = 0
  const draw = (): void => {
    const seconds = Math.floor((Date.now() - sinceMs) / 1000)
    const line = `${FRAMES[frame++ % FRAMES.length]} ${text}${seconds >= 2 ? ` ${seconds} s` : ''}`
    stream.write(`${CLEAR}${line.slice(0, Math.max(20, (stream.columns || 80) - 1))}`)
  }
  const clear = (): void => {
    if (timer === undefined) return
    clearInterval(timer)
    timer = undefined
    stream.write(CLEAR)
  }
  return {
    show(next) {
      if (stream.isTTY !== true) return
      text = next
      if (timer === undefined) {
        sinceMs = Date.now()
        timer = setInterval(draw, FRAME_MS)
        timer.unref()
      }
      draw()
    },
    print(line) {
      const shown = timer !== undefined
      if (shown) stream.write(CLEAR)
      stream.write(`${line}\n`)
      if (shown) draw()
    },
    clear,
  }
}

/** `[█████░░░░░] 2 of 4 moduli`: for a status line. */
export function progressBar(made: number, of: number, what: string): string {
  const width = 20
  const full = Math.round((width * made) / of)
  return `[${'█'.repeat(full)}${'░'.repeat(width - full)}] ${made} of ${of} ${what}`
}

export interface Asking {
  readonly stdin: NodeJS.ReadableStream
  readonly stderr: OutputStream & NodeJS.WritableStream
  readonly signal: AbortSignal
}

/** One line from standard input, without its end; undefined when there is none. The question goes to standard error. */
export async function ask(question: string, { stdin, stderr, signal }: Asking): Promise<string | undefined> {
  stderr.write(question)
  const lines = createInterface({ input: stdin, terminal: false, signal })
  try {
    for await (const line of lines) return line
    return undefined
  } finally {
    lines.close()
  }
}

/** Rows of `label  value` with the values below each other. */
export function table(rows: readonly (readonly [label: string, value: string])[]): string {
  const width = Math.max(...rows.map(([label]) => label.length)) + 2
  return rows.map(([label, value]) => `${label.padEnd(width)}${value}\n`).join('')
}
