export type PeriodUnit = 'day' | 'month'

const HOUR = 3_600_000
/** ISO 8601 with ms, as `toISOString` writes it. */
const INSTANT = '2026-11-15T05:00:00.000Z'.length
const INTERVAL = 2 * INSTANT + 1
const DAY_OR_MONTH = /^\d{4}-\d{2}(?:-\d{2})?$/
const DAY = '2026-11-15'.length

/** Bounds of a period, ms since the epoch. */
export interface PeriodBounds {
  /** Inclusive. */
  readonly from: number
  /** Exclusive. */
  readonly to: number
}

/** The name of the calendar day or month (UTC) that a moment is in: `2026-11-01`, `2026-11`. */
export function periodKey(at: number, unit: PeriodUnit): string {
  return new Date(at).toISOString().slice(0, unit === 'day' ? 10 : 7)
}

/**
 * The name of a period that is not the calendar's in UTC: its bounds, an ISO 8601 interval of one width, so that names
 * are ordered by when they begin: `2026-11-15T05:00:00.000Z/2026-12-15T05:00:00.000Z`.
 */
export function intervalKey({ from, to }: PeriodBounds): string {
  return `${new Date(from).toISOString()}/${new Date(to).toISOString()}`
}

/** The bounds that an {@link intervalKey} names; `undefined` for another name. */
export function intervalBounds(key: string): PeriodBounds | undefined {
  if (key.length !== INTERVAL) return undefined
  const from = Date.parse(key.slice(0, INSTANT))
  const to = Date.parse(key.slice(INSTANT + 1))
  return from < to ? { from, to } : undefined
}

/** The bounds of the period of this name, a day or a month (UTC) or an interval; `undefined` for another name. */
export function periodBounds(key: string): PeriodBounds | undefined {
  if (!DAY_OR_MONTH.test(key)) return intervalBounds(key)
  const begin = new Date(key)
  const end = new Date(key)
  if (key.length === DAY) end.setUTCDate(end.getUTCDate() + 1)
  else end.setUTCMonth(end.getUTCMonth() + 1)
  const [from, to] = [begin.getTime(), end.getTime()]
  return from < to ? { from, to } : undefined
}

/**
 * Whether the period of this name, a day or a month (UTC) or an interval, holds a moment. As a comparison of text, with
 * the moment in ISO 8601: the name is how the moment begins, or it is ordered before and its end (from the 26th
 * character on) after the moment.
 */
export function periodHolds(key: string, at: number): boolean {
  const bounds = intervalBounds(key)
  if (bounds) return bounds.from <= at && at < bounds.to
  return key.length > 0 && new Date(at).toISOString().startsWith(key)
}

/** The full hour (UTC) that a moment is in, ms. */
export function hourOf(at: number): number {
  return Math.floor(at / HOUR) * HOUR
}
