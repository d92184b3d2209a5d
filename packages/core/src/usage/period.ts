/** A calendar period in UTC. */
export interface Period {
  /** Its first day: `2026-11-01`. */
  readonly key: string
  /** ms since the epoch, inclusive. */
  readonly from: number
  /** ms since the epoch, exclusive. */
  readonly to: number
}

const DAY = 86_400_000

/** The day or month (UTC) that a moment is in. */
export function periodOf(now: number, period: 'day' | 'month'): Period {
  if (period === 'day') {
    const from = Math.floor(now / DAY) * DAY
    return { key: dayKey(from), from, to: from + DAY }
  }
  const date = new Date(now)
  const from = Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1)
  const to = Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1)
  return { key: dayKey(from), from, to }
}

function dayKey(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}
