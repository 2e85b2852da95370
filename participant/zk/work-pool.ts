/**
 * A `Work` with several workers. What a worker is, threads of Node or of a browser, is a parameter.
 *
 * Each worker has one proof at a time; the others wait here, unencoded, requests before background. All workers look for
 * the same prime, the one that was asked for first: the first to find one ends the search of the others. A search gives
 * way to proofs every few milliseconds.
 *
 * No promise is left hanging: the job of a worker that dies goes to another one, and the second time it is done in this
 * thread, as is every job that can't be encoded and all of them when no worker is left. After `close` everything that
 * is not done rejects with StateError.
 */
import { bytesToBigint } from '../base/bytes.ts'
import { StateError } from '../base/errors.ts'
import { SEED_BYTES } from '../base/random.ts'
import { yieldToEventLoop } from '../base/turns.ts'
import { checkIn, checkOfTwoIn, entryFor, proofIn, proveJob, verifyJob, verifyTwoJob } from './job.ts'
import { drawWeight } from './pair.ts'
import { inProcess, proveFromSeed, type Work } from './work.ts'
import { countTested, type Want, wantPrime } from './work-wants.ts'
import { bufferOf, type Post, type Reply, type Request } from './worker.ts'

export interface WorkerHandle {
  readonly post: Post<Request>
  /** Whether this worker alone keeps the process from ending. */
  hold(busy: boolean): void
  /** Ends it now, whatever it does. */
  end(): Promise<void>
}

export interface WorkerEvents {
  onReply(reply: Reply): void
  /** Once, however it ended. */
  onEnd(): void
}

export interface PoolOptions {
  readonly size: number
  /** May throw where there are no workers. */
  readonly start: (events: WorkerEvents) => WorkerHandle
}

export interface WorkerPool extends Work {
  /** Workers that are there now, starting or started. */
  readonly size: number
  /** All of them have started, or have given up. */
  readonly ready: Promise<void>
  /** Ends the workers and with them all keys that they hold. What isn't done rejects with StateError. */
  close(): Promise<void>
}

interface Task {
  /** Throws when this has no encoding. */
  readonly encode: () => Uint8Array
  readonly done: (result: Uint8Array) => void
  /** Does it in this thread. */
  readonly local: () => void
  readonly fail: (error: Error) => void
  /** Where it waits, and goes back to. */
  readonly queue: Task[]
  /** Workers that died of it, or with it. */
  deaths: number
}

interface Slot {
  readonly worker: WorkerHandle
  readonly started: () => void
  isStarting: boolean
  task: { readonly id: number; readonly task: Task } | undefined
  search: { readonly id: number; readonly want: Want } | undefined
}

/** So often in a row may workers die without a result, before no new one is started. */
const MAX_DEATHS = 3

