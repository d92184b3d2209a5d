import { LRUCache } from 'lru-cache'
import { didYouMean } from '../did-you-mean.ts'
import type { Tenant } from '../vocabulary.ts'
import { FIRST_OF_MONTH, readBillingAnchor } from './billing-anchor.ts'
import { type Calendar, TenantCalendar, UTC_CALENDAR } from './calendar.ts'
import { TimeZone } from './time-zone.ts'

/** What a tenant says of its calendar. */
export type CalendarTerms = Pick<Tenant, 'timeZone' | 'billingAnchor'>

const UTC = 'UTC'
/** Calendars remembered at the most: each zone with each anchor is one. */
const MAX_CALENDARS = 10_000
/** Zones remembered at the most. */
const MAX_ZONES = 200

/**
 * Finds tenants' calendars; those of equal terms are one, so that its bounds are worked out once for all of them.
 *
 * @param warn told once of terms that can't be read: they count as not given
 */
export function calendars(warn: (message: string) => void): (tenant: CalendarTerms & Pick<Tenant, 'id'>) => Calendar {
  const zones = new LRUCache<string, TimeZone>({ max: MAX_ZONES })
  const known = new LRUCache<string, Calendar>({ max: MAX_CALENDARS })
  return (tenant) => {
    const { timeZone, billingAnchor } = tenant
    if (timeZone === undefined && billingAnchor === undefined) return UTC_CALENDAR
    const terms = JSON.stringify([timeZone, billingAnchor])
    const found = known.get(terms)
    if (found) return found
    const { calendar, problems } = readCalendar(tenant, zones)
    if (problems.length > 0) {
      warn(`Tenant "${tenant.id}": ${problems.join(' ')} Its usage counts as if that were not given (UTC, the 1st).`)
    }
    known.set(terms, calendar)
    return calendar
  }
}

/** What is wrong with a calendar's terms, each problem with the name of its field. */
export function calendarProblems(terms: CalendarTerms): readonly string[] {
  return readCalendar(terms, new LRUCache<string, TimeZone>({ max: 2 })).problems
}

function readCalendar(
  { timeZone, billingAnchor }: CalendarTerms,
  zones: LRUCache<string, TimeZone>,
): { readonly calendar: Calendar; readonly problems: readonly string[] } {
  const problems: string[] = []
  const zone = zoneOf(timeZone ?? UTC, zones)
  if (!zone) problems.push(zoneProblem(String(timeZone)))
  const shown = zone ?? zoneOf(UTC, zones) ?? new TimeZone(UTC)
  const anchor = billingAnchor === undefined ? FIRST_OF_MONTH : readBillingAnchor(billingAnchor, shown)
  if (!anchor) {
    problems.push(
      `"billingAnchor" must be a day of the month (1 to 31) or a date or time in ISO 8601, not ${JSON.stringify(billingAnchor).slice(0, 100)}.`,
    )
  }
  const isUtc = !zone || timeZone === undefined || timeZone.toUpperCase() === UTC
  return { calendar: new TenantCalendar(shown, anchor ?? FIRST_OF_MONTH, isUtc), problems }
}

function zoneOf(name: string, zones: LRUCache<string, TimeZone>): TimeZone | undefined {
  const known = zones.get(name)
  if (known) return known
  try {
    const zone = new TimeZone(name)
    zones.set(name, zone)
    return zone
  } catch {
    return undefined
  }
}

function zoneProblem(name: string): string {
  const asked = name.slice(0, 100)
  return `"timeZone" must be an IANA time zone like "Europe/Berlin", not ${JSON.stringify(asked)}.${didYouMean(asked, Intl.supportedValuesOf('timeZone'))}`
}
