import type { TimeZone } from './time-zone.ts'

const DAY = 86_400_000
const DATE_OR_TIME = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}(?::?\d{2})?)?)?$/

/** What a tenant's months are counted from. */
export interface BillingAnchor {
  /** 1 to 31; the last day of a month that is shorter. */
  readonly day: number
  /** ms after midnight, as the clock of the tenant's zone shows it. */
  readonly time: number
}

/** The calendar's own months. */
export const FIRST_OF_MONTH: BillingAnchor = { day: 1, time: 0 }

/**
 * Reads a day of the month (1 to 31), or a date or time in ISO 8601; one without an offset is of the zone.
 *
 * @returns `undefined` for anything else
 */
export function readBillingAnchor(value: unknown, zone: TimeZone): BillingAnchor | undefined {
  if (typeof value === 'number') {
    return Number.isInteger(value) && value >= 1 && value <= 31 ? { day: value, time: 0 } : undefined
  }
  const [, date, time, offset] = (typeof value === 'string' && DATE_OR_TIME.exec(value)) || []
  if (date === undefined || !isDate(date)) return undefined
  const shown = Date.parse(`${date}T${time ?? '00:00'}${isoOffset(offset)}`)
  if (Number.isNaN(shown)) return undefined
  const local = offset === undefined ? shown : zone.localOf(shown)
  return { day: new Date(local).getUTCDate(), time: ((local % DAY) + DAY) % DAY }
}

/** Databases write `+02` and `+0200` as well. */
function isoOffset(offset = 'Z'): string {
  return offset === 'Z' ? offset : `${offset.slice(0, 3)}:${offset.slice(3).replace(':', '') || '00'}`
}

/** `2026-02-30` is none. */
function isDate(date: string): boolean {
  const time = Date.parse(`${date}T00:00Z`)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(date)
}
