/** One participant that serves, and its end: no new invitations, then the sessions that run, then the participant. */
import type { Participant, ServeOptions, Service } from '../participant/index.ts'

export interface Serving {
  readonly participant: Participant
  readonly service: Service
  /** Behind the HTTP interface, and not in the gateway's rooms. */
  readonly isApi: boolean
  stop(graceMs: number): Promise<void>
}

export function startServing(participant: Participant, isApi: boolean, options: ServeOptions): Serving {
  const service = participant.serve(options)
  return {
    participant,
    service,
    isApi,
    async stop(graceMs) {
      await service.stop({ graceMs })
      participant.close()
    },
  }
}
