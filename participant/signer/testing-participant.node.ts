/**
 * The participants that tests open. They compute where `testWork` says. With WALLET_MPC_POOL=on each has a pool, and a
 * presignature is there before two of them sign: what a test says about signatures then holds for those that take one
 * exchange.
 *
 * Making that presignature is part of the signature that it is for: it has the same deadline and signal, its evidence goes
 * to the same place, and whatever ends it ends the signature.
 */
import { PeerStopped } from '../base/errors.ts'
import { testWork } from '../zk/testing-work.node.ts'
import { openParticipant, type Participant, type ParticipantOptions, type SignOptions } from './participant.ts'

const { WALLET_MPC_POOL = 'off' } = process.env
if (WALLET_MPC_POOL !== 'on' && WALLET_MPC_POOL !== 'off') throw new Error('WALLET_MPC_POOL: expected on or off')

/** Whether participants of tests have a pool that the test did not ask for. */
export const hasTestPool: boolean = WALLET_MPC_POOL === 'on'

export interface TestOptions extends Omit<ParticipantOptions, 'pool'> {
  /** The test's own, which it fills itself; `none` where the way without presignatures is what it is about. */
  readonly pool?: ParticipantOptions['pool'] | 'none'
}

/** `open` is what hosts call, for tests of that. */
export function openTestParticipant({ pool, ...o }: TestOptions, open = openParticipant): Participant {
  const options = { work: testWork, ...o }
  if (pool === 'none' || (pool === undefined && !hasTestPool)) return open(options)
  if (pool !== undefined) return open({ ...options, pool })
  const participant = open({ ...options, pool: { low: 0, high: 0, refill: false } })
  return {
    ...participant,
    async sign(request) {
      const stopAt = Date.now() + request.deadlineMs
      if (!isForTwo(participant, request)) return participant.sign(request)
      await ahead(participant, request)
      return participant.sign({ ...request, deadlineMs: Math.max(1, stopAt - Date.now()) })
    },
  }
}

/** Only two signers use presignatures, and not for a digest that they did not compute. */
function isForTwo(participant: Participant, { account, signers, payload }: SignOptions): boolean {
  const known = participant.accounts().find((a) => a.account === account)
  return payload.kind !== 'digest' && (signers?.length ?? known?.threshold) === 2
}

async function ahead(participant: Participant, { payload, authority, onStep, ...o }: SignOptions): Promise<void> {
  try {
    await participant.prepare({ ...o, count: 1 })
  } catch (e) {
    if (!(e instanceof PeerStopped && e.reason === 'NO_POOL')) throw e
  }
}
