/** Judging a request: every mode, rights and rooms, room tokens, and that nobody becomes anonymous by a bad token. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { loadGatewayConfig } from '../../config/load.ts'
import type { Action } from '../hooks.ts'
import { createAuthorizer } from './authorize.ts'
import type { Denials } from './denials.ts'
import { signRoomToken } from './room-tokens.ts'
import { readSecrets, type Secrets } from './secrets.ts'
import { AUDIENCE, ISSUER, type Issuer, makeIssuer, request, seconds, secretFile } from './testing.ts'

const ACTIONS: readonly Action[] = ['subscribe', 'publish', 'index', 'state', 'remove', 'create', 'mint']
const ADDRESS = '192.0.2.1'
/** That they are counted is tested in denials.test.ts. */
const UNCOUNTED: Denials = {
  attempt: () => ({ ok: true, value: () => {} }),
  deny: (_caller, refusal) => refusal,
}

interface Judge {
  /** `ok`, or the code of the refusal. */
  readonly code: (token: string | undefined, action: Action, room: string) => Promise<string>
  readonly authorize: ReturnType<typeof createAuthorizer>['authorize']
  readonly secrets: Secrets
}

async function judge(settings: Record<string, unknown>, nowMs: () => number = Date.now): Promise<Judge> {
  const { auth } = loadGatewayConfig({ cwd: import.meta.dirname, env: {}, flags: settings })
  const secrets = await readSecrets(auth)
  const addressOf = ({ socket }: IncomingMessage) => socket.remoteAddress ?? ''
  const { authorize } = createAuthorizer({ secrets: () => secrets, nowMs, addressOf, denials: UNCOUNTED })
  return {
    authorize,
    secrets,
    async code(token, action, room) {
      const found = await authorize(request(token), action, room)
      return found.ok ? 'ok' : found.refusal.code
    },
  }
}

async function jwtJudge(issuer: Issuer, nowMs?: () => number): Promise<Judge> {
  const settings = {
    'auth.mode': 'jwt',
    'auth.jwt_issuer': ISSUER,
    'auth.jwt_audience': AUDIENCE,
    'auth.jwks_file': secretFile(issuer.keySet),
  }
  return judge(settings, nowMs)
}

test('open: everything without a token but what belongs to an owner; a token that is no good is refused', async () => {
  const { code, authorize } = await judge({})
  const without = await Promise.all(ACTIONS.map((action) => code(undefined, action, 'r')))
  assert.deepEqual(without, ['ok', 'ok', 'ok', 'ok', 'unauthorized', 'ok', 'unauthorized'])
  const found = await authorize(request(), 'publish', 'r')
  assert.deepEqual(found, { ok: true, value: { caller: ADDRESS, pass: undefined } })
  for (const action of ACTIONS) assert.equal(await code('anything', action, 'r'), 'token_invalid')
  const inUrl = await authorize(request(undefined, '/rooms/r/broadcast?token=a'), 'publish', 'r')
  assert.equal(inUrl.ok ? '' : inUrl.refusal.code, 'token_in_url')
})

test('jwt and token: without a token nothing', async () => {
  const tokens = secretFile(JSON.stringify([{ name: 'a', sha256: 'ab'.repeat(32), rights: [], rooms: ['*'] }]))
  for (const { code } of [
    await jwtJudge(await makeIssuer()),
    await judge({ 'auth.mode': 'token', 'auth.token_file': tokens }),
  ]) {
    for (const action of ACTIONS) assert.equal(await code(undefined, action, 'r'), 'unauthorized', action)
  }
})

test('each right allows its action and no other; minting is no right of these', async () => {
  const issuer = await makeIssuer()
  const { code } = await jwtJudge(issuer)
  for (const right of ['subscribe', 'publish', 'index', 'state', 'create', 'remove']) {
    const token = await issuer.token({ rights: [right] })
    for (const action of ACTIONS) {
      assert.equal(await code(token, action, 'r'), action === right ? 'ok' : 'forbidden', `${right}: ${action}`)
    }
  }
})

test('rooms: exact ids, beginnings, all; case and look-alikes count, * is nothing special elsewhere', async () => {
  const issuer = await makeIssuer()
  const { code } = await jwtJudge(issuer)
  const table: readonly (readonly [readonly string[], readonly string[], readonly string[]])[] = [
    [['a'], ['a'], ['A', 'aa', 'b', '*', 'a*', 'а' /* Cyrillic */, '%61']],
    [['a*'], ['a', 'ab', 'a*', 'a*b', 'a b'], ['b', 'A', 'ba', 'Ab', '*', '%61', 'á' /* one code point */]],
    [['*'], ['a', 'B', '*', '..a'], []],
    [
      ['a', 'b-*'],
      ['a', 'b-1'],
      ['b', 'a-1', 'ab-1'],
    ],
    [['a%2F*'], ['a%2Fb'], ['a/b', 'a%2fb']],
    [['.*'], ['.a'], ['a', 'xa']],
    [[], [], ['a', '*', 'undefined']],
  ]
  for (const [rooms, allowed, refused] of table) {
    const token = await issuer.token({ rooms })
    for (const id of allowed) assert.equal(await code(token, 'publish', id), 'ok', `${rooms.join()}: ${id}`)
    for (const id of refused) assert.equal(await code(token, 'publish', id), 'forbidden', `${rooms.join()}: ${id}`)
  }
})

