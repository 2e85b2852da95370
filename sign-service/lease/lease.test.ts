/** The lease against an API server that speaks the protocol, with clocks that the test moves and with real ones. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, beforeEach, test } from 'node:test'
import { ConfigError, loadServiceConfig } from '../../config/load.ts'
import { AUTHORITY, startCluster, type TestCluster } from '../../test/kubernetes-server.ts'
import { openLeaseApi } from './api.ts'
import { acquireLease, type HeldLease, LeaseError, type LeaseEvent, type LeaseOptions } from './lease.ts'
import { parseLease } from './record.ts'
import { startStopwatch } from './stopwatch.ts'

const folder = mkdtempSync(join(tmpdir(), 'lease-'))
after(() => rmSync(folder, { recursive: true }))

let cluster: TestCluster
let ending: AbortController
const held: HeldLease[] = []
beforeEach(async () => {
  cluster = await startCluster()
  ending = new AbortController()
  files({})
})
afterEach(async () => {
  cluster.behave('well')
  for (const lease of held.splice(0)) await lease.release()
  await cluster.close()
})

function files({ token = 'token-1\n', ca = AUTHORITY, namespace = 'wallets\n' }): void {
  writeFileSync(join(folder, 'token'), token)
  writeFileSync(join(folder, 'ca.crt'), ca)
  writeFileSync(join(folder, 'namespace'), namespace)
}

const configOf = (env: Readonly<Record<string, string>> = {}) =>
  loadServiceConfig({
    cwd: import.meta.dirname,
    env: {
      SIGN_SERVICE_LEASE_TYPE: 'kubernetes',
      SIGN_SERVICE_LEASE_API_URL: cluster.url,
      SIGN_SERVICE_LEASE_CREDENTIALS_FOLDER: folder,
      ...env,
    },
  })

/** Time stands still in it unless the test moves it. */
function clocks() {
  let [awake, boot] = [0, 0]
  return {
    awakeMs: () => awake,
    bootMs: () => boot,
    pass(ms: number, asleep = false) {
      boot += ms
      if (!asleep) awake += ms
    },
  }
}

