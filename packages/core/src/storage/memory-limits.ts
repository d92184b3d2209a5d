import { didYouMean } from '../did-you-mean.ts'
import { ThroughlineError } from '../errors.ts'
import {
  concurrencyDecision,
  debtAt,
  MOST_DEBT,
  mostUnits,
  rateDecision,
  rateRoom,
  type WindowState,
  windowAt,
  windowDecision,
  windowRoom,
} from './limit-arithmetic.ts'
import type {
  ConcurrencyOperation,
  LimitAnswer,
  LimitDecision,
  LimitOperation,
  LimitRequest,
  LimitsStore,
  RateOperation,
  WindowOperation,
} from './limits.ts'
import { MAX_OPERATIONS } from './limits.ts'
import type { Held } from './memory-leases.ts'
import { MemoryLeases } from './memory-leases.ts'
import { NumberTable } from './number-table.ts'

export interface MemoryLimitsOptions {
  /** Keys kept at the most, 100,000 unless said; beyond it the key that is nearest to being free is forgotten. */
  readonly maxKeys?: number
}

/** A limits store in this process's memory that answers at once. */
export interface MemoryLimits extends LimitsStore {
  /** Keys that are remembered. */
  readonly size: number
  decide(request: LimitRequest, now: number): LimitAnswer
  refund(request: LimitRequest, now: number): void
  renew(request: LimitRequest, now: number): boolean
}

/**
 * Limits in memory. Only the keys that are not free again are kept, without a timer.
 *
 * @example
 * const limits = memoryLimits()
 * const api = { kind: 'rate', key: 'acme\\u0000api', perMs: 1, weight: 600, capacity: 60_000, cost: 1 }
 * limits.decide({ group: 'acme', operations: [api], units: 1, mode: 'take' }, Date.now())
 *
 * @throws ThroughlineError `OPTIONS_INVALID`
 */
export function memoryLimits(options: MemoryLimitsOptions = {}): MemoryLimits {
  checkOptions(options)
  return new LimitsInMemory(options.maxKeys ?? 100_000)
}

function checkOptions(options: MemoryLimitsOptions): void {
  if (typeof options !== 'object' || options === null) throw invalid('It takes { maxKeys }, or nothing.')
  const unknown = Object.keys(options).find((name) => name !== 'maxKeys')
  if (unknown) throw invalid(`"${unknown}" is no option.${didYouMean(unknown, ['maxKeys'])}`)
  const { maxKeys = 1 } = options
  if (!(Number.isSafeInteger(maxKeys) && maxKeys > 0)) throw invalid('"maxKeys" must be a whole number above 0.')
}

function invalid(problem: string): ThroughlineError {
  return new ThroughlineError('OPTIONS_INVALID', {
    message: `memoryLimits: ${problem}`,
    details: { problems: [problem] },
  })
}

/** What one operation finds, before anything is taken. */
type Found =
  | { readonly operation: RateOperation; readonly debt: number }
  | { readonly operation: WindowOperation; readonly state: WindowState }
  | { readonly operation: ConcurrencyOperation; readonly held: Held; readonly room: number }

const NO_WINDOW: WindowState = { start: 0, current: 0, previous: 0 }

class LimitsInMemory implements MemoryLimits {
  readonly name = 'memory'
  /** A rate's debt, when it was that, under which weight, and how fast it falls. */
  readonly #rates: NumberTable
  /** A window's units, since when it runs, how long it is, and the units of the one before. */
  readonly #windows: NumberTable
  readonly #leases: MemoryLeases
  /** Of the operations that are being decided. */
  readonly #debts = new Float64Array(MAX_OPERATIONS)
  readonly #rowsFound = new Int32Array(MAX_OPERATIONS)
  #now = 0

  constructor(maxKeys: number) {
    this.#rates = new NumberTable(maxKeys, rateMsLeft)
    this.#windows = new NumberTable(maxKeys, windowMsLeft)
    this.#leases = new MemoryLeases(maxKeys)
  }

  get size(): number {
    return this.#rates.size + this.#windows.size + this.#leases.size
  }

  decide(request: LimitRequest, now: number): LimitAnswer {
    const { operations, mode, units } = request
    const time = this.#advance(now)
    if (mode !== 'take') return this.#decide(request, time)
    const [first] = operations
    if (operations.length === 1 && first?.kind === 'rate') return this.#takeRate(first, units, time)
    return areRates(operations) ? this.#takeRates(operations, units, time) : this.#decide(request, time)
  }