export function workerPool({ size, start }: PoolOptions): WorkerPool {
  const slots = new Set<Slot>()
  const queues = { request: [] as Task[], background: [] as Task[] }
  const wants: Want[] = []
  let deaths = 0
  let ids = 0
  let closing: Promise<void> | undefined

  function startWorker(): Promise<void> {
    return new Promise((started) => {
      try {
        const worker = start({ onReply: (reply) => onReply(slot, reply), onEnd: () => onEnd(slot) })
        const slot: Slot = { worker, started, isStarting: true, task: undefined, search: undefined }
        slots.add(slot)
      } catch {
        started()
      }
    })
  }

  function onReply(slot: Slot, reply: Reply): void {
    if (reply.at === 'ready') {
      slot.isStarting = false
      slot.started()
    } else if (reply.at === 'result') {
      const { task } = slot
      slot.task = undefined
      deaths = 0
      task?.task.done(new Uint8Array(reply.result))
    } else if (reply.at === 'progress') {
      if (slot.search?.id === reply.id) countTested(slot.search.want, reply.id, reply.candidates)
    } else {
      const bytes = new Uint8Array(reply.prime)
      const prime = bytesToBigint(bytes)
      bytes.fill(0)
      // another worker may have found one at the same time
      if (slot.search?.id === reply.id) {
        const { want } = slot.search
        slot.search = undefined
        deaths = 0
        want.settle(prime)
      }
    }
    dispatch()
  }

  function onEnd(slot: Slot): void {
    slots.delete(slot)
    slot.started()
    if (closing !== undefined) return
    deaths += 1
    if (deaths <= MAX_DEATHS * size) void startWorker()
    const task = slot.task?.task
    if (task !== undefined) {
      task.deaths += 1
      if (task.deaths > 1) task.local()
      else task.queue.unshift(task)
    }
    dispatch()
  }

  function dispatch(): void {
    if (closing !== undefined) return
    if (slots.size === 0) {
      for (const queue of Object.values(queues)) for (const task of queue.splice(0)) task.local()
      for (const want of wants.splice(0)) want.local()
      return
    }
    // those that look for no prime first
    const free = [...slots].filter((s) => s.task === undefined)
    free.sort((a, b) => Number(a.search !== undefined) - Number(b.search !== undefined))
    for (const slot of free) give(slot)
    for (const slot of slots) {
      look(slot)
      slot.worker.hold(slot.isStarting || slot.task !== undefined || slot.search !== undefined)
    }
  }

  /** The next proof, if there is one. */
  function give(slot: Slot): void {
    for (;;) {
      const task = queues.request.shift() ?? queues.background.shift()
      if (task === undefined) return
      let job: ArrayBuffer
      try {
        job = bufferOf(task.encode())
      } catch {
        task.local()
        continue
      }
      const id = ids++
      slot.task = { id, task }
      slot.worker.post({ at: 'job', id, job }, [job])
      return
    }
  }

  /** Makes it look for the first prime that is wanted, and for no other. */
  function look(slot: Slot): void {
    const [want] = wants
    if (slot.search !== undefined && slot.search.want !== want) {
      slot.worker.post({ at: 'stop', id: slot.search.id }, [])
      slot.search = undefined
    }
    if (slot.search === undefined && want !== undefined) {
      const id = ids++
      slot.search = { id, want }
      slot.worker.post({ at: 'search', id, safe: want.safe, bits: want.bits }, [])
    }
  }

  function submit<T>(queue: Task[], task: Pick<Task, 'encode'>, read: (r: Uint8Array) => T, local: () => Promise<T>) {
    return new Promise<T>((resolve, reject) => {
      if (closing !== undefined) return reject(closed())
      queue.push({
        ...task,
        queue,
        deaths: 0,
        done(result) {
          try {
            resolve(read(result))
          } catch (e) {
            reject(e)
          }
        },
        local: () => void local().then(resolve, reject),
        fail: reject,
      })
      dispatch()
    })
  }

  async function makePrime(safe: boolean, o: Parameters<Work['primes']['make']>[1]): Promise<bigint> {
    if (closing !== undefined) throw closed()
    return wantPrime(wants, safe, o, dispatch)
  }

  function workOf(queue: Task[], background: () => Work): Work {
    return {
      async prove(proof, b, x, w, random) {
        const seed = random.bytes(SEED_BYTES)
        const entry = entryFor(proof, b.level)
        if (entry === undefined) return proveFromSeed(proof, b, x, w, seed)
        type Made = ReturnType<typeof proof.prove>
        const read = (result: Uint8Array): Made => proofIn(result, entry, b.level) as Made
        try {
          const encode = (): Uint8Array => proveJob(entry, b, x, w, seed)
          return await submit(queue, { encode }, read, () => proveFromSeed(proof, b, x, w, seed))
        } finally {
          seed.fill(0)
        }
      },
      async verify(proof, b, x, given) {
        const entry = entryFor(proof, b.level)
        if (entry === undefined) return inProcess.verify(proof, b, x, given)
        type Failed = ReturnType<typeof proof.verify>
        const encode = (): Uint8Array => verifyJob(entry, b, x, given)
        return submit(
          queue,
          { encode },
          (result) => checkIn(result) as Failed,
          () => inProcess.verify(proof, b, x, given),
        )
      },
      async verifyTwo(proof, one, two, random) {
        const weight = drawWeight(random)
        const entry = entryFor(proof, one.b.level)
        const local = async () => {
          await yieldToEventLoop()
          return proof.verifyTwo(one, two, weight)
        }
        if (entry === undefined) return local()
        type Failed = ReturnType<typeof proof.verifyTwo>
        const encode = (): Uint8Array => verifyTwoJob(entry, one, two, weight)
        return submit(queue, { encode }, (result) => checkOfTwoIn(result) as Failed, local)
      },
      primes: { make: makePrime },
      get background() {
        return background()
      },
    }
  }

  const background: Work = workOf(queues.background, () => background)
  const foreground = workOf(queues.request, () => background)
  const ready = Promise.all(Array.from({ length: size }, startWorker)).then(() => undefined)

  async function shutDown(): Promise<void> {
    const left = [...queues.request.splice(0), ...queues.background.splice(0)]
    for (const slot of slots) if (slot.task !== undefined) left.push(slot.task.task)
    for (const task of left) task.fail(closed())
    for (const want of [...wants]) want.settle(closed())
    await Promise.all([...slots].map((slot) => slot.worker.end()))
  }

  return {
    prove: foreground.prove,
    verify: foreground.verify,
    verifyTwo: foreground.verifyTwo,
    primes: foreground.primes,
    background,
    ready,
    get size() {
      return slots.size
    },
    close() {
      closing ??= shutDown()
      return closing
    },
  }
}

function closed(): StateError {
  return new StateError('the worker pool is closed')
}
