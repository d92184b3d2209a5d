/** Hands items from one who makes them to one who takes them, one at a time: neither runs ahead of the other. */
export class Handover<T> implements AsyncIterable<T> {
  #item: { readonly value: T; taken(wantsMore: boolean): void } | undefined
  #ended: { readonly error?: unknown } | undefined
  #isLeft = false
  #wake: () => void = () => {}

  /** Resolves when the item was used up; to `false` when nobody wants more. */
  give(value: T): Promise<boolean> {
    if (this.#isLeft) return Promise.resolve(false)
    return new Promise((taken) => {
      this.#item = { value, taken }
      this.#wake()
    })
  }

  /** There is no more; with an error: for that reason. */
  end(failure: { readonly error?: unknown } = {}): void {
    this.#ended = failure
    this.#wake()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    try {
      for (;;) {
        const item = this.#item
        if (item) {
          yield item.value
          this.#item = undefined
          item.taken(true)
        } else if (this.#ended) {
          if ('error' in this.#ended) throw this.#ended.error
          return
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
        }
      }
    } finally {
      this.#isLeft = true
      this.#item?.taken(false)
    }
  }
}
