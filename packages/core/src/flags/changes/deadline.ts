/** Waits for promises, up to one time for all of them. */
export class Deadline {
  readonly #reached: Promise<undefined>
  #timer: NodeJS.Timeout | undefined

  constructor(ms: number) {
    this.#reached = new Promise((resolve) => {
      this.#timer = setTimeout(resolve, ms, undefined)
    })
  }

  /** `undefined` when the time is up. */
  within<T>(promise: Promise<T>): Promise<T | undefined> {
    return Promise.race([promise, this.#reached])
  }

  end(): void {
    clearTimeout(this.#timer)
  }
}
