import { intervalKey, type PeriodUnit } from '../storage/quota-period.ts'
import { type BillingAnchor, FIRST_OF_MONTH } from './billing-anchor.ts'
import { type Period, periodOf } from './period.ts'
import type { TimeZone } from './time-zone.ts'

/** The days and months in which a tenant's usage is counted: each moment is in exactly one of either. */
export interface Calendar {
  /** The period that a moment is in. */
  periodOf(at: number, unit: PeriodUnit): Period
  /** The same, for the time it is now: the period is worked out once. */
  current(now: number, unit: PeriodUnit): Period
  /** When the latest of the current periods began; `undefined` where the ledger's hours tell them apart. */
  latestStart(now: number): number | undefined
}

/** Days and months of UTC. */
export const UTC_CALENDAR: Calendar = {
  periodOf,
  current: periodOf,
  latestStart: () => undefined,
}

const DAY = 86_400_000

/** Days of a time zone, and months that are counted from an anchor. */
export class TenantCalendar implements Calendar {
  readonly #zone: TimeZone
  readonly #anchor: BillingAnchor
  /** Units that are UTC's own, and have their names. */
  readonly #plain: ReadonlySet<PeriodUnit>
  readonly #current = new Map<PeriodUnit, Period>()

  /** @param isUtc the zone is UTC */
  constructor(zone: TimeZone, anchor: BillingAnchor, isUtc: boolean) {
    this.#zone = zone
    this.#anchor = anchor
    const months = anchor.day === FIRST_OF_MONTH.day && anchor.time === FIRST_OF_MONTH.time
    this.#plain = new Set(isUtc ? (months ? ['day', 'month'] : ['day']) : [])
  }

  periodOf(at: number, unit: PeriodUnit): Period {
    if (this.#plain.has(unit)) return periodOf(at, unit)
    const startOf = unit === 'day' ? this.#startOfDay : this.#startOfMonth
    const local = this.#zone.localOf(at)
    const date = new Date(local)
    let nth = unit === 'day' ? Math.floor(local / DAY) : date.getUTCFullYear() * 12 + date.getUTCMonth()
    // What the clock shows can be a period off: before an anchor, or in an hour that it shows again.
    while (startOf(nth) > at) nth -= 1
    while (startOf(nth + 1) <= at) nth += 1
    const bounds = { from: startOf(nth), to: startOf(nth + 1) }
    return { key: intervalKey(bounds), ...bounds }
  }

  current(now: number, unit: PeriodUnit): Period {
    const known = this.#current.get(unit)
    if (known && known.from <= now && now < known.to) return known
    const period = this.periodOf(now, unit)
    this.#current.set(unit, period)
    return period
  }

  latestStart(now: number): number | undefined {
    return this.#plain.has('month')
      ? undefined
      : Math.max(this.current(now, 'day').from, this.current(now, 'month').from)
  }

  /** @param day days since 1970-01-01, in the zone */
  readonly #startOfDay = (day: number): number => this.#zone.firstAt(day * DAY)

  /** @param month months since year 0 */
  readonly #startOfMonth = (month: number): number => {
    const [year, inYear] = [Math.floor(month / 12), month % 12]
    const last = new Date(Date.UTC(year, inYear + 1, 0)).getUTCDate()
    return this.#zone.firstAt(Date.UTC(year, inYear, Math.min(this.#anchor.day, last)) + this.#anchor.time)
  }
}
