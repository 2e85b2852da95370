/**
 * POST /rooms/{id}/tokens, with the owner's token: {"rights": [...], "expires_in_seconds": n, "index": i} gives
 * {"token", "expires_at", "rights"} for one more party of a private room (auth/mint-request.ts).
 */
import { readBody } from '../body.ts'
import { refusals } from '../refusal.ts'
import type { AppOptions, RoutedRequest } from './context.ts'

const MAX_BODY_BYTES = 4_096

export async function mintToken(request: RoutedRequest, { store, mint }: AppOptions): Promise<Response> {
  const { c, incoming, roomId, granted, refuse } = request
  const body = await readBody(incoming, MAX_BODY_BYTES)
  if (body === 'too large') return refuse(refusals.bodyTooLarge(MAX_BODY_BYTES))
  if (body === 'incomplete') return refuse(refusals.bodyIncomplete())
  const state = await store.state(roomId, granted.pass)
  if (!state.ok) return refuse(state.refusal)
  if (state.value === undefined) return refuse(refusals.roomGone())
  const minted = await mint(roomId, granted, body)
  if (!minted.ok) return refuse(minted.refusal)
  return c.json(minted.value, 201, { 'cache-control': 'no-store' })
}
