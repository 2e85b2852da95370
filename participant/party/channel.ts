/**
 * What a party needs of a network: one room to which packets go and from which all packets come, its own included,
 * at least once, in any order. Nothing about it is trusted.
 */
export interface Channel {
  /**
   * Resolves when the room has taken the packet; tries again by itself until the channel closes.
   * Throws TransportError when the channel is closed or refuses for good.
   */
  post(packet: Uint8Array): Promise<void>
  /**
   * Every packet of the room from its beginning, then each new one. `onClosed` is called once if the channel can't go
   * on. Returns the function that ends the subscription.
   */
  subscribe(onPacket: (packet: Uint8Array) => void, onClosed: (error: Error) => void): () => void
}
