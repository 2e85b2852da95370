/**
 * A room token may carry the index of its bearer. Where a message can be read (a JSON object with a number `sender`, as
 * the clients of gg20_sm_manager send it), it may then claim no other sender. What can't be read is passed on: the parties
 * of this project sign and seal what they send, and trust no gateway to know who sent it.
 */
import type { Buffer } from 'node:buffer'

/** Whether the body says that somebody else sent it. */
export function claimsOtherSender(body: Buffer, index: number): boolean {
  let value: unknown
  try {
    value = JSON.parse(body.toString('utf8').replace(/^\ufeff/, ''))
  } catch {
    return false
  }
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'sender')) return false
  const { sender } = value as { readonly sender: unknown }
  return typeof sender === 'number' && sender !== index
}
