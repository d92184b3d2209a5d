import { debtAt, MOST_DEBT, rateDecision } from './limit-arithmetic.ts'
import type { LimitAnswer, LimitDecision, RateOperation } from './limits.ts'
import { MAX_OPERATIONS } from './limits.ts'
import { findPlaced, NumberTable } from './number-table.ts'

/** What is owed of rates, by key. A row: the debt, when it was that, under which weight, and how fast it falls. */
export class MemoryRates {
  readonly #rows: NumberTable
  /** Of the operations that are being decided. */
  readonly #debts = new Float64Array(MAX_OPERATIONS)
  readonly #rowsFound = new Int32Array(MAX_OPERATIONS)

  constructor(maxKeys: number) {
    this.#rows = new NumberTable(maxKeys, msLeft)
  }

  get size(): number {
    return this.#rows.size
  }

  clear(): void {
    this.#rows.clear()
  }

  /** Decides and takes. What nearly every request is. */
  decide(operation: RateOperation, units: number, now: number): LimitAnswer {
    const at = findPlaced(this.#rows, operation)
    const debt = this.#debtIn(at, operation, now)
    const after = debt + units * operation.cost * operation.weight
    if (after > operation.capacity) return { granted: 0, decisions: [rateDecision(operation, debt, units, false)] }
    this.#setAt(at, operation, after, now)
    return { granted: units, decisions: [rateDecision(operation, after, units, true)] }
  }

  /** A tenant's rate and its user's, say: all or nothing. */
  decideAll(operations: readonly RateOperation[], units: number, now: number): LimitAnswer {
    const debts = this.#debts
    const rows = this.#rowsFound
    let fits = true
    for (let i = 0; i < operations.length; i++) {
      const operation = operations[i] as RateOperation
      const at = findPlaced(this.#rows, operation)
      const debt = this.#debtIn(at, operation, now)
      rows[i] = at
      debts[i] = debt
      if (debt + units * operation.cost * operation.weight > operation.capacity) fits = false
    }
    return fits ? this.#takeAll(operations, units, now) : this.#refuse(operations, units)
  }

  #takeAll(operations: readonly RateOperation[], units: number, now: number): LimitAnswer {
    const decisions = new Array<LimitDecision>(operations.length)
    let moved = false
    for (let i = 0; i < operations.length; i++) {
      const operation = operations[i] as RateOperation
      const after = (this.#debts[i] as number) + units * operation.cost * operation.weight
      const at = moved ? findPlaced(this.#rows, operation) : (this.#rowsFound[i] as number)
      this.#setAt(at, operation, after, now)
      // A row that is added moves others.
      if (at < 0) moved = true
      decisions[i] = rateDecision(operation, after, units, true)
    }
    return { granted: units, decisions }
  }

  #refuse(operations: readonly RateOperation[], units: number): LimitAnswer {
    const decisions = operations.map((operation, i) => {
      const debt = this.#debts[i] as number
      const allowed = debt + units * operation.cost * operation.weight <= operation.capacity
      return rateDecision(operation, debt, units, allowed)
    })
    return { granted: 0, decisions }
  }

  debt(operation: RateOperation, now: number): number {
    return this.#debtIn(findPlaced(this.#rows, operation), operation, now)
  }

  /** Takes on top of a debt, whatever room there is, and answers the new one. */
  take(operation: RateOperation, debt: number, units: number, now: number): number {
    const after = Math.min(debt + units * operation.cost * operation.weight, MOST_DEBT)
    this.#set(operation, after, now)
    return after
  }

  giveBack(operation: RateOperation, units: number, now: number): void {
    const debt = this.debt(operation, now)
    if (debt > 0) this.#set(operation, Math.max(0, debt - units * operation.weight * operation.cost), now)
  }

  #debtIn(at: number, operation: RateOperation, now: number): number {
    if (at < 0) return 0
    const of = this.#rows.numbers
    return debtAt(of[at] as number, of[at + 1] as number, of[at + 2] as number, of[at + 3] as number, operation, now)
  }

  #set(operation: RateOperation, debt: number, now: number): void {
    this.#setAt(findPlaced(this.#rows, operation), operation, debt, now)
  }

  /** @param found the row of its key, -1 for none; no row was added since */
  #setAt(found: number, operation: RateOperation, debt: number, now: number): void {
    const at = found < 0 ? this.#rows.add(operation.key, now) : found
    const of = this.#rows.numbers
    of[at] = debt
    of[at + 1] = now
    of[at + 2] = operation.weight
    of[at + 3] = operation.perMs
  }
}

function msLeft(of: Float64Array, at: number, now: number): number {
  return (of[at] as number) / (of[at + 3] as number) - (now - (of[at + 1] as number))
}
