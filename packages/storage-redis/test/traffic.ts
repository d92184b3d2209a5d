import { setImmediate as turn } from 'node:timers/promises'
import type { LimitsStore } from '@throughline/core/storage'
import { takeOne } from './take-one.ts'

/** Decisions for one tenant without a pause, of which none is to be refused: there is more than enough. */
export class Traffic {
  granted = 0
  refused = 0
  failed = 0
  /** ms of the longest since the last time it was set. */
  longestMs = 0
  #isOver = false
  readonly #loops: readonly Promise<void>[]

  constructor(limits: LimitsStore, loops = 4) {
    this.#loops = Array.from({ length: loops }, () => this.#loop(limits))
  }

  async end(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#loops)
  }

  async #loop(limits: LimitsStore): Promise<void> {
    while (!this.#isOver) {
      const began = performance.now()
      try {
        const { granted } = await limits.decide(takeOne('acme', 10_000_000), 0)
        if (granted === 1) this.granted += 1
        else this.refused += 1
      } catch {
        this.failed += 1
      }
      this.longestMs = Math.max(this.longestMs, performance.now() - began)
      await turn()
    }
  }
}
