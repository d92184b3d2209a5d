import { describe } from '../catalog/problems.ts'
import { didYouMean } from '../did-you-mean.ts'
import type { Moment } from '../moment.ts'
import { MOMENT_HINT, momentOf } from '../moment.ts'
import { queryInvalid } from '../query-invalid.ts'
import type { UsageQuery, UsageTotal } from '../storage/records.ts'
import type { Calendar } from './calendar.ts'
import type { UsageReport } from './usage-face.ts'

/** What the usage of a tenant is asked. `from` and `to` are full hours (UTC): one is rounded down, the other up. */
export interface UsageTotalsQuery<Meter extends string = string> {
  /** All meters unless said. */
  readonly meter?: Meter | undefined
  /** The day or month in which quotas count, to its very bounds; `month` unless said. Not together with `from` and `to`. */
  readonly period?: 'day' | 'month' | undefined
  /** A moment of the period, from 1970 on; now unless said. Not together with `from` and `to`. */
  readonly at?: Moment | undefined
  /** Inclusive. */
  readonly from?: Moment | undefined
  /** Exclusive; now unless said. */
  readonly to?: Moment | undefined
}

const KNOWN = ['meter', 'period', 'at', 'from', 'to']
const HOUR = 3_600_000
const LATEST = Date.UTC(9990, 0)

/**
 * Reads a query as an app gives it.
 *
 * @param calendar the tenant's
 * @throws ThroughlineError `QUERY_INVALID`, naming everything that is wrong
 */
export function readUsageQuery(tenant: string, query: UsageTotalsQuery, calendar: Calendar, now: number): UsageQuery {
  const problems: string[] = []
  if (typeof query !== 'object' || query === null) throw queryInvalid(`A query is an object, not ${describe(query)}.`)
  const { meter, period: unit = 'month' } = query
  for (const name of Object.keys(query)) {
    if (!KNOWN.includes(name)) problems.push(`"${name}" is not known.${didYouMean(name, KNOWN)}`)
  }
  if (unit !== 'day' && unit !== 'month') problems.push('"period" must be "day" or "month".')
  for (const name of ['period', 'at'] as const) {
    if (query[name] !== undefined && (query.from !== undefined || query.to !== undefined)) {
      problems.push(`"${name}" excludes "from" and "to".`)
    }
  }
  if (query.to !== undefined && query.from === undefined) problems.push('"to" needs a "from".')
  const { from, to } = query.from === undefined ? period(query, calendar, now, problems) : hours(query, now, problems)
  if (from >= to) problems.push('"from" must be before "to".')
  if (problems.length > 0) throw queryInvalid(...problems)
  return { tenant, from, to, ...(meter !== undefined && { meter }) }
}

/** @throws ThroughlineError `QUERY_INVALID` for what is no id: it would look as if nothing had been used */
export function checkTenant(tenant: unknown): void {
  if (typeof tenant !== 'string') throw queryInvalid(`The tenant must be an id, not ${describe(tenant)}.`)
}

/** What a query is answered with: each meter that was asked for, also those without usage. */
export function usageReport(
  { meter, from, to }: UsageQuery,
  totals: readonly UsageTotal[],
  meters: Iterable<string>,
  behind: boolean,
): UsageReport {
  const found = new Map(totals.map((total) => [total.meter, total]))
  const names = meter === undefined ? new Set([...meters, ...found.keys()]) : [meter]
  return {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    totals: [...names].sort().map((name) => found.get(name) ?? { meter: name, quantity: 0, count: 0 }),
    ...(behind && { behind }),
  }
}

type Bounds = Pick<UsageQuery, 'from' | 'to'>

const NONE: Bounds = { from: Number.NaN, to: Number.NaN }

function period(query: UsageTotalsQuery, calendar: Calendar, now: number, problems: string[]): Bounds {
  const unit = query.period === 'day' ? 'day' : 'month'
  if (query.at === undefined) return calendar.current(now, unit)
  const at = time('at', query.at, problems)
  if (at >= 0 && at < LATEST) return calendar.periodOf(at, unit)
  if (!Number.isNaN(at)) problems.push('"at" must be between 1970 and 9990.')
  return NONE
}

function hours(query: UsageTotalsQuery, now: number, problems: string[]): Bounds {
  const from = Math.floor(time('from', query.from, problems) / HOUR) * HOUR
  const to = Math.ceil(time('to', query.to ?? now + 1, problems) / HOUR) * HOUR
  return { from, to }
}

function time(name: string, value: Moment | undefined, problems: string[]): number {
  const found = momentOf(value)
  if (found !== undefined) return found
  problems.push(`"${name}" is no time: ${MOMENT_HINT}`)
  return Number.NaN
}
