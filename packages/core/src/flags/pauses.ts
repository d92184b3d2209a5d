import { setImmediate } from 'node:timers/promises'

/** What waits for its turn waits for a loop over all tenants this long. */
const LONGEST_MS = 8

/** Lets everything else have its turn in a long loop: timers, requests, other reads. */
export class Pauses {
  #since = performance.now()

  /** It has been long enough: `await` a `pause`. */
  get isDue(): boolean {
    return performance.now() - this.#since >= LONGEST_MS
  }

  async pause(): Promise<void> {
    await setImmediate()
    this.#since = performance.now()
  }
}
