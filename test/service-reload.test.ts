/** Key shares that are exchanged while the service runs: what was made ahead for those that are the same is kept. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deal, payload, serviceScene } from './service-scene.ts'

const LIMIT = { timeout: 60_000 }

for (const over of ['rooms', 'http'] as const) {
  test(`presignatures outlive a reload, ${over}: the next signature is made from one`, LIMIT, async () => {
    const { service, client, dealt } = await serviceScene()
    const peer = client(over)
    const keyShares = dealt.get('service') ?? new Map()
    await peer.prepare({ account: 'main', count: 2, deadlineMs: 20_000 })
    for (const text of ['one', 'two']) {
      await service.reload({ keyShares: new Map(keyShares) })
      const steps: string[] = []
      const onStep = (step: string): void => void steps.push(step)
      await peer.sign({ account: 'main', payload: payload(text), deadlineMs: 20_000, onStep })
      assert.deepEqual(steps, [], 'it was made from the start')
    }
  })
}

test('those of shares that have changed are gone: the signature is made from the start', LIMIT, async () => {
  const { service, client, dealt } = await serviceScene()
  const peer = client('rooms')
  const before = dealt.get('service') ?? new Map()
  const main = before.get('main') ?? assert.fail('no share')
  const steps: string[] = []
  const onStep = (step: string): void => void steps.push(step)
  await peer.prepare({ account: 'main', count: 1, deadlineMs: 20_000 })
  // the same key and roster, in another epoch, as after a refresh; and back
  await service.reload({ keyShares: new Map([...before, ['main', { ...main, epoch: 1 }]]) })
  await service.reload({ keyShares: before })
  await peer.sign({ account: 'main', payload: payload('x'), deadlineMs: 20_000, onStep })
  assert.ok(steps.includes('signing'), 'made from a presignature of shares that were exchanged in between')
})

test('an account that is not served any more signs nothing, with or without a presignature', LIMIT, async () => {
  const { service, client } = await serviceScene()
  const peer = client('rooms')
  await peer.prepare({ account: 'main', count: 1, deadlineMs: 20_000 })
  await service.reload({ keyShares: deal().get('service') ?? new Map() })
  await assert.rejects(peer.sign({ account: 'main', payload: payload('x'), deadlineMs: 2_000 }))
})
