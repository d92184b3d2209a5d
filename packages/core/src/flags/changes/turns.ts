import { inTime } from '../../in-time.ts'

/** One whose turn takes longer, ms, holds up nobody: of two that write, one comes too late and goes on anew. */
const TURN_MS = 10_000

/** Lets changes of one flag have their turn one after the other. */
export class Turns {
  /** By flag: the last of those that wait for each other. */
  readonly #last = new Map<string, Promise<unknown>>()

  take<T>(key: string, fn: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve()
    const turn = before.then(fn)
    const over = before.then(() => inTime(TURN_MS, `A change of "${key}"`, turn))
    this.#last.set(
      key,
      over.catch(() => undefined),
    )
    return turn
  }
}
