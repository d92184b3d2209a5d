import type { PeriodUnit } from '../storage/quota-period.ts'
import { periodKey } from '../storage/quota-period.ts'

/** A calendar period in UTC. */
export interface Period {
  /** Its name: a day `2026-11-01`, a month `2026-11`. */
  readonly key: string
  /** ms since the epoch, inclusive. */
  readonly from: number
  /** ms since the epoch, exclusive. */
  readonly to: number
}

const DAY = 86_400_000

/** The day or month (UTC) that a moment is in. */
export function periodOf(now: number, period: PeriodUnit): Period {
  const key = periodKey(now, period)
  if (period === 'day') {
    const from = Math.floor(now / DAY) * DAY
    return { key, from, to: from + DAY }
  }
  const date = new Date(now)
  const from = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1)
  const to = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1)
  return { key, from, to }
}
