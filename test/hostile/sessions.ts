/**
 * Sessions through a lying gateway: a signing among participants, or a ceremony, each with its own gateway, seed and
 * recorded randomness. What every party ended with, and what the gateway could find in its record.
 */
import assert from 'node:assert/strict'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import { bigintToBytes, concatBytes } from '../../participant/base/bytes.ts'
import { culprits, MpcError } from '../../participant/base/errors.ts'
import { INSECURE_TEST as level } from '../../participant/base/level.ts'
import type { KeyShare } from '../../participant/key-share/key-share.ts'
import { dealTestShares, testAuxSecrets } from '../../participant/key-share/testing.ts'
import { createIdentity, type Identity } from '../../participant/party/roster.ts'
import { connectGateway, type Gateway, type GatewayOptions } from '../../participant/room/gateway.ts'
import type { ServiceEvent } from '../../participant/signer/answer.ts'
import { generateShares } from '../../participant/signer/ceremony.ts'
import type { SignResult } from '../../participant/signer/describe.ts'
import { openTestParticipant } from '../../participant/signer/testing-participant.node.ts'
import { testWork } from '../../participant/zk/testing-work.node.ts'
import { Canaries, type Finding } from './canary.ts'
import { LyingGateway } from './gateway.ts'
import { type Kind, type Lies, liesOf } from './lies.ts'
import { addBodies, addDraws, addShare, addSignatureSecrets, openAll, published, recording } from './secrets.ts'

/** How long after its deadline a session may still be ending, besides the time in which this process stood still. */
const GRACE_MS = 2_500
const lag = monitorEventLoopDelay()
lag.enable()
const graceMs = (): number => GRACE_MS + 3 * (lag.max / 1e6)

const TIMING: NonNullable<GatewayOptions['timing']> = {
  idleMs: 1_500,
  attemptMs: 1_000,
  pauseMinMs: 20,
  pauseMaxMs: 300,
  confirmMs: 400,
}

export interface Outcome {
  readonly seed: string
  readonly kind: Kind
  readonly scenario: string
  readonly lies: Lies
  /** One for each party: `ok`, or the code of the error, with the reason of a peer that stopped. */
  readonly ended: readonly string[]
  readonly ms: number
  readonly told: ReadonlyMap<string, number>
  readonly packets: readonly Buffer[]
  readonly secrets: number
}

interface Group {
  readonly parties: readonly string[]
  readonly threshold: number
  readonly signers: readonly string[]
}

export const GROUPS: readonly Group[] = [
  { parties: ['a', 'b'], threshold: 2, signers: ['a', 'b'] },
  { parties: ['a', 'b', 'c'], threshold: 2, signers: ['a', 'c'] },
  { parties: ['a', 'b', 'c'], threshold: 3, signers: ['a', 'b', 'c'] },
]

/** One set of shares for all sessions of a group, so that what is replayed is signed by the same keys. */
const dealt = GROUPS.map(({ parties, threshold }) => dealTestShares({ parties, threshold, accounts: ['main'], level }))

export interface SessionOptions {
  readonly seed: string
  readonly kind: Kind
  readonly group: number
  readonly deadlineMs: number
  readonly archive: readonly Buffer[]
  /** What the invitation says, when it is more than the deadline. */
  readonly validMs?: number
}

