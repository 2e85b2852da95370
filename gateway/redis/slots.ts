/** Slots of a Redis Cluster: that of a key, and who has which. */
import { Buffer } from 'node:buffer'
import type { Reply } from './connection.ts'

export const SLOTS = 16_384
const POLYNOMIAL = 0x1021

export interface SlotRange {
  readonly from: number
  readonly to: number
  /** host:port of the master. */
  readonly owner: string
}

/** CRC16 (XMODEM) of what is between the first brace and the next closing one, if that is anything, else of the whole key. */
export function slotOf(key: string): number {
  const open = key.indexOf('{')
  const close = open < 0 ? -1 : key.indexOf('}', open + 1)
  const tag = close > open + 1 ? key.slice(open + 1, close) : key
  let crc = 0
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ POLYNOMIAL) & 0xffff : crc << 1
  }
  return crc % SLOTS
}

/** The answer to CLUSTER SLOTS of a node at `host`: a node that does not know its own address leaves it empty. */
export function readRanges(reply: Reply, host: string): readonly SlotRange[] {
  return listOf(reply).map((entry) => {
    const [from, to, master] = listOf(entry)
    const [name, port] = listOf(master)
    const known = name === null || String(name) === '' || String(name) === '?' ? host : String(name)
    return { from: slot(from), to: slot(to), owner: `${known}:${whole(port, 65_535)}` }
  })
}

function slot(value: Reply | undefined): number {
  return whole(value, SLOTS - 1)
}

function whole(value: Reply | undefined, most: number): number {
  const number = Number(value)
  if (!Number.isInteger(number) || number < 0 || number > most) throw new Error('unexpected answer to CLUSTER SLOTS')
  return number
}

function listOf(value: Reply | undefined): readonly Reply[] {
  if (!Array.isArray(value)) throw new Error('unexpected answer to CLUSTER SLOTS')
  return value as readonly Reply[]
}
