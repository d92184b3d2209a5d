const NEVER = new Int32Array(new SharedArrayBuffer(4))

/** Stops this thread for a while, at random, so that those who wait for the same do not all come back at once. */
export function pause(longestMs: number): void {
  Atomics.wait(NEVER, 0, 0, Math.random() * longestMs)
}
