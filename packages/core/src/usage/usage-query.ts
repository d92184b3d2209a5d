import { didYouMean } from '../did-you-mean.ts'
import { ThroughlineError } from '../errors.ts'
import type { UsageQuery } from '../storage/records.ts'
import { periodOf } from './period.ts'

/** A `Date`, ms since the epoch, or ISO 8601. */
export type Moment = Date | number | string

/** What the usage of a tenant is asked. Full hours (UTC): `from` is rounded down, `to` up. */
export interface UsageTotalsQuery<Meter extends string = string> {
  /** All meters unless said. */
  readonly meter?: Meter
  /** The current day or month (UTC); `month` unless said. Not together with `from` and `to`. */
  readonly period?: 'day' | 'month'
  /** Inclusive. */
  readonly from?: Moment
  /** Exclusive; now unless said. */
  readonly to?: Moment
}

const KNOWN = ['meter', 'period', 'from', 'to']
const HOUR = 3_600_000

/**
 * Reads a query as an app gives it.
 *
 * @throws ThroughlineError `QUERY_INVALID`, naming everything that is wrong
 */
export function readUsageQuery(tenant: string, query: UsageTotalsQuery, now: number): UsageQuery {
  const problems: string[] = []
  const { meter, period = 'month' } = query
  for (const name of Object.keys(query)) {
    if (!KNOWN.includes(name)) problems.push(`"${name}" is not known.${didYouMean(name, KNOWN)}`)
  }
  if (period !== 'day' && period !== 'month') problems.push('"period" must be "day" or "month".')
  if (query.period !== undefined && (query.from !== undefined || query.to !== undefined)) {
    problems.push('"period" excludes "from" and "to".')
  }
  if (query.to !== undefined && query.from === undefined) problems.push('"to" needs a "from".')
  const given = query.from !== undefined
  const current = periodOf(now, period === 'day' ? 'day' : 'month')
  const from = given ? Math.floor(time('from', query.from, problems) / HOUR) * HOUR : current.from
  const to = given ? Math.ceil(time('to', query.to ?? now + 1, problems) / HOUR) * HOUR : current.to
  if (from >= to) problems.push('"from" must be before "to".')
  if (problems.length > 0) {
    throw new ThroughlineError('QUERY_INVALID', { message: problems.join(' '), details: { problems } })
  }
  return { tenant, from, to, ...(meter !== undefined && { meter }) }
}

function time(name: string, value: Moment | undefined, problems: string[]): number {
  const found = value instanceof Date || typeof value === 'string' ? new Date(value).getTime() : Number(value)
  if (!Number.isNaN(found) && Math.abs(found) <= 8.64e15) return found
  problems.push(`"${name}" must be a date or time.`)
  return Number.NaN
}
