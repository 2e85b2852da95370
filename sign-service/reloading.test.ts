/** SIGHUP: everything is exchanged or nothing, one after the other, and what was done is recorded. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError, loadServiceConfig } from '../config/load.ts'
import { type ReloadOptions, reloading } from './reloading.ts'

const configOf = (flags: Record<string, unknown>) =>
  loadServiceConfig({ cwd: import.meta.dirname, env: {}, flags: { 'mpc.state_folder': '/tmp/none', ...flags } })

/** What happened, in order; `more` replaces a part by one that fails. */
function scene(flags: Record<string, unknown> = {}, more: Record<string, unknown> = {}) {
  const done: string[] = []
  const logged: string[] = []
  const note = (what: string, value?: unknown) => () => {
    done.push(what)
    return value
  }
  const log = {
    warn: (fields: object) => void logged.push(JSON.stringify(fields)),
    error: (fields: object) => void logged.push(JSON.stringify(fields)),
  }
  const options = {
    load: () => {
      done.push('load')
      return configOf(flags)
    },
    config: configOf({}),
    service: { reload: async () => void done.push('exchanged'), notReloaded: note('not reloaded') },
    policy: { reread: async () => void done.push('policy') },
    log,
    audit: {
      reopen: async () => void done.push('reopened'),
      append: async (event: string, fields: object) => void done.push(`${event} ${JSON.stringify(fields)}`),
    },
    read: async () => {
      done.push('shares')
      return { shares: new Map([['main', {}]]), close: async () => void done.push('closed') }
    },
    ...more,
  }
  const reload = reloading(options as unknown as ReloadOptions)
  const settled = () => new Promise((resolve) => setTimeout(resolve, 20))
  return { done, logged, reload, settled }
}

test('shares and policy are read, then exchanged, then that is recorded; one after the other', async () => {
  const { done, logged, reload, settled } = scene()
  reload()
  reload()
  await settled()
  const once = ['reopened', 'load', 'shares', 'closed', 'policy', 'exchanged', 'reloaded {"accounts":["main"]}']
  assert.deepEqual(done, [...once, ...once])
  assert.deepEqual(logged, [])
})

test('when something can’t be read nothing is exchanged, and the next time it may be', async () => {
  const wrong = () => {
    throw new ConfigError('policy.file: wrong')
  }
  const failing: readonly (readonly [object, readonly string[]])[] = [
    [{ load: wrong }, []],
    [{ read: async () => wrong() }, ['load']],
    [{ policy: { reread: async () => wrong() } }, ['load', 'shares', 'closed']],
  ]
  for (const [more, before] of failing) {
    const { done, logged, reload, settled } = scene({}, more as Record<string, unknown>)
    reload()
    reload()
    await settled()
    const each = ['reopened', ...before, 'not reloaded']
    assert.deepEqual(done, [...each, ...each])
    assert.match(logged[0] ?? '', /policy\.file: wrong/)
  }
})

test('of errors that are not ours nothing is logged', async () => {
  const { logged, reload, settled } = scene(
    {},
    {
      read: async () => {
        throw new RangeError('canary')
      },
    },
  )
  reload()
  await settled()
  assert.equal(logged.length, 1)
  assert.ok(!logged.join('').includes('canary'), logged.join(''))
})

test('what needs a restart is named, without its value; the policy does not', async () => {
  const { done, logged, reload, settled } = scene({ 'gateway.url': 'http://canary:1', 'policy.allow_raw_digest': true })
  reload()
  await settled()
  assert.deepEqual(logged, ['{"keys":["gateway.url"]}'])
  assert.ok(done.includes('exchanged'), 'the rest is exchanged all the same')
})
