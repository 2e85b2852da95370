import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  culprits,
  DecodeError,
  type Fault,
  InternalError,
  MpcError,
  PeerStopped,
  ProtocolAbort,
  StateError,
  TransportError,
  UsageError,
} from './errors.ts'

function faultOf(culprit: string, round = '1'): Fault {
  return { culprit, protocol: 'presign', round, code: 'PROOF_EQ', check: 'psi0: eq C', evidence: [] }
}

const OTHERS: readonly MpcError[] = [
  new UsageError('u'),
  new DecodeError('d'),
  new TransportError('t', ['alice']),
  new PeerStopped('alice', 'ABORT', 'p'),
  new StateError('s'),
  new InternalError('i'),
]

test('each class has its own stable code and its own name', () => {
  const all = [...OTHERS, new ProtocolAbort('a', [])]
  assert.deepEqual(
    all.map((e) => e.code),
    ['USAGE', 'DECODE', 'TRANSPORT', 'PEER_STOPPED', 'STATE', 'INTERNAL', 'ABORT'],
  )
  assert.deepEqual(
    all.map((e) => e.name),
    ['UsageError', 'DecodeError', 'TransportError', 'PeerStopped', 'StateError', 'InternalError', 'ProtocolAbort'],
  )
  for (const e of all)
    assert.ok(e instanceof MpcError && e instanceof Error, 'e instanceof MpcError && e instanceof Error')
})

test('only an abort blames anybody, each culprit once and in the order of the faults', () => {
  const abort = new ProtocolAbort('a', [faultOf('carol'), faultOf('bob'), faultOf('carol', '2')])
  assert.deepEqual(culprits(abort), ['carol', 'bob'])
  assert.deepEqual(culprits(new ProtocolAbort('a', [])), [])
  for (const e of OTHERS) assert.deepEqual(culprits(e), [], e.code)
})

test('errors carry what a program needs', () => {
  const cause = new Error('socket')
  const transport = new TransportError('deadline passed', ['bob'], { cause })
  assert.deepEqual(transport.waitingFor, ['bob'])
  assert.equal(transport.cause, cause)
  assert.deepEqual(new TransportError('closed').waitingFor, [])
  const stopped = new PeerStopped('bob', 'ACCOUNT_UNKNOWN', 'bob stopped')
  assert.deepEqual([stopped.peer, stopped.reason], ['bob', 'ACCOUNT_UNKNOWN'])
})