  #decide(request: LimitRequest, time: number): LimitAnswer {
    const { operations, mode } = request
    const found = operations.map((operation) => this.#find(operation, request.lease, time))
    const granted = grantedOf(request, found, time)
    const takes = granted > 0 && mode !== 'peek'
    const asked = mode === 'partial' ? Math.max(granted, 1) : request.units
    const decisions = found.map((it): LimitDecision => {
      const allowed = mode === 'force' || roomOf(it, time) >= asked
      return decisionOf(takes ? this.#take(it, granted, request.lease, time) : it, asked, allowed, time)
    })
    return { granted, decisions }
  }

  refund({ operations, units, lease }: LimitRequest, now: number): void {
    const time = this.#advance(now)
    for (const operation of operations) {
      if (operation.kind === 'concurrency') {
        if (lease !== undefined) this.#leases.end(operation.key, lease)
      } else if (operation.kind === 'rate') {
        const debt = this.#debt(operation, time)
        if (debt > 0) this.#setRate(operation, Math.max(0, debt - units * operation.weight * operation.cost), time)
      } else {
        const state = this.#window(operation, time)
        const back = units * operation.cost
        const current = Math.max(0, state.current - back)
        const previous = Math.max(0, state.previous - Math.max(0, back - state.current))
        if (state.current + state.previous > 0) this.#setWindow(operation, { ...state, current, previous }, time)
      }
    }
  }

  renew({ operations, lease }: LimitRequest, now: number): boolean {
    const time = this.#advance(now)
    if (lease === undefined) return false
    let held = true
    for (const operation of operations) {
      if (operation.kind === 'concurrency') held = this.#leases.renew(operation, lease, time) && held
    }
    return held
  }

  async close(): Promise<void> {
    this.#rates.clear()
    this.#windows.clear()
    this.#leases.clear()
  }

  /** A clock that goes back stands still here: it takes nothing away and gives nothing. */
  #advance(now: number): number {
    if (now > this.#now) this.#now = now
    return this.#now
  }

  /** What nearly every request is. */
  #takeRate(operation: RateOperation, units: number, now: number): LimitAnswer {
    const at = this.#findRate(operation)
    const debt = this.#debtIn(at, operation, now)
    const after = debt + units * operation.cost * operation.weight
    if (after > operation.capacity) return { granted: 0, decisions: [rateDecision(operation, debt, units, false)] }
    this.#setRateAt(at, operation, after, now)
    return { granted: units, decisions: [rateDecision(operation, after, units, true)] }
  }

  /** A tenant's rate and its user's, say: as any others, without what other kinds and modes need. */
  #takeRates(operations: readonly RateOperation[], units: number, now: number): LimitAnswer {
    const [debts, rows] = [this.#debts, this.#rowsFound]
    let fits = true
    for (let i = 0; i < operations.length; i++) {
      const operation = operations[i] as RateOperation
      const at = this.#findRate(operation)
      const debt = this.#debtIn(at, operation, now)
      rows[i] = at
      debts[i] = debt
      if (debt + units * operation.cost * operation.weight > operation.capacity) fits = false
    }
    const decisions: LimitDecision[] = []
    let moved = false
    for (let i = 0; i < operations.length; i++) {
      const operation = operations[i] as RateOperation
      const debt = debts[i] as number
      const after = debt + units * operation.cost * operation.weight
      if (fits) {
        const at = moved ? this.#findRate(operation) : (rows[i] as number)
        this.#setRateAt(at, operation, after, now)
        // A row that is added moves others.
        if (at < 0) moved = true
      }
      decisions.push(rateDecision(operation, fits ? after : debt, units, after <= operation.capacity))
    }
    return { granted: fits ? units : 0, decisions }
  }

  #findRate(operation: RateOperation): number {
    return findIn(this.#rates, operation)
  }

