/**
 * The bodies that the load generator sends: who sent it and which of that sender's messages it is, at both ends, so that
 * a body that was cut, mixed up or repeated is seen without keeping what was sent.
 *
 *   SSSSSSNNNNNNNNNNxxx…xxxSSSSSSNNNNNNNNNN     sender, number, filling
 */
import { Buffer } from 'node:buffer'
import { digits } from './event-stream.ts'

const SENDER_DIGITS = 6
const NUMBER_DIGITS = 10
const MARK = SENDER_DIGITS + NUMBER_DIGITS
export const MIN_BODY_BYTES = 2 * MARK

/** Writes the body of one message into `target` from `at` on. */
export function writeBody(target: Buffer, at: number, bytes: number, sender: number, number: number): void {
  const mark = String(sender).padStart(SENDER_DIGITS, '0') + String(number).padStart(NUMBER_DIGITS, '0')
  target.write(mark, at, 'latin1')
  target.write(mark, at + bytes - MARK, 'latin1')
}

export function bodyOf(bytes: number, sender: number, number: number): Buffer {
  const body = Buffer.alloc(bytes, 'x')
  writeBody(body, 0, bytes, sender, number)
  return body
}

/** The sender in `bytes` from `start` on. −1 when this is no body. */
export function senderOf(bytes: Buffer, start: number): number {
  return digits(bytes, start, start + SENDER_DIGITS)
}

/** The number of the message; −1 when head and end do not agree or there is something else. */
export function numberOf(bytes: Buffer, start: number, end: number): number {
  if (end - start < MIN_BODY_BYTES) return -1
  if (bytes.compare(bytes, start, start + MARK, end - MARK, end) !== 0) return -1
  return digits(bytes, start + SENDER_DIGITS, start + MARK)
}
