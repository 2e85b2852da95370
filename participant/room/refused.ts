/** What a session that ended for lack of messages says when it was the gateway that kept us out. */
import { TransportError } from '../base/errors.ts'
import type { Room } from './room.ts'

/** Runs the work; its TransportError then also says that the room's gateway refuses our token, if it does. */
export async function tellingRefusal<T>(room: Pick<Room, 'refusal'>, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const { refusal } = room
    if (!(error instanceof TransportError) || refusal === undefined || error.message.includes(refusal)) throw error
    throw new TransportError(`${error.message}; ${refusal}`, error.waitingFor, { cause: error })
  }
}