test('the caller is the one that the token names; the grant ends with the token', async () => {
  const issuer = await makeIssuer()
  const { authorize } = await jwtJudge(issuer)
  const exp = seconds(100)
  const found = await authorize(request(await issuer.token({ exp })), 'publish', 'r')
  assert.deepEqual(found, { ok: true, value: { caller: 'jwt:alice', pass: undefined, expiresAtMs: 1000 * exp } })
  const nameless = await authorize(request(await issuer.token({ exp, sub: undefined })), 'publish', 'r')
  assert.equal(nameless.ok ? nameless.value.caller : '', ADDRESS)
})

test('an operator may look at private rooms and remove them, but neither read nor write', async () => {
  const issuer = await makeIssuer()
  const { authorize } = await jwtJudge(issuer)
  const rights = ['subscribe', 'publish', 'index', 'state', 'remove', 'create']
  const passes = async (rooms: readonly string[]): Promise<readonly unknown[]> => {
    const token = await issuer.token({ rights, rooms })
    return Promise.all(
      ACTIONS.slice(0, -1).map(async (action) => {
        const found = await authorize(request(token), action, 'r')
        return found.ok ? found.value.pass : found.refusal.code
      }),
    )
  }
  assert.deepEqual(await passes(['*']), [undefined, undefined, undefined, '*', '*', undefined])
  assert.deepEqual(await passes(['r*']), Array(6).fill(undefined))
  assert.deepEqual(await passes(['r']), Array(6).fill(undefined))
})

test('a token that was good is refused from its end on, kept or not', async () => {
  const issuer = await makeIssuer()
  const startMs = Date.now()
  let nowMs = startMs
  const { code } = await jwtJudge(issuer, () => nowMs)
  const token = await issuer.token({ exp: seconds(30) })
  assert.equal(await code(token, 'publish', 'r'), 'ok')
  assert.equal(await code(token, 'publish', 'r'), 'ok')
  nowMs = startMs + 31_000
  assert.equal(await code(token, 'publish', 'r'), 'token_expired')
})

test('what a key signed counts no longer than a minute after the key has gone, and not at all after a reload', async () => {
  const [issuer, other] = [await makeIssuer(), await makeIssuer()]
  const secretsOf = async (from: Issuer): Promise<Secrets> => (await jwtJudge(from)).secrets
  let secrets = await secretsOf(issuer)
  let nowMs = Date.now()
  const { authorize, forget } = createAuthorizer({
    secrets: () => secrets,
    nowMs: () => nowMs,
    addressOf: () => ADDRESS,
    denials: UNCOUNTED,
  })
  const token = await issuer.token({ exp: seconds(600) })
  const isTaken = async (): Promise<boolean> => (await authorize(request(token), 'publish', 'r')).ok
  assert.ok(await isTaken(), 'taken')
  secrets = await secretsOf(other)
  assert.ok(await isTaken(), 'kept')
  nowMs += 61_000
  assert.ok(!(await isTaken()), 'no longer kept')
  secrets = await secretsOf(issuer)
  assert.ok(await isTaken(), 'taken again')
  secrets = await secretsOf(other)
  forget()
  assert.ok(!(await isTaken()), 'forgotten')
})

test('tokens are told apart by all of their text', async () => {
  const issuer = await makeIssuer()
  const { code } = await jwtJudge(issuer)
  const token = await issuer.token()
  assert.equal(await code(token, 'publish', 'r'), 'ok')
  const last = token.at(-1) === 'A' ? 'B' : 'A'
  for (const other of [`${token.slice(0, -2)}${last}${last}`, token.slice(1), `${token}A`, token.toLowerCase()]) {
    assert.equal(await code(other, 'publish', 'r'), 'token_invalid')
  }
})