export async function signing(o: SessionOptions): Promise<Outcome> {
  const group = GROUPS[o.group] as Group
  const shares = group.signers.map((id) => share(o.group, id))
  const lies = liesOf(o.seed, o.kind)
  const victims = shares.map(({ identity }) => ({ id: identity.id, sealKey: identity.sealKey }))
  const lying = new LyingGateway({ seed: o.seed, lies, victims, archive: o.archive })
  const gateway = connect(await lying.start())
  const random = recording()
  const participants = shares.map((s) => openTestParticipant({ keyShares: new Map([['main', s]]), gateway, random }))
  const [initiator, ...others] = participants
  assert.ok(initiator !== undefined)
  const events = others.map((): [ServiceEvent, number][] => [])
  const services = others.map((p, i) =>
    p.serve({
      decide: () => undefined,
      maxSessions: 8,
      sessionMs: o.deadlineMs,
      onEvent: (e) => events[i]?.push([e, Date.now()]),
    }),
  )
  try {
    const marker = random.bytes(32)
    const startedMs = Date.now()
    const started = initiator.sign({
      account: 'main',
      signers: group.signers,
      payload: { kind: 'sha256', message: marker },
      deadlineMs: o.validMs ?? o.deadlineMs,
    })
    const [result] = await Promise.allSettled([started])
    const ms = Date.now() - startedMs
    inTime(o, ms, 'the initiator')
    const ended = [settled(result, o)]
    for (const [i, list] of events.entries()) {
      // invitations of sessions long past are answered too, each until its own deadline
      const late = (): boolean => invitedOf(list).some((t) => Date.now() > t + o.deadlineMs + graceMs())
      while (invitedOf(list).length > 0 && !late()) await new Promise((resolve) => setTimeout(resolve, 20))
      assert.ok(!late(), `${others[i]?.accounts()[0]?.self} did not end by its deadline`)
      ended.push(lastOf(list, o))
    }
    if (result.status === 'fulfilled') checkSignature(result.value)
    const opened = openAll(
      lying.packets,
      shares.map((s) => s.identity),
    )
    const canaries = new Canaries()
    addDraws(canaries, random.draws, published(opened, level))
    for (const s of shares) addShare(canaries, s)
    addBodies(canaries, opened)
    if (result.status === 'fulfilled') {
      const { digest, signature } = result.value
      addSignatureSecrets(canaries, opened, random.draws, level, { digest, r: signature.r })
    }
    nothingFound(canaries.search([...lying.record, ...lying.packets]))
    const scenario = `sign ${group.threshold} of ${group.parties.length}`
    return outcome(o, lying, lies, scenario, ended, ms, canaries.count)
  } finally {
    for (const p of participants) p.close()
    await Promise.all(services.map((s) => s.stop()))
    await lying.stop()
  }
}

/** A ceremony of all parties of the group; people compare fingerprints as they should. */
export async function ceremony(o: SessionOptions): Promise<Outcome> {
  const { parties, threshold } = GROUPS[o.group] as Group
  const lies = liesOf(o.seed, o.kind)
  const random = recording()
  // the sealing keys are made inside; for forging, somebody's key of that name is as good
  const victims = parties.map((id) => ({ id, sealKey: createIdentity(id, random).sealKey }))
  const lying = new LyingGateway({ seed: o.seed, lies, victims, archive: o.archive })
  const gateway = connect(await lying.start())
  const told = new Map<string, string>()
  const cancel = new AbortController()
  const sameFor = async (id: string, fingerprint: string): Promise<boolean> => {
    told.set(id, fingerprint)
    while (told.size < parties.length && !cancel.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 10))
    return [...told.values()].every((other) => other === fingerprint)
  }
  try {
    const startedMs = Date.now()
    const results = await Promise.allSettled(
      parties.map(async (name, i) => {
        try {
          return await generateShares({
            gateway,
            room: 'ceremony',
            name,
            parties: parties.length,
            threshold,
            accounts: ['main'],
            level,
            deadlineMs: o.deadlineMs,
            random,
            work: testWork,
            confirm: (fingerprint) => sameFor(name, fingerprint),
            moduli: Promise.resolve(testAuxSecrets(i, level, random)),
          })
        } finally {
          inTime(o, Date.now() - startedMs, name)
        }
      }),
    )
    const ms = Date.now() - startedMs
    const ended = results.map((r) => settled(r, o))
    const made = results.flatMap((r) => (r.status === 'fulfilled' ? [r.value.get('main') as KeyShare] : []))
    agree(made)
    const opened = openAll(
      lying.packets,
      made.map((s): Identity => s.identity),
    )
    const canaries = new Canaries()
    addDraws(canaries, random.draws, published(opened, level))
    for (const s of made) addShare(canaries, s)
    addBodies(canaries, opened)
    nothingFound(canaries.search([...lying.record, ...lying.packets]))
    return outcome(o, lying, lies, `keygen ${threshold} of ${parties.length}`, ended, ms, canaries.count)
  } finally {
    cancel.abort()
    await lying.stop()
  }
}

