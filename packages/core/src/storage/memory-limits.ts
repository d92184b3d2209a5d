import { didYouMean } from '../did-you-mean.ts'
import { ThroughlineError } from '../errors.ts'
import type { WindowState } from './limit-arithmetic.ts'
import { concurrencyDecision, rateDecision, rateRoom, windowDecision, windowRoom } from './limit-arithmetic.ts'
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
import type { Held } from './memory-leases.ts'
import { MemoryLeases } from './memory-leases.ts'
import { MemoryRates } from './memory-rates.ts'
import { MemoryWindows } from './memory-windows.ts'

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

class LimitsInMemory implements MemoryLimits {
  readonly name = 'memory'
  readonly #rates: MemoryRates
  readonly #windows: MemoryWindows
  readonly #leases: MemoryLeases
  #now = 0

  constructor(maxKeys: number) {
    this.#rates = new MemoryRates(maxKeys)
    this.#windows = new MemoryWindows(maxKeys)
    this.#leases = new MemoryLeases(maxKeys)
  }

  get size(): number {
    return this.#rates.size + this.#windows.size + this.#leases.size
  }

  decide(request: LimitRequest, now: number): LimitAnswer {
    const { operations, mode, units } = request
    const time = this.#advance(now)
    if (mode !== 'take') return this.#decide(request, time)
    const first = operations[0]
    if (operations.length === 1 && first?.kind === 'rate') return this.#rates.decide(first, units, time)
    return areRates(operations) ? this.#rates.decideAll(operations, units, time) : this.#decide(request, time)
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
      if (operation.kind === 'rate') this.#rates.giveBack(operation, units, time)
      else if (operation.kind === 'window') this.#windows.giveBack(operation, units, time)
      else if (lease !== undefined) this.#leases.end(operation.key, lease)
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

  #find(operation: LimitOperation, lease: string | undefined, now: number): Found {
    if (operation.kind === 'rate') return { operation, debt: this.#rates.debt(operation, now) }
    if (operation.kind === 'window') return { operation, state: this.#windows.state(operation, now) }
    const held = this.#leases.held(operation.key, lease, now)
    const free = Math.max(0, operation.limit - held.units)
    return { operation, held, room: this.#leases.hasRoom(operation.key, now) ? Math.floor(free / operation.cost) : 0 }
  }

  #take(found: Found, units: number, lease: string | undefined, now: number): Found {
    if ('debt' in found) {
      const { operation, debt } = found
      return { operation, debt: this.#rates.take(operation, debt, units, now) }
    }
    if ('state' in found) {
      const { operation, state } = found
      return { operation, state: this.#windows.take(operation, state, units, now) }
    }
    const { operation, held } = found
    const { ttlMs, cost } = operation
    const taken = units * cost
    if (lease !== undefined) this.#leases.take(operation, lease, taken, now)
    return {
      ...found,
      held: {
        units: held.units + taken,
        soonestMs: Math.min(held.soonestMs, ttlMs),
        latestMs: Math.max(held.latestMs, ttlMs),
      },
    }
  }
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
