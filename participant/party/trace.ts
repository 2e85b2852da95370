/**
 * Progress that a host may watch. A closed union: every field is a name from the code, an id, a count or a duration, so
 * nothing secret and no free text can get in.
 */
export type TraceEvent =
  | { readonly at: 'sent'; readonly protocol: string; readonly round: string; readonly bytes: number }
  | { readonly at: 'received'; readonly protocol: string; readonly round: string }

export type Trace = (event: TraceEvent) => void
