/**
 * Connections of one remote address. Those above the limit are closed as they come, before they cost more than a socket;
 * there is nobody to send an answer to yet. A trusted proxy has no limit of its own: its connections are those of many.
 */
import type { Server } from 'node:net'
import type { Addresses } from '../../config/edge/address.ts'

/** Must be called before the server listens. `onRefused` is told each time, without the address. */
export function limitConnections(server: Server, max: number, addresses: Addresses, onRefused: () => void): void {
  // Bounded by the connections of the server: a count of zero is forgotten.
  const open = new Map<string, number>()
  server.prependListener('connection', (socket) => {
    const address = addresses.countedAddress(socket.remoteAddress)
    if (address === undefined) return
    const count = (open.get(address) ?? 0) + 1
    if (count > max) {
      socket.destroy()
      onRefused()
      return
    }
    open.set(address, count)
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1
      if (left === 0) open.delete(address)
      else open.set(address, left)
    })
  })
}
