import type { LimitDecision, LimitOperation, LimitsStore } from './limits.ts'

export interface MemoryLimitsOptions {
  /** Keys kept at the most, 100,000 unless said; beyond it the key nearest to its full burst is forgotten. */
  readonly maxKeys?: number
}

/** A limits store in this process's memory that answers at once. */
export interface MemoryLimits extends LimitsStore {
  /** Keys that are remembered. */
  readonly size: number
  consume(operations: readonly LimitOperation[], now: number): readonly LimitDecision[]
  refund(operations: readonly LimitOperation[], now: number): void
}

/** Far below the distance of two decisions (at most 10 units are due each µs), far above the rounding of doubles. */
const EPSILON = 1e-6
/** Keys looked at for one that is added: the table is swept without a timer. */
const SWEEP = 2
const EVICTION_PROBES = 8
const FIRST_CAPACITY = 256

/**
 * Limits in memory: GCRA (ITU-T I.371, the virtual scheduling form) on a theoretical arrival time per key.
 *
 * @example
 * const limits = memoryLimits()
 * limits.consume([{ key: 'acme', intervalMs: 600, burst: 100, cost: 1 }], Date.now())
 */
export function memoryLimits(options: MemoryLimitsOptions = {}): MemoryLimits {
  return new Gcra(options.maxKeys ?? 100_000)
}

class Gcra implements MemoryLimits {
  readonly name = 'memory'
  readonly #maxKeys: number
  readonly #slots = new Map<string, number>()
  readonly #keys: string[] = []
  /** Theoretical arrival time: whole ms, and what is left of them. Apart, so that no rounding adds up. */
  #whole = new Float64Array(FIRST_CAPACITY)
  #part = new Float64Array(FIRST_CAPACITY)
  #hand = 0
  #now = 0

  constructor(maxKeys: number) {
    this.#maxKeys = Math.max(1, maxKeys)
  }

  get size(): number {
    return this.#keys.length
  }

  consume(operations: readonly LimitOperation[], now: number): readonly LimitDecision[] {
    const time = this.#advance(now)
    const first = operations[0]
    return operations.length === 1 && first ? [this.#consumeOne(first, time)] : this.#consumeAll(operations, time)
  }

  refund(operations: readonly LimitOperation[], now: number): void {
    const time = this.#advance(now)
    for (const { key, intervalMs, cost } of operations) {
      const slot = this.#slots.get(key)
      if (slot === undefined) continue
      const debt = this.#debt(slot, time) - intervalMs * cost
      this.#set(slot, time, Math.max(debt, 0))
    }
  }

  async close(): Promise<void> {
    this.#slots.clear()
    this.#keys.length = 0
  }

  /** A clock that goes back stands still here: it takes nothing away and gives nothing. */
  #advance(now: number): number {
    if (now > this.#now) this.#now = now
    return this.#now
  }

  #consumeOne(operation: LimitOperation, now: number): LimitDecision {
    const { key, intervalMs, burst, cost } = operation
    const slot = this.#slots.get(key)
    const before = slot === undefined ? 0 : this.#debt(slot, now)
    const after = before + intervalMs * cost
    if (after > burst * intervalMs + EPSILON) return decision(operation, before, false)
    if (slot !== undefined) this.#add(slot, now, intervalMs * cost)
    else if (cost > 0) this.#insert(key, now, after)
    return decision(operation, after, true)
  }

  #consumeAll(operations: readonly LimitOperation[], now: number): readonly LimitDecision[] {
    const debts = operations.map(({ key }) => {
      const slot = this.#slots.get(key)
      return slot === undefined ? 0 : this.#debt(slot, now)
    })
    const fits = operations.map(({ key, intervalMs, burst, cost }, i) => {
      let after = (debts[i] as number) + intervalMs * cost
      for (let earlier = 0; earlier < i; earlier++) {
        const other = operations[earlier] as LimitOperation
        if (other.key === key) after += other.intervalMs * other.cost
      }
      return after <= burst * intervalMs + EPSILON
    })
    if (fits.every(Boolean)) return operations.map((operation) => this.#consumeOne(operation, now))
    return operations.map((operation, i) => decision(operation, debts[i] as number, fits[i] as boolean))
  }

  /** ms of arrivals that this key is ahead of its rate. */
  #debt(slot: number, now: number): number {
    const debt = (this.#whole[slot] as number) - now + (this.#part[slot] as number)
    return Math.max(debt, 0)
  }

  #add(slot: number, now: number, ms: number): void {
    const whole = this.#whole[slot] as number
    const late = whole - now + (this.#part[slot] as number) < 0
    const sum = (late ? 0 : (this.#part[slot] as number)) + ms
    const carried = Math.floor(sum)
    this.#whole[slot] = (late ? now : whole) + carried
    this.#part[slot] = sum - carried
  }

  #set(slot: number, now: number, debt: number): void {
    const whole = Math.floor(debt)
    this.#whole[slot] = now + whole
    this.#part[slot] = debt - whole
  }

  #insert(key: string, now: number, debt: number): void {
    for (let i = 0; i < SWEEP && this.#keys.length > 0; i++) {
      this.#hand = (this.#hand + 1) % this.#keys.length
      if (this.#debt(this.#hand, now) === 0) this.#remove(this.#hand)
    }
    if (this.#keys.length >= this.#maxKeys) this.#evict(now)
    const slot = this.#keys.length
    if (slot === this.#whole.length) this.#grow()
    this.#keys.push(key)
    this.#slots.set(key, slot)
    this.#set(slot, now, debt)
  }

  /** Forgets, of a few keys, the one whose loss gives the least away. */
  #evict(now: number): void {
    let victim = this.#hand
    let least = Number.POSITIVE_INFINITY
    for (let i = 0; i < EVICTION_PROBES; i++) {
      this.#hand = (this.#hand + 1) % this.#keys.length
      const debt = this.#debt(this.#hand, now)
      if (debt < least) {
        least = debt
        victim = this.#hand
      }
    }
    this.#remove(victim)
  }

  #remove(slot: number): void {
    const last = this.#keys.length - 1
    this.#slots.delete(this.#keys[slot] as string)
    const moved = this.#keys.pop() as string
    if (slot === last) return
    this.#keys[slot] = moved
    this.#slots.set(moved, slot)
    this.#whole[slot] = this.#whole[last] as number
    this.#part[slot] = this.#part[last] as number
  }

  #grow(): void {
    const whole = new Float64Array(this.#whole.length * 2)
    const part = new Float64Array(whole.length)
    whole.set(this.#whole)
    part.set(this.#part)
    this.#whole = whole
    this.#part = part
  }
}

function decision(operation: LimitOperation, debt: number, allowed: boolean): LimitDecision {
  const { intervalMs, burst, cost } = operation
  const left = Math.floor((burst * intervalMs - debt + EPSILON) / intervalMs)
  return {
    allowed,
    remaining: Math.max(left, 0),
    retryAfterMs: allowed
      ? 0
      : cost > burst
        ? Number.POSITIVE_INFINITY
        : Math.max(1, Math.ceil(debt + (cost - burst) * intervalMs - EPSILON)),
    resetMs: debt > EPSILON ? Math.ceil(debt - EPSILON) : 0,
  }
}
