import { inTime } from '../in-time.ts'

/** A run that takes longer is not waited for by those that come after it, ms. */
const AWAITED_MS = 2_000

interface Run<T> {
  readonly answer: Promise<T>
  /** The one that begins when it has ended: of all who ask while it is under way. */
  next?: Promise<T>
}

/** Look-ups that begin after they are asked for: however many ask, of each key one is under way, and one comes next. */
export class RunsAnew<T> {
  readonly #underWay = new Map<string, Run<T>>()

  /** @param begin begins a run; whose it is does not matter, those of one key do the same */
  ask(key: string, begin: () => Promise<T>): Promise<T> {
    const run = this.#underWay.get(key)
    if (!run) return this.#begin(key, begin)
    run.next ??= inTime(AWAITED_MS, 'The look-up', run.answer)
      .catch(() => undefined)
      .then(() => this.#begin(key, begin))
    return run.next
  }

  #begin(key: string, begin: () => Promise<T>): Promise<T> {
    const run: Run<T> = { answer: begin() }
    this.#underWay.set(key, run)
    const ended = (): void => {
      if (this.#underWay.get(key) === run && !run.next) this.#underWay.delete(key)
    }
    run.answer.then(ended, ended)
    return run.answer
  }
}
