/**
 * Turns of the event loop between blocks of arithmetic, as a message to oneself: timers of zero length that fall due while
 * blocks run would be served one after the other, and sockets and signals would wait for all of them.
 */
let lastTurn: Promise<void> = Promise.resolve()

/**
 * Lets timers and sockets run before the next heavy block. One block a turn, whoever asks: with a hundred sessions at
 * once a timer waits for one of them, and not for a hundred.
 */
export function yieldToEventLoop(): Promise<void> {
  lastTurn = lastTurn.then(nextTurn)
  return lastTurn
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(undefined)
  })
}