export function share(group: number, id: string): KeyShare {
  return dealt[group]?.get(id)?.get('main') ?? assert.fail('no such share')
}

export function connect(url: string): Gateway {
  return connectGateway({ url, timing: TIMING })
}

function outcome(
  { seed, kind }: SessionOptions,
  { told, packets }: LyingGateway,
  lies: Lies,
  scenario: string,
  ended: readonly string[],
  ms: number,
  secrets: number,
): Outcome {
  return { seed, kind, scenario, lies, ended, ms, told, packets, secrets }
}

/** Codes in which a session may end when the network lies. */
const LEGITIMATE = new Set(['TRANSPORT', 'PEER_STOPPED', 'ABORT', 'STATE', 'USAGE'])

function settled(r: PromiseSettledResult<unknown>, { kind }: SessionOptions): string {
  if (r.status === 'fulfilled') return 'ok'
  const error = r.reason as Error
  assert.ok(error instanceof MpcError, `ended with ${error.stack}`)
  assert.deepEqual(culprits(error), [], `blamed an honest party: ${error.message}`)
  assert.ok(LEGITIMATE.has(error.code), `ended with ${error.code}: ${error.stack}`)
  if (error.code === 'USAGE') {
    assert.match(error.message, /take a fresh name/)
    assert.equal(kind, 'lossy')
  }
  return error.code
}

/** When each session began that was neither refused nor has ended. */
function invitedOf(events: readonly (readonly [ServiceEvent, number])[]): readonly number[] {
  const open = new Map<string, number>()
  for (const [e, t] of events) {
    if (e.at === 'invited') open.set(e.session, t)
    else if ('session' in e) open.delete(e.session)
  }
  return [...open.values()]
}

function lastOf(events: readonly (readonly [ServiceEvent, number])[], o: SessionOptions): string {
  let last = 'not invited'
  for (const [e] of events) {
    if (e.at === 'failed') {
      assert.deepEqual(e.culprits, [], 'a service blamed an honest party')
      assert.ok(LEGITIMATE.has(e.code ?? ''), `a service failed with ${e.code}`)
      inTime(o, e.ms ?? 0, 'a service')
    }
    if (e.at === 'signed') last = 'ok'
    else if (e.at === 'failed' && last !== 'ok') last = e.code ?? ''
  }
  return last
}

function inTime(o: SessionOptions, ms: number, who: string): void {
  assert.ok(ms <= o.deadlineMs + graceMs(), `${who} took ${ms} ms, with a deadline after ${o.deadlineMs}`)
}

export function checkSignature({ digest, signature: { r, s }, publicKey }: SignResult): void {
  const compact = concatBytes(bigintToBytes(r, 32), bigintToBytes(s, 32))
  assert.ok(secp256k1.verify(compact, digest, publicKey.toBytes(true), { prehash: false, lowS: true }))
}

/** All that were made are of the same key, and of the same parties. */
function agree(made: readonly KeyShare[]): void {
  assert.ok(new Set(made.map((s) => s.core.publicKey.toHex())).size <= 1, 'different keys')
  const rosters = made.map((s) => s.roster.members.map((m) => Buffer.from(m.verifyKey).toString('hex')).join())
  assert.ok(new Set(rosters).size <= 1, 'different rosters')
}

function nothingFound(findings: readonly Finding[]): void {
  assert.deepEqual(findings.slice(0, 10), [], 'the gateway holds a secret')
}
