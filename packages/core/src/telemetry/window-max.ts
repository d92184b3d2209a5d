const WINDOW_MS = 60_000

/** The highest value of this minute and the one before it: however many readers ask, and however often. */
export class WindowMax {
  #startedAt = Number.NEGATIVE_INFINITY
  #current = 0
  #previous = 0

  /** @param now ms */
  add(value: number, now: number): void {
    this.#turn(now)
    if (value > this.#current) this.#current = value
  }

  read(now: number): number {
    this.#turn(now)
    return Math.max(this.#current, this.#previous)
  }

  #turn(now: number): void {
    const age = now - this.#startedAt
    if (age < WINDOW_MS) return
    this.#previous = age < 2 * WINDOW_MS ? this.#current : 0
    this.#current = 0
    this.#startedAt = now
  }
}
