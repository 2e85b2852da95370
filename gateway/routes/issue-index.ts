/** POST /rooms/{id}/issue_unique_idx: {"unique_idx": n}, counting from 1, never the same twice while the room lives. */
import { refusals } from '../refusal.ts'
import type { AppOptions, RoutedRequest } from './context.ts'

export async function issueIndex(
  { c, roomId, granted, refuse }: RoutedRequest,
  { store, isClosing }: AppOptions,
): Promise<Response> {
  if (isClosing()) return refuse(refusals.shuttingDown())
  const issued = await store.issueIndex(roomId, granted.pass)
  return issued.ok ? c.json({ unique_idx: issued.value }) : refuse(issued.refusal)
}
