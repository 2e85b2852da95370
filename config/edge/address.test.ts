/** Whom limits are counted for: the connection's address, or what a trusted proxy says and nobody else. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { addresses } from './address.ts'

function caller(trusted: readonly string[], remoteAddress: string | undefined, forwarded?: string): string {
  const socket = { remoteAddress } as Socket
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
  return addresses(trusted).callerOf({ headers, socket })
}

const PROXIES = ['10.0.0.0/8', '192.0.2.7', 'fd00::/8', '::1']

test('without trusted proxies, X-Forwarded-For does not count', () => {
  assert.equal(caller([], '203.0.113.9', '198.51.100.1'), '203.0.113.9')
  assert.equal(caller(['10.0.0.0/8'], '203.0.113.9', '198.51.100.1'), '203.0.113.9', 'nor from another address')
})

test('a trusted proxy is believed about the one behind it, and nobody about those further away', () => {
  assert.equal(caller(PROXIES, '10.1.2.3', '198.51.100.1'), '198.51.100.1')
  assert.equal(caller(PROXIES, '10.1.2.3', '6.6.6.6, 198.51.100.1'), '198.51.100.1')
  assert.equal(caller(PROXIES, '10.1.2.3', '10.9.9.9, 6.6.6.6, 198.51.100.1,192.0.2.7 , 10.4.4.4'), '198.51.100.1')
  assert.equal(caller(PROXIES, '::ffff:10.1.2.3', '198.51.100.1'), '198.51.100.1', 'an IPv4 proxy on an IPv6 socket')
  assert.equal(caller(PROXIES, '::1', '198.51.100.1'), '198.51.100.1')
})

test('what is not an address ends the search at the last proxy', () => {
  assert.equal(caller(PROXIES, '10.1.2.3'), '10.1.2.3')
  for (const nothing of ['', 'unknown', 'a b', '_hidden', '1.2.3', '300.1.1.1', '198.51.100.1, ', '<script>']) {
    assert.equal(caller(PROXIES, '10.1.2.3', nothing), '10.1.2.3', nothing)
  }
  assert.equal(caller(PROXIES, '10.1.2.3', 'evil, 10.4.4.4'), '10.4.4.4')
  assert.equal(caller(PROXIES, '10.1.2.3', '10.5.5.5,10.4.4.4'), '10.5.5.5', 'a request of a proxy itself')
  assert.equal(caller([], undefined), 'unknown')
})

test('ports and brackets that some proxies write', () => {
  assert.equal(caller(PROXIES, '10.1.2.3', '198.51.100.1:4711'), '198.51.100.1')
  assert.equal(caller(PROXIES, '10.1.2.3', '[2001:db8:1:2::9]:443'), '2001:db8:1:2::/64')
  assert.equal(caller(PROXIES, '10.1.2.3', '[2001:db8:1:2::9]'), '2001:db8:1:2::/64')
  assert.equal(caller(PROXIES, '10.1.2.3', '::FFFF:198.51.100.1'), '198.51.100.1')
})

test('of IPv6 the first 64 bits count, however they are written', () => {
  for (const same of [
    '2001:db8:1:2:3:4:5:6',
    '2001:0DB8:0001:0002::',
    '2001:db8:1:2:ffff::1',
    '2001:db8:1:2:3:4:1.2.3.4',
  ]) {
    assert.equal(caller([], same), '2001:db8:1:2::/64', same)
  }
  assert.equal(caller([], '2001:db8:1:3::1'), '2001:db8:1:3::/64')
  assert.equal(caller([], '::1'), '0:0:0:0::/64')
  assert.equal(caller([], '2001:db8::'), '2001:db8:0:0::/64')
  assert.equal(caller([], 'fe80::1%eth0'), 'fe80:0:0:0::/64')
  assert.equal(caller([], '64:ff9b::1.2.3.4'), '64:ff9b:0:0::/64')
})

test('connections of a trusted proxy are not counted, those of others are', () => {
  const { countedAddress } = addresses(PROXIES)
  assert.equal(countedAddress('10.1.2.3'), undefined)
  assert.equal(countedAddress('::ffff:192.0.2.7'), undefined)
  assert.equal(countedAddress('192.0.2.8'), '192.0.2.8')
  assert.equal(countedAddress('2001:db8:1:2::9'), '2001:db8:1:2::/64')
  assert.equal(countedAddress(undefined), 'unknown')
})
