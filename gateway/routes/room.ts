/**
 * The room itself: GET tells its state, POST makes a private one, DELETE ends it. None of them makes an open room; those
 * come into being by being used.
 */
import { refusals } from '../refusal.ts'
import type { AppOptions, RoutedRequest } from './context.ts'

/** 200 with the state; counts and times only, nothing of what was said. */
export async function roomState(
  { c, roomId, granted, refuse }: RoutedRequest,
  { store }: AppOptions,
): Promise<Response> {
  const state = await store.state(roomId, granted.pass)
  if (!state.ok) return refuse(state.refusal)
  if (state.value === undefined) return refuse(refusals.noSuchRoom())
  const { epoch, isPrivate, subscribers, firstId, lastId, nextId, messages, bytes, ageSeconds } = state.value
  return c.json({
    epoch,
    private: isPrivate,
    subscribers,
    first_id: firstId ?? null,
    last_id: lastId ?? null,
    next_id: nextId,
    messages,
    bytes,
    age_seconds: ageSeconds,
  })
}

/** 201 with the epoch, and the owner's token where the gateway has tokens. */
export async function createRoom(request: RoutedRequest, options: AppOptions): Promise<Response> {
  const { c, roomId, refuse } = request
  const { store, mintOwner, isClosing } = options
  if (isClosing()) return refuse(refusals.shuttingDown())
  const made = await store.create(roomId)
  if (!made.ok) return refuse(made.refusal)
  const { epoch } = made.value
  const token = await mintOwner(roomId, epoch)
  return c.json({ epoch, ...(token !== undefined && { token }) }, 201, { 'cache-control': 'no-store' })
}

/** 204; every stream of the room ends with a `reset` event. */
export async function removeRoom(
  { c, roomId, granted, refuse }: RoutedRequest,
  { store }: AppOptions,
): Promise<Response> {
  const removed = await store.remove(roomId, granted.pass)
  if (!removed.ok) return refuse(removed.refusal)
  return removed.value ? c.body(null, 204) : refuse(refusals.noSuchRoom())
}
