/** The file that a worker thread runs. */
import { parentPort } from 'node:worker_threads'
import { nativeTests } from '../math/primality.node.ts'
import { type Request, worker } from './worker.ts'

if (parentPort !== null) {
  const port = parentPort
  const onRequest = worker((reply, transfer) => port.postMessage(reply, transfer), nativeTests)
  port.on('message', (request: Request) => onRequest(request))
  port.postMessage({ at: 'ready' })
}
