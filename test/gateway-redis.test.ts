/** Two parties at different gateways of one Redis: real threshold signatures, also while Redis is killed and restarted. */
import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { before, suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import * as libsecp256k1 from 'tiny-secp256k1'
import { type GatewayProcess, gatewayProcess, skip, TestRedis } from '../gateway/redis/testing/server.ts'
import { INSECURE_TEST } from '../participant/base/level.ts'
import { dealTestShares } from '../participant/key-share/testing.ts'
import { connectGateway } from '../participant/room/gateway.ts'
import { describeSignature, type SignResult } from '../participant/signer/describe.ts'
import { openParticipant, type Participant } from '../participant/signer/participant.ts'
import type { ServeOptions } from '../participant/signer/serve.ts'

const payload = { kind: 'sha256', message: new TextEncoder().encode('pay 5') } as const
const agree: ServeOptions = { decide: () => undefined, maxSessions: 8, sessionMs: 60_000 }

function checked(result: SignResult): void {
  const { r, s, digest, publicKey } = describeSignature(result)
  const bytes = (hex: string): Buffer => Buffer.from(hex.slice(2), 'hex')
  assert.ok(
    libsecp256k1.verify(bytes(digest), bytes(publicKey), bytes(r + s.slice(2)), true),
    'another library takes the signature',
  )
}

suite('two parties at two gateways', { skip }, () => {
  const shares = dealTestShares({ parties: ['client', 'service'], threshold: 2, accounts: ['a'], level: INSECURE_TEST })
  let redis: TestRedis
  let gateways: readonly GatewayProcess[]
  before(async () => {
    redis = await TestRedis.start()
    gateways = await Promise.all([gatewayProcess(redis), gatewayProcess(redis)])
  })

  async function withParties(run: (client: Participant) => Promise<void>): Promise<void> {
    const [client, service] = ['client', 'service'].map((name, i) => {
      const keyShares = shares.get(name)
      const url = gateways[i]?.url
      assert.ok(keyShares !== undefined && url !== undefined, 'a share and a gateway for each')
      return openParticipant({ keyShares, gateway: connectGateway({ url }) })
    })
    assert.ok(client !== undefined && service !== undefined, 'two parties')
    const serving = service.serve(agree)
    try {
      await serving.ready
      await run(client)
    } finally {
      await serving.stop()
      client.close()
      service.close()
    }
  }

  test('sign with each other', () =>
    withParties(async (client) => {
      const sign = () => client.sign({ account: 'a', payload, deadlineMs: 40_000 })
      for (const result of await Promise.all([sign(), sign()])) checked(result)
    }))

  test('sign though Redis is killed in the middle', () =>
    withParties(async (client) => {
      const signing = Array.from({ length: 2 }, () => client.sign({ account: 'a', payload, deadlineMs: 60_000 }))
      await sleep(100)
      await redis.kill()
      await sleep(200)
      await redis.start()
      for (const result of await Promise.all(signing)) checked(result)
    }))
})
