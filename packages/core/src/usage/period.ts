import type { PeriodUnit } from '../storage/quota-period.ts'
import { periodKey } from '../storage/quota-period.ts'

/** A period that quotas count in. */
export interface Period {
  /** Its name: of UTC's calendar a day `2026-11-01` or a month `2026-11`, else its bounds as an ISO 8601 interval. */
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
