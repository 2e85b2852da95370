/** Addresses and networks, in the form that configurations have them. */
import { BlockList, isIP } from 'node:net'

/** Whether an address is one of these, or in one of these networks. What is no address is in none. */
export function ranges(entries: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const entry of entries) {
    const [address = '', prefix] = entry.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (prefix === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(prefix), family)
  }
  return (text) => {
    // an IPv4 address that came over an IPv6 socket
    const address = text.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '')
    const version = isIP(address)
    return version !== 0 && list.check(address, version === 6 ? 'ipv6' : 'ipv4')
  }
}
