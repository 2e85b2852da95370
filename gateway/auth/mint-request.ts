/**
 * What the owner of a private room asks for when minting: `{"rights": […], "expires_in_seconds": n, "index": i}`, the last
 * two optional. More than the owner may pass on, and longer than the owner's own token lives, is refused rather than cut,
 * so that nobody believes to have handed out what they have not.
 */
import { isUtf8 } from 'node:buffer'
import { z } from 'zod'
import { refusals } from '../refusal.ts'
import type { Found } from '../store.ts'
import { MINTABLE, type Mintable } from './room-tokens.ts'

export interface MintRequest {
  readonly rights: readonly Mintable[]
  /** As long as the owner's token when undefined. */
  readonly seconds: number | undefined
  readonly index: number | undefined
}

const RIGHTS = `expected a list of rights among ${MINTABLE.join(', ')}`
const SECONDS = 'expected a whole number of seconds, at most as many as the token of the owner has left'
const INDEX = 'expected a whole number from 1'
const SHAPE = 'expected a JSON object with rights, and optionally expires_in_seconds and index'

export function readMintRequest(body: Buffer, maxSeconds: number): Found<MintRequest> {
  const schema = z.strictObject(
    {
      rights: z
        .array(z.enum(MINTABLE, { error: RIGHTS }), { error: RIGHTS })
        .min(1, { error: RIGHTS })
        .max(MINTABLE.length, { error: RIGHTS }),
      expires_in_seconds: z
        .number({ error: SECONDS })
        .int({ error: SECONDS })
        .min(1, { error: SECONDS })
        .max(maxSeconds, { error: SECONDS })
        .optional(),
      index: z.number({ error: INDEX }).int({ error: INDEX }).min(1, { error: INDEX }).optional(),
    },
    { error: SHAPE },
  )
  const result = schema.safeParse(parseJson(body))
  if (result.success) {
    const { rights, expires_in_seconds, index } = result.data
    return { ok: true, value: { rights, seconds: expires_in_seconds, index } }
  }
  const [issue] = result.error.issues
  const field = issue?.path[0]
  return { ok: false, refusal: refusals.badMint(field === undefined ? SHAPE : `${String(field)}: ${issue?.message}`) }
}

function parseJson(body: Buffer): unknown {
  if (!isUtf8(body)) return undefined
  try {
    return JSON.parse(body.toString('utf8')) as unknown
  } catch {
    return undefined
  }
}
