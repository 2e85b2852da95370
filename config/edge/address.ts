/**
 * Whose request this is, as far as the network tells: the address of the connection, or what a trusted proxy says in
 * X-Forwarded-For about the one behind it.
 *
 * Each proxy appends the address that it saw, so the header is read from its end, as long as what stands there is itself a
 * trusted proxy: everything further left was written by somebody else. Without trusted proxies the header does not count
 * at all; a client could write anything there and be a new caller with every request.
 * An IPv6 host owns a network of 2^64 addresses, so callers are told apart by the first 64 bits.
 */
import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'

const UNKNOWN = 'unknown'

export interface Addresses {
  /** What requests of this caller are counted under. */
  callerOf(incoming: Pick<IncomingMessage, 'headers' | 'socket'>): string
  /** What connections are counted under; undefined for a trusted proxy, whose connections are those of many. */
  countedAddress(remoteAddress: string | undefined): string | undefined
}

/** `trustedProxies` are addresses and networks in the form the configuration allows. */
export function addresses(trustedProxies: readonly string[]): Addresses {
  const trusted = new BlockList()
  for (const entry of trustedProxies) {
    const [address = '', prefix] = entry.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (prefix === undefined) trusted.addAddress(address, family)
    else trusted.addSubnet(address, Number(prefix), family)
  }
  const isTrusted = (address: string) => trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')

  // Of a connection it is always the same, and looking at a list takes longer than taking a message.
  const peers = new WeakMap<object, { readonly caller: string; readonly isTrusted: boolean }>()
  const peerOf = (socket: IncomingMessage['socket']) => {
    const known = peers.get(socket)
    if (known !== undefined) return known
    const address = unmapped(socket.remoteAddress ?? '')
    // one that has been closed has no address any more
    if (isIP(address) === 0) return { caller: UNKNOWN, isTrusted: false }
    const peer = { caller: network(address), isTrusted: isTrusted(address) }
    peers.set(socket, peer)
    return peer
  }

  return {
    callerOf: ({ headers, socket }) => {
      const peer = peerOf(socket)
      if (!peer.isTrusted) return peer.caller
      const forwarded = headers['x-forwarded-for']
      const hops = forwarded === undefined ? [] : String(forwarded).split(',')
      let address: string | undefined
      for (let before = addressIn(hops.pop()); before !== undefined; before = addressIn(hops.pop())) {
        address = before
        if (!isTrusted(address)) break
      }
      return address === undefined ? peer.caller : network(address)
    },
    countedAddress: (remoteAddress) => {
      const address = unmapped(remoteAddress ?? '')
      if (isIP(address) === 0) return UNKNOWN
      return isTrusted(address) ? undefined : network(address)
    },
  }
}

/** The address in one entry: some proxies write a port behind it, and brackets around IPv6. */
function addressIn(entry: string | undefined): string | undefined {
  const text = unmapped(
    entry
      ?.trim()
      .replace(/^\[([^\]]*)\](:\d+)?$/, '$1')
      .replace(/^([\d.]+):\d+$/, '$1') ?? '',
  )
  return isIP(text) === 0 ? undefined : text
}

/** An IPv4 address that came over an IPv6 socket as what it is. */
function unmapped(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '')
}

/** IPv4 as it is; of IPv6 the first four groups, all written out. */
function network(address: string): string {
  if (isIP(address) !== 6) return address
  const [head = '', tail] = address.replace(/%.*$/, '').split('::')
  const front = head === '' ? [] : head.split(':')
  const back = tail === undefined || tail === '' ? [] : tail.split(':')
  // A dotted quad at the end stands for two groups.
  const written = front.length + back.length + (address.includes('.') ? 1 : 0)
  const groups = tail === undefined ? front : [...front, ...Array<string>(8 - written).fill('0'), ...back]
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}
