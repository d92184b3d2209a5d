/** Tells listeners, in the order they came; one that throws keeps nothing from the others. */
export class Listeners<T> {
  readonly #listeners = new Set<{ readonly tell: (told: T) => void }>()
  readonly #onFailure: (error: unknown) => void

  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure
  }

  /** Tells `tell` until the function it answers is called. */
  add(tell: (told: T) => void): () => void {
    const entry = { tell }
    this.#listeners.add(entry)
    return () => {
      this.#listeners.delete(entry)
    }
  }

  send(told: T): void {
    for (const { tell } of this.#listeners) {
      try {
        tell(told)
      } catch (error) {
        this.#onFailure(error)
      }
    }
  }
}
