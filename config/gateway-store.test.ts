/** The store section: addresses without secrets, prefixes without braces. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError, loadGatewayConfig } from './load.ts'

const load = (key: string, value: string) =>
  loadGatewayConfig({ cwd: import.meta.dirname, env: {}, flags: { [`store.${key}`]: value } }).store

test('addresses of Redis', () => {
  for (const url of ['redis://127.0.0.1:6379', 'rediss://redis.example', 'redis://[::1]:1/3', 'redis://h/']) {
    assert.equal(load('redis_url', url).redis_url, url)
  }
  for (const url of [
    'http://h',
    'redis:h',
    'redis://',
    'redis://h/x',
    'redis://h?a=b',
    'redis://h#a',
    'redis://h x',
    '',
  ]) {
    assert.throws(() => load('redis_url', url), /store\.redis_url: expected redis:\/\/host:port or rediss/, url)
  }
})

test('a secret in the address is refused and not repeated', () => {
  for (const url of ['redis://user:hunter2@h', 'redis://:hunter2@h', 'rediss://hunter2@h']) {
    assert.throws(
      () => load('redis_url', url),
      (error) =>
        error instanceof ConfigError &&
        /without user and password: use redis_username and redis_password_file$/.test(error.message) &&
        !error.message.includes('hunter2'),
      url,
    )
  }
})

test('prefixes', () => {
  assert.equal(load('key_prefix', 'a-b_c.d:1').key_prefix, 'a-b_c.d:1')
  for (const prefix of ['', '{a}', 'a b', 'ä', 'x'.repeat(65)]) {
    assert.throws(() => load('key_prefix', prefix), /store\.key_prefix: expected 1 to 64 letters/, prefix)
  }
})
