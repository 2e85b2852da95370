/**
 * What a lying gateway may do, and how often. A schedule follows from its seed. One that loses nothing shows every
 * packet to everybody sooner or later, among any number of others; one that loses may do anything.
 */
import { diceOf } from './dice.ts'

/** Probabilities, for each packet and subscriber unless it says otherwise. */
export interface Lies {
  /** Longest delay of a packet, in ms; packets overtake each other. */
  readonly delayMs: number
  readonly duplicate: number
  /** An earlier packet of the room, once more. */
  readonly repeat: number
  /** A packet of another room, or of a session long past. */
  readonly replay: number
  /** Beside the packet or, when `replaces`, in its place. */
  readonly truncate: number
  readonly splice: number
  readonly flip: number
  readonly invent: number
  /** Text that is no packet. */
  readonly noise: number
  /** The stream is cut after an event; the reader may resume. */
  readonly cut: number
  /** The room is said to be a new one. */
  readonly restart: number
  /** For each POST: refused once with a status to try again after, or answered late. */
  readonly refusePost: number
  readonly latePost: number
  /** Ids that repeat, jump, are missing or are no numbers. Loses messages. */
  readonly lieAboutIds: number
  readonly drop: number
  /** Spoilt packets take the place of the true ones. */
  readonly replaces: boolean
  /** For each POST: said to be taken and forgotten; or taken and never answered. */
  readonly forget: number
  readonly neverAnswer: number
  /** For each subscription: another answer than a stream. */
  readonly badStream: number
  /** From its n-th packet on, a subscriber is shown nothing more. */
  readonly silentAfter: number
  /** In a ceremony: hellos under its own keys. */
  readonly impersonate: number
}

const HONEST: Lies = {
  delayMs: 0,
  duplicate: 0,
  repeat: 0,
  replay: 0,
  truncate: 0,
  splice: 0,
  flip: 0,
  invent: 0,
  noise: 0,
  cut: 0,
  restart: 0,
  refusePost: 0,
  latePost: 0,
  lieAboutIds: 0,
  drop: 0,
  replaces: false,
  forget: 0,
  neverAnswer: 0,
  badStream: 0,
  silentAfter: Number.POSITIVE_INFINITY,
  impersonate: 0,
}

export type Kind = 'honest' | 'lossless' | 'lossy'

export function liesOf(seed: string, kind: Kind): Lies {
  if (kind === 'honest') return HONEST
  const dice = diceOf(`lies ${seed}`)
  /** Half of the lies are left out of a schedule, so that each also occurs nearly alone. */
  const some = (most: number): number => (dice.chance(0.5) ? most * dice.fraction() : 0)
  const lossless: Lies = {
    ...HONEST,
    delayMs: some(120),
    duplicate: some(0.6),
    repeat: some(0.3),
    replay: some(0.4),
    truncate: some(0.3),
    splice: some(0.3),
    flip: some(0.4),
    invent: some(0.6),
    noise: some(0.3),
    cut: some(0.15),
    restart: some(0.05),
    refusePost: some(0.3),
    latePost: some(0.3),
  }
  if (kind === 'lossless') return lossless
  /** From hardly anything to nearly everything. */
  const loss = dice.fraction()
  return {
    ...lossless,
    lieAboutIds: some(0.2 * loss),
    drop: some(0.2 * loss),
    replaces: dice.chance(0.4 * loss),
    forget: some(0.3 * loss),
    neverAnswer: some(0.1 * loss),
    badStream: some(0.5 * loss),
    silentAfter: dice.chance(0.3 * loss) ? dice.below(20) : Number.POSITIVE_INFINITY,
    impersonate: some(0.2),
  }
}