  #find(operation: LimitOperation, lease: string | undefined, now: number): Found {
    if (operation.kind === 'rate') return { operation, debt: this.#debt(operation, now) }
    if (operation.kind === 'window') return { operation, state: this.#window(operation, now) }
    const held = this.#leases.held(operation.key, lease, now)
    const free = Math.max(0, operation.limit - held.units)
    return { operation, held, room: this.#leases.hasRoom(operation.key, now) ? Math.floor(free / operation.cost) : 0 }
  }

  #take(found: Found, units: number, lease: string | undefined, now: number): Found {
    const { operation } = found
    if ('debt' in found) {
      const debt = Math.min(found.debt + units * operation.cost * found.operation.weight, MOST_DEBT)
      this.#setRate(found.operation, debt, now)
      return { operation: found.operation, debt }
    }
    if ('state' in found) {
      const { state } = found
      const most = mostUnits(found.operation.windowMs)
      const taken = { ...state, current: Math.min(state.current + units * operation.cost, most) }
      this.#setWindow(found.operation, taken, now)
      return { operation: found.operation, state: taken }
    }
    const taken = units * operation.cost
    const { ttlMs } = found.operation
    if (lease !== undefined) this.#leases.take(found.operation, lease, taken, now)
    const { held } = found
    return {
      ...found,
      held: {
        units: held.units + taken,
        soonestMs: Math.min(held.soonestMs, ttlMs),
        latestMs: Math.max(held.latestMs, ttlMs),
      },
    }
  }

  #debt(operation: RateOperation, now: number): number {
    return this.#debtIn(this.#findRate(operation), operation, now)
  }

  #debtIn(at: number, operation: RateOperation, now: number): number {
    if (at < 0) return 0
    const of = this.#rates.numbers
    return debtAt(of[at] as number, of[at + 1] as number, of[at + 2] as number, of[at + 3] as number, operation, now)
  }

  #setRate(operation: RateOperation, debt: number, now: number): void {
    this.#setRateAt(this.#findRate(operation), operation, debt, now)
  }

  /** @param found the row of its key, -1 for none; no row was added since */
  #setRateAt(found: number, operation: RateOperation, debt: number, now: number): void {
    const at = found < 0 ? this.#rates.add(operation.key, now) : found
    const of = this.#rates.numbers
    of[at] = debt
    of[at + 1] = now
    of[at + 2] = operation.weight
    of[at + 3] = operation.perMs
  }

  #window(operation: WindowOperation, now: number): WindowState {
    const { windowMs } = operation
    const at = findIn(this.#windows, operation)
    if (at < 0) return { ...NO_WINDOW, start: now - (now % windowMs) }
    const of = this.#windows.numbers
    const stored = { current: of[at] as number, start: of[at + 1] as number, previous: of[at + 3] as number }
    return windowAt(stored, of[at + 2] as number, windowMs, now)
  }

  #setWindow(operation: WindowOperation, { start, current, previous }: WindowState, now: number): void {
    const { key, windowMs } = operation
    const found = findIn(this.#windows, operation)
    const at = found < 0 ? this.#windows.add(key, now) : found
    const of = this.#windows.numbers
    of[at] = current
    of[at + 1] = start
    of[at + 2] = windowMs
    of[at + 3] = previous
  }
}

/** Where the row of an operation begins, or -1. */
function findIn(table: NumberTable, operation: RateOperation | WindowOperation): number {
  const { key, place } = operation
  const at = table.find(key, place)
  if (place !== undefined && at >= 0 && at !== place) operation.place = at
  return at
}

function areRates(operations: readonly LimitOperation[]): operations is readonly RateOperation[] {
  for (let i = 0; i < operations.length; i++) if ((operations[i] as LimitOperation).kind !== 'rate') return false
  return true
}

function grantedOf({ mode, units }: LimitRequest, found: readonly Found[], now: number): number {
  if (mode === 'force') return units
  let granted = units
  for (const it of found) {
    const room = roomOf(it, now)
    if (room < granted) granted = mode === 'partial' ? room : 0
  }
  return granted
}

/** Units of the request that there is room for. */
function roomOf(found: Found, now: number): number {
  if ('debt' in found) return rateRoom(found.operation, found.debt)
  return 'state' in found ? windowRoom(found.operation, found.state, now) : found.room
}

function decisionOf(found: Found, units: number, allowed: boolean, now: number): LimitDecision {
  if ('debt' in found) return rateDecision(found.operation, found.debt, units, allowed)
  if ('state' in found) return windowDecision(found.operation, found.state, now, units, allowed)
  return concurrencyDecision(found.operation, found.held, units, allowed)
}

function rateMsLeft(of: Float64Array, at: number, now: number): number {
  return (of[at] as number) / (of[at + 3] as number) - (now - (of[at + 1] as number))
}

function windowMsLeft(of: Float64Array, at: number, now: number): number {
  return (of[at + 1] as number) + 2 * (of[at + 2] as number) - now
}
