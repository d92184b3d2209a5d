import type { LimitAnswer, LimitDecision, LimitOperation, LimitRequest } from '@throughline/core/storage'
import { concurrencyDecision, rateDecision, rateRoom, windowDecision, windowRoom } from '@throughline/core/storage'

/** Reads the script's answer, number by number. */
export class ScriptAnswer {
  /** ms since the epoch, by the clock that was gone by. */
  readonly now: number
  readonly #numbers: readonly unknown[]
  #next = 0

  /** @throws Error for what no run of the script answers */
  constructor(answer: unknown) {
    if (!Array.isArray(answer)) throw new Error(`Redis answered no list of numbers: ${String(answer)}`)
    this.#numbers = answer
    this.now = this.number()
  }

  /** The next one; some clients are set to read integers as texts. */
  number(): number {
    return Number(this.#numbers[this.#next++])
  }

  /** What a request comes to: the script says what it found and took, and core says what that means. */
  decisions(request: LimitRequest): LimitAnswer {
    const { operations, mode, units } = request
    const granted = this.number()
    // Of a request that got nothing, some operation had no room: whichever it was.
    const asked = mode === 'partial' ? Math.max(granted, 1) : units
    const allowed = mode === 'force' || granted > 0
    return { granted, decisions: operations.map((operation) => this.#decision(operation, asked, allowed)) }
  }

  #decision(operation: LimitOperation, units: number, allowed: boolean): LimitDecision {
    const { now } = this
    if (operation.kind === 'rate') {
      const debt = this.number()
      return rateDecision(operation, debt, units, allowed || rateRoom(operation, debt) >= units)
    }
    if (operation.kind === 'window') {
      const state = { current: this.number(), start: this.number(), previous: this.number() }
      return windowDecision(operation, state, now, units, allowed || windowRoom(operation, state, now) >= units)
    }
    const held = { units: this.number(), soonestMs: this.number(), latestMs: this.number() }
    if (held.soonestMs < 0) held.soonestMs = Number.POSITIVE_INFINITY
    const room = Math.floor(Math.max(0, operation.limit - held.units) / operation.cost)
    return concurrencyDecision(operation, held, units, allowed || room >= units)
  }
}
