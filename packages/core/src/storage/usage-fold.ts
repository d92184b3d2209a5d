import type { JournalEvent, JournalRecord } from './journal-record.ts'
import { ledgerHour, type UsageOfEvent, usageOf } from './usage-event.ts'

export interface LedgerEntry {
  readonly tenant: string
  readonly meter: string
  /** `k:<the app's key>`, or `s:<sequence>.<hour>` for unkeyed usage of one segment. Unique per tenant and meter. */
  readonly key: string
  /** Start of the hour (UTC), or of a period of the tenant's that begins within it; ms. */
  readonly hour: number
  readonly quantity: number
  readonly count: number
}

export interface UsageRollup {
  readonly tenant: string
  readonly meter: string
  readonly hour: number
  readonly quantity: number
  readonly count: number
}

/**
 * Hard quotas' counters, those that exist, follow the ledger: up by usage that was recorded without them (while the plan
 * had no hard quota, or one of another period), down by units that a duplicate had taken. They stop at 0.
 */
export type CounterMove = {
  readonly tenant: string
  readonly meter: string
  readonly delta: number
} & (
  | {
      /** ms: moves the counter of each period that holds this moment (see {@link periodHolds}) … */
      readonly at: number
      /** … but the one of this period, which has the units already. */
      readonly counted?: string
    }
  | {
      /** Moves the counter of this very period. */
      readonly period: string
    }
)

interface HourlyUsage {
  readonly tenant: string
  readonly meter: string
  readonly hour: number
  /** The period whose counter had it when it was taken. */
  readonly counted: string | undefined
  quantity: number
}

export interface UsageKey {
  readonly tenant: string
  readonly meter: string
  readonly key: string
}

/** One key for a ledger look-up, unambiguous whatever the parts hold. */
export function usageKeyId(key: UsageKey): string {
  return JSON.stringify([key.tenant, key.meter, key.key])
}

/**
 * The ledger's form of an app's idempotency key. Keys that a database could not tell apart, since it keeps text as
 * UTF-8, are one.
 */
export function ledgerKey(appKey: string): string {
  return `k:${appKey.toWellFormed()}`
}

type Open<T> = { -readonly [K in keyof T]: T[K] }

/** Adds up the usage of one projecting transaction: ledger entries, hourly roll-ups, and how quota counters follow. */
export class UsageFold {
  readonly ledger: LedgerEntry[] = []
  readonly #counted: ReadonlySet<string>
  readonly #keyed = new Set<string>()
  /** Unkeyed usage of the segment that is being folded, by meter and hour. */
  readonly #packed = new Map<string, Open<LedgerEntry>>()
  readonly #rollups = new Map<string, Open<UsageRollup>>()
  #last: Open<LedgerEntry> | undefined
  readonly #hourly = new Map<string, HourlyUsage>()
  #lastHourly: HourlyUsage | undefined
  readonly #giveBacks: CounterMove[] = []

  /** @param counted {@link usageKeyId}s the ledger has already */
  constructor(counted: ReadonlySet<string>) {
    this.#counted = counted
  }

  get rollups(): readonly UsageRollup[] {
    return [...this.#rollups.values()]
  }

  get counterMoves(): readonly CounterMove[] {
    const moves: CounterMove[] = []
    for (const { tenant, meter, hour, counted, quantity } of this.#hourly.values()) {
      moves.push({ tenant, meter, at: hour, ...(counted !== undefined && { counted }), delta: quantity })
    }
    return [...moves, ...this.#giveBacks]
  }

  add(record: JournalRecord, event: JournalEvent, firstSeq: number): void {
    const usage = usageOf(event)
    if (!usage) return
    const hour = ledgerHour(record.at + (event.after ?? 0), usage)
    const times = event.count ?? 1
    if (usage.key === undefined) this.#addPacked(record.tenant, usage, hour, times, firstSeq)
    else this.#addKeyed(record.tenant, usage, usage.key, hour, times)
  }

  /** The segment is complete: what comes next is another tenant's, or another segment's. */
  endSegment(): void {
    for (const entry of this.#packed.values()) this.#enter(entry)
    this.#packed.clear()
    this.#last = undefined
  }

  #addPacked(tenant: string, usage: UsageOfEvent, hour: number, times: number, firstSeq: number): void {
    const { meter, quantity, period } = usage
    this.#addHourly(tenant, meter, hour, period, quantity * times)
    let entry = this.#last
    if (entry?.meter !== meter || entry.hour !== hour) {
      const id = `${hour}\n${meter}`
      entry = this.#packed.get(id)
      if (!entry) {
        entry = { tenant, meter, key: `s:${firstSeq}.${hour}`, hour, quantity: 0, count: 0 }
        this.#packed.set(id, entry)
      }
      this.#last = entry
    }
    entry.quantity += quantity * times
    entry.count += times
  }

  #addKeyed(tenant: string, usage: UsageOfEvent, appKey: string, hour: number, times: number): void {
    const { meter, quantity, period } = usage
    const key = ledgerKey(appKey)
    const id = usageKeyId({ tenant, meter, key })
    if (this.#keyed.has(id) || this.#counted.has(id)) {
      if (period !== undefined) this.#giveBacks.push({ tenant, meter, period, delta: -quantity })
      return
    }
    this.#keyed.add(id)
    this.#addHourly(tenant, meter, hour, period, quantity * times)
    this.#enter({ tenant, meter, key, hour, quantity: quantity * times, count: times })
  }

  #addHourly(tenant: string, meter: string, hour: number, counted: string | undefined, quantity: number): void {
    let sum = this.#lastHourly
    if (sum?.meter !== meter || sum.tenant !== tenant || sum.hour !== hour || sum.counted !== counted) {
      const id = JSON.stringify([tenant, meter, hour, counted])
      sum = this.#hourly.get(id)
      if (!sum) {
        sum = { tenant, meter, hour, counted, quantity: 0 }
        this.#hourly.set(id, sum)
      }
      this.#lastHourly = sum
    }
    sum.quantity += quantity
  }

  #enter(entry: LedgerEntry): void {
    const { tenant, meter, hour, quantity, count } = entry
    this.ledger.push(entry)
    const id = usageKeyId({ tenant, meter, key: String(hour) })
    const sum = this.#rollups.get(id)
    if (sum) {
      sum.quantity += quantity
      sum.count += count
    } else this.#rollups.set(id, { tenant, meter, hour, quantity, count })
  }
}