async function acquire(identity: string, o: Partial<LeaseOptions> = {}) {
  const events: LeaseEvent[] = []
  const lease = await acquireLease({
    api: await openLeaseApi(configOf(), {}),
    identity,
    durationMs: 30_000,
    deadlineMs: 20_000,
    renewMs: 20,
    waitMs: 0,
    signal: ending.signal,
    onEvent: (event) => events.push(event),
    ...o,
  })
  held.push(lease)
  return { lease, events }
}
const spec = () => cluster.lease('sign-service')?.spec
const until = async (is: () => boolean, what: string): Promise<void> => {
  for (const end = Date.now() + 10_000; !is(); ) {
    if (Date.now() > end) assert.fail(`waited in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
const refused = (pattern: RegExp) => (e: unknown) => e instanceof LeaseError && pattern.test(e.message)

test('it is made, renewed and given back, and the next one takes it at once', async () => {
  const { lease, events } = await acquire('one')
  assert.equal(lease.isHeld(), true)
  assert.deepEqual([spec()?.holderIdentity, spec()?.leaseDurationSeconds, spec()?.leaseTransitions], ['one', 30, 0])
  const renewals = () => events.filter((e) => e.at === 'renewed').length
  await until(() => renewals() > 2, 'renewals')
  await lease.release()
  assert.equal(lease.isHeld(), false)
  assert.equal(spec()?.holderIdentity, '')
  const next = await acquire('two')
  assert.equal(next.lease.isHeld(), true)
  assert.deepEqual([spec()?.holderIdentity, spec()?.leaseTransitions], ['two', 1])
})

test('somebody else’s lease is not taken before it has stood still for its time, by our own watch', async () => {
  const time = clocks()
  // a time of long ago in it means nothing: that is the other's clock
  const theirs = {
    holderIdentity: 'other',
    leaseDurationSeconds: 40,
    renewTime: '1999-01-01T00:00:00.000000Z',
    acquireTime: '1999-01-01T00:00:00.000000Z',
  }
  cluster.put('sign-service', theirs)
  await assert.rejects(acquire('one', { clocks: time }), refused(/^lease wallets\/sign-service: held by "other"$/))
  const coming = acquire('one', { clocks: time, waitMs: 1_000_000 })
  const asked = () => cluster.requests.filter((r) => r.startsWith('GET')).length
  const seen = asked()
  await until(() => asked() > seen + 1, 'a look')
  time.pass(39_000)
  await until(() => asked() > seen + 5, 'more looks')
  assert.equal(spec()?.holderIdentity, 'other', 'its own time is longer than ours')
  // a renewal starts the time again
  cluster.put('sign-service', theirs)
  await until(() => asked() > seen + 8, 'more looks')
  time.pass(39_000)
  await until(() => asked() > seen + 12, 'more looks')
  assert.equal(spec()?.holderIdentity, 'other')
  // the machine slept: that is not time in which the other had to renew
  time.pass(5_000, true)
  await until(() => asked() > seen + 16, 'more looks')
  assert.equal(spec()?.holderIdentity, 'other')
  time.pass(1_100)
  assert.equal((await coming).lease.isHeld(), true)
  assert.equal(spec()?.holderIdentity, 'one')
})

test('of two that take it at the same moment one has it', async () => {
  const both = await Promise.allSettled([acquire('one'), acquire('two')])
  assert.equal(both.filter((r) => r.status === 'fulfilled').length, 1)
  const won = both[0]?.status === 'fulfilled' ? 'one' : 'two'
  assert.equal(spec()?.holderIdentity, won)
})

for (const how of ['down', 'silent', 500, 401] as const) {
  test(`it is over after the deadline without a renewal, also when nobody looks (${how})`, async () => {
    const time = clocks()
    const { lease, events } = await acquire('one', { clocks: time })
    await until(() => events.some((e) => e.at === 'renewed'), 'a renewal')
    cluster.behave(how)
    await new Promise((resolve) => setTimeout(resolve, 100))
    time.pass(19_900)
    assert.equal(lease.isHeld(), true)
    time.pass(200)
    assert.equal(await lease.lost, 'not renewed in time')
    assert.equal(lease.isHeld(), false)
    cluster.behave('well')
    time.pass(-20_000)
    assert.equal(lease.isHeld(), false, 'over is over')
  })
}

test('over between two renewals: it is told all the same', async () => {
  const time = clocks()
  const { lease } = await acquire('one', { clocks: time, renewMs: 60_000 })
  time.pass(20_001)
  const late = new Promise((resolve) => setTimeout(resolve, 3_000, 'never told'))
  assert.equal(await Promise.race([lease.lost, late]), 'not renewed in time')
})

test('a process that was stopped knows it the moment it asks, before any timer or answer', async () => {
  const time = clocks()
  const { lease } = await acquire('one', { clocks: time })
  time.pass(20_001)
  assert.equal(lease.isHeld(), false)
  const sleeping = await acquire('two', { clocks: clocks(), waitMs: 0 }).catch((e: unknown) => e)
  assert.ok(sleeping instanceof LeaseError, 'others wait their time nevertheless')
})

test('time that the machine slept counts against the holder', async () => {
  const time = clocks()
  const { lease } = await acquire('one', { clocks: time })
  time.pass(20_001, true)
  assert.equal(lease.isHeld(), false)
})

test('a renewal counts from before it was sent: one that takes long is worth less', async () => {
  const time = clocks()
  const real = await openLeaseApi(configOf(), {})
  let slowMs = 0
  const api = {
    ...real,
    update: async (object: object) => {
      const answer = await real.update(object)
      time.pass(slowMs)
      return answer
    },
  }
  const { lease, events } = await acquire('one', { clocks: time, api })
  slowMs = 15_000
  await until(() => events.some((e) => e.at === 'renewed'), 'a renewal')
  slowMs = 0
  assert.equal(lease.isHeld(), true)
  cluster.behave('down')
  time.pass(5_001)
  assert.equal(lease.isHeld(), false)
})

test('taken by another, or removed: over at once', async () => {
  const one = await acquire('one')
  cluster.put('sign-service', { ...spec(), holderIdentity: 'other' })
  assert.equal(await one.lease.lost, 'taken by "other"')
  await one.lease.release()
  assert.equal(spec()?.holderIdentity, 'other', 'what is not ours is not given back')
  cluster.remove('sign-service')
  const two = await acquire('two')
  cluster.remove('sign-service')
  assert.equal(await two.lease.lost, 'removed from the cluster')
})

test('a renewal that was written but not answered is found again', async () => {
  const { lease, events } = await acquire('one')
  cluster.behave('written but not answered')
  await until(() => events.filter((e) => e.at === 'not renewed').length > 1, 'lost answers')
  cluster.behave('well')
  const before = events.length
  await until(() => events.slice(before).some((e) => e.at === 'renewed'), 'a renewal')
  assert.equal(lease.isHeld(), true)
  await lease.release()
  assert.equal(spec()?.holderIdentity, '')
})

test('made but not answered: it is ours all the same', async () => {
  cluster.behave('written but not answered')
  const coming = acquire('one', { waitMs: 10_000 })
  await until(() => spec()?.holderIdentity === 'one', 'the lease')
  cluster.behave('well')
  assert.equal((await coming).lease.isHeld(), true)
})

test('a token that was renewed is taken; fields of others are kept', async () => {
  cluster.put('sign-service', { holderIdentity: '', strategy: 'OldestEmulationVersion' } as object)
  const { events } = await acquire('one')
  cluster.tokens('token-2')
  await until(() => events.some((e) => e.at === 'not renewed'), 'a refusal')
  files({ token: 'token-2' })
  const before = events.length
  await until(() => events.slice(before).some((e) => e.at === 'renewed'), 'a renewal')
  assert.equal((spec() as { readonly strategy?: string }).strategy, 'OldestEmulationVersion')
})

test('what will be refused again is not waited for; what may come back is', async () => {
  for (const status of [401, 403]) {
    cluster.behave(status)
    await assert.rejects(acquire('one', { waitMs: 60_000 }), refused(new RegExp(`refused with status ${status}$`)))
  }
  cluster.behave('down')
  await assert.rejects(acquire('one', { waitMs: 200 }), refused(/no answer \(ECONNRESET\)$/))
  const coming = acquire('one', { waitMs: 60_000 })
  setTimeout(() => cluster.behave('well'), 100)
  assert.equal((await coming).lease.isHeld(), true)
})

test('an API with another authority is not believed, and gets no token', async () => {
  files({ ca: AUTHORITY.replace(/MIIB/, 'MIIC') })
  await assert.rejects(acquire('one'), refused(/no answer/))
  files({ ca: '' })
  await assert.rejects(acquire('one'), refused(/no answer/))
  assert.deepEqual(cluster.requests, [])
})

const credentials: readonly (readonly [string, Parameters<typeof files>[0], RegExp])[] = [
  ['a token with spaces', { token: 'a b' }, /token: expected one token and nothing else$/],
  ['an empty token', { token: '' }, /token: expected one token and nothing else$/],
  ['a namespace that is a path', { namespace: '../x' }, /namespace: expected the name of a namespace$/],
]
for (const [what, content, problem] of credentials) {
  test(`${what} is refused before anything is asked`, async () => {
    files(content)
    await assert.rejects(
      openLeaseApi(configOf(), {}),
      (e: unknown) => e instanceof ConfigError && problem.test(e.message),
    )
  })
}

test('where the API is: the configuration, or the variables of a pod', async () => {
  const base = { ...configOf().lease, api_url: undefined }
  const lease = { ...base, namespace: undefined }
  await assert.rejects(openLeaseApi({ lease }, {}), /lease.api_url: expected, because this is no pod/)
  const { hostname, port } = new URL(cluster.url)
  const api = await openLeaseApi({ lease }, { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port })
  assert.deepEqual(await api.get(), { is: 'missing' })
  await assert.rejects(
    openLeaseApi({ lease }, { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: 'x' }),
    ConfigError,
  )
})

test('an answer that is no lease of this name is none', () => {
  cluster.put('other', { holderIdentity: 'x', leaseDurationSeconds: 5 })
  const other = cluster.lease('other')
  assert.equal(parseLease(other, 'other')?.holder, 'x')
  assert.equal(parseLease(other, 'sign-service'), undefined)
  for (const wrong of [
    { ...other, kind: 'Pod' },
    { ...other, apiVersion: 'v1' },
    { ...other, metadata: { name: 'other' } },
    { ...other, spec: { holderIdentity: 5 } },
    { ...other, spec: { holderIdentity: 'x', leaseDurationSeconds: 0 } },
    null,
    'x',
  ]) {
    assert.equal(parseLease(wrong, 'other'), undefined, JSON.stringify(wrong))
  }
  assert.equal(parseLease({ ...other, spec: undefined }, 'other')?.holder, undefined)
  assert.equal(parseLease({ ...other, spec: { holderIdentity: null } }, 'other')?.holder, undefined)
})

test('a stopwatch: two clocks, the more and the less of them', () => {
  const time = clocks()
  const watch = startStopwatch(time)
  time.pass(100)
  time.pass(50, true)
  assert.deepEqual([watch.leastMs(), watch.mostMs()], [100, 150])
})
