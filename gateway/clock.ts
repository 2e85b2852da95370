/** Time as a parameter: tests move it by hand. */
export interface Clock {
  /** Milliseconds that never go backwards. */
  nowMs(): number
}
