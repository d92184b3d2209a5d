import type { WindowState } from './limit-arithmetic.ts'
import { mostUnits, windowAt } from './limit-arithmetic.ts'
import type { WindowOperation } from './limits.ts'
import { findPlaced, NumberTable } from './number-table.ts'

const NO_WINDOW: WindowState = { start: 0, current: 0, previous: 0 }

/** Windows by key. A row: a window's units, since when it runs, how long it is, and the units of the one before. */
export class MemoryWindows {
  readonly #rows: NumberTable

  constructor(maxKeys: number) {
    this.#rows = new NumberTable(maxKeys, msLeft)
  }

  get size(): number {
    return this.#rows.size
  }

  clear(): void {
    this.#rows.clear()
  }

  state(operation: WindowOperation, now: number): WindowState {
    const { windowMs } = operation
    const at = findPlaced(this.#rows, operation)
    if (at < 0) return { ...NO_WINDOW, start: now - (now % windowMs) }
    const of = this.#rows.numbers
    const stored = { current: of[at] as number, start: of[at + 1] as number, previous: of[at + 3] as number }
    return windowAt(stored, of[at + 2] as number, windowMs, now)
  }

  /** Takes on top of a state, whatever room there is, and answers the new one. */
  take(operation: WindowOperation, state: WindowState, units: number, now: number): WindowState {
    const most = mostUnits(operation.windowMs)
    const taken = { ...state, current: Math.min(state.current + units * operation.cost, most) }
    this.#set(operation, taken, now)
    return taken
  }

  giveBack(operation: WindowOperation, units: number, now: number): void {
    const state = this.state(operation, now)
    const back = units * operation.cost
    const current = Math.max(0, state.current - back)
    const previous = Math.max(0, state.previous - Math.max(0, back - state.current))
    if (state.current + state.previous > 0) this.#set(operation, { ...state, current, previous }, now)
  }

  #set(operation: WindowOperation, { start, current, previous }: WindowState, now: number): void {
    const { key, windowMs } = operation
    const found = findPlaced(this.#rows, operation)
    const at = found < 0 ? this.#rows.add(key, now) : found
    const of = this.#rows.numbers
    of[at] = current
    of[at + 1] = start
    of[at + 2] = windowMs
    of[at + 3] = previous
  }
}

function msLeft(of: Float64Array, at: number, now: number): number {
  return (of[at + 1] as number) + 2 * (of[at + 2] as number) - now
}
