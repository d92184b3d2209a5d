const WINDOW_MS = 60_000
const MAX_KEYS = 10_000

export interface FirstRefusal {
  readonly id: string
  readonly at: number
}

/** Remembers, for a minute, the first of equal refusals: the others add to its count instead of filling the trail. */
export class RefusalWindow {
  readonly #first = new Map<string, FirstRefusal>()

  /** The earlier refusal this one repeats, or `undefined` if it is the first of its minute. */
  firstOf(key: string, refusal: FirstRefusal): FirstRefusal | undefined {
    const first = this.#first.get(key)
    if (first && refusal.at - first.at < WINDOW_MS) return first
    if (first) this.#first.delete(key)
    else if (this.#first.size >= MAX_KEYS) this.#evictOldest()
    this.#first.set(key, refusal)
    return undefined
  }

  /** Forgets all: each is the first of its minute again. */
  clear(): void {
    this.#first.clear()
  }

  #evictOldest(): void {
    for (const key of this.#first.keys()) {
      this.#first.delete(key)
      return
    }
  }
}