test('static tokens: rights, rooms, end', async () => {
  const entry = (name: string, more: object) => ({
    name,
    sha256: createHash('sha256').update(`token-of-${name}`).digest('hex'),
    rights: ['publish'],
    rooms: ['a*'],
    ...more,
  })
  const file = secretFile(JSON.stringify([entry('alice', {}), entry('bob', { expires: '2020-01-01T00:00:00Z' })]))
  const { code, authorize } = await judge({ 'auth.mode': 'token', 'auth.token_file': file })
  assert.equal(await code('token-of-alice', 'publish', 'ab'), 'ok')
  assert.equal(await code('token-of-alice', 'publish', 'b'), 'forbidden')
  assert.equal(await code('token-of-alice', 'subscribe', 'ab'), 'forbidden')
  assert.equal(await code('token-of-bob', 'publish', 'ab'), 'token_expired')
  assert.equal(await code('token-of-carol', 'publish', 'ab'), 'token_invalid')
  const found = await authorize(request('token-of-alice'), 'publish', 'ab')
  assert.equal(found.ok ? found.value.caller : '', 'token:alice')
})

const room = {
  room: 'r',
  epoch: 'e1',
  isOwner: false,
  rights: new Set(['publish', 'index'] as const),
  index: undefined,
  expiresAtMs: 1000 * seconds(60),
}

test('room tokens: one room, its epoch, their rights; counted by address; in every mode', async () => {
  const issuer = await makeIssuer()
  for (const { authorize, code, secrets } of [await judge({}), await jwtJudge(issuer)]) {
    const token = await signRoomToken({ ...room, index: 3 }, secrets.roomSecret, Date.now())
    const found = await authorize(request(token), 'publish', 'r')
    const { expiresAtMs } = room
    assert.deepEqual(found, { ok: true, value: { caller: ADDRESS, pass: 'e1', expiresAtMs, sender: 3 } })
    const codes = await Promise.all(ACTIONS.map((action) => code(token, action, 'r')))
    const no = 'forbidden'
    assert.deepEqual(codes, [no, 'ok', 'ok', no, no, no, no])
    for (const other of ['R', 'r2', 'r*', '']) assert.equal(await code(token, 'publish', other), no)
  }
})

test('the owner may besides mint and remove, but not create', async () => {
  const { code, secrets } = await judge({})
  const rights = new Set(['subscribe', 'publish', 'index', 'state'] as const)
  const token = await signRoomToken({ ...room, isOwner: true, rights }, secrets.roomSecret, Date.now())
  const codes = await Promise.all(ACTIONS.map((action) => code(token, action, 'r')))
  assert.deepEqual(codes, ['ok', 'ok', 'ok', 'ok', 'ok', 'forbidden', 'ok'])
  assert.equal(await code(token, 'mint', 'other'), 'forbidden')
})

test('room tokens of another secret, ended ones, and JWTs that only look like one are refused', async () => {
  const k = Buffer.alloc(32, 9)
  const set = JSON.stringify({ keys: [{ kty: 'oct', kid: 'a', k: k.toString('base64url') }] })
  const { code, secrets } = await judge({
    'auth.mode': 'jwt',
    'auth.jwt_algorithms': ['HS256'],
    'auth.jwt_issuer': ISSUER,
    'auth.jwt_audience': AUDIENCE,
    'auth.jwks_file': secretFile(set),
    'auth.room_secret_file': secretFile('s'.repeat(32)),
  })
  const sign = (secret: Buffer, more = {}) => signRoomToken({ ...room, ...more }, secret, Date.now())
  assert.equal(await code(await sign(secrets.roomSecret), 'publish', 'r'), 'ok')
  assert.equal(await code(await sign(k), 'publish', 'r'), 'token_invalid', 'the secret of the issuer')
  assert.equal(await code(await sign(Buffer.alloc(32)), 'publish', 'r'), 'token_invalid')
  const ended = { expiresAtMs: 1000 * seconds(-1) }
  assert.equal(await code(await sign(secrets.roomSecret, ended), 'publish', 'r'), 'token_expired')
  const [, payload, signature] = (await sign(secrets.roomSecret)).split('.')
  for (const head of [{ alg: 'HS256' }, { alg: 'HS256', typ: 'JWT' }, { alg: 'none', typ: 'room+jwt' }]) {
    const forged = `${Buffer.from(JSON.stringify(head)).toString('base64url')}.${payload}.${signature}`
    assert.equal(await code(forged, 'publish', 'r'), 'token_invalid', JSON.stringify(head))
  }
})

test('the secret of rooms: from a file without its last newline, or one of its own; short ones are refused', async () => {
  const read = async (settings: object) => (await judge({ ...settings })).secrets.roomSecret.toString()
  assert.equal(await read({ 'auth.room_secret_file': secretFile(`${'s'.repeat(32)}\n`) }), 's'.repeat(32))
  const short = secretFile(`${'s'.repeat(31)}\n`)
  await assert.rejects(read({ 'auth.room_secret_file': short }), /expected at least 32 random bytes$/)
  const open = secretFile('s'.repeat(32), 0o644)
  await assert.rejects(read({ 'auth.room_secret_file': open }), /auth\.room_secret_file: .*only its owner can read/)
  assert.equal((await judge({})).secrets.roomSecret.length, 32)
})
