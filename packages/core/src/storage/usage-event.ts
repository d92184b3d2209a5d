import type { Json } from '../vocabulary.ts'
import type { JournalEvent } from './journal-record.ts'
import { hourOf, periodBounds } from './quota-period.ts'

/** Usage as it goes on record. */
export interface RecordedUsage {
  readonly quantity: number
  readonly key?: string | undefined
  /** The period whose hard quota has counted it. */
  readonly quotaPeriod?: string | undefined
  /** ms: when the latest of the tenant's periods had begun; absent where the calendar is UTC's. */
  readonly periodFrom?: number | undefined
}

/**
 * `usage.periodFrom` if the event has to say it: only of a period that began after the hour of the event's time did.
 *
 * @param at ms: the time that the event will have
 */
export function saidFrom({ periodFrom }: Pick<RecordedUsage, 'periodFrom'>, at: number): number | undefined {
  return periodFrom !== undefined && periodFrom > hourOf(at) ? periodFrom : undefined
}

/**
 * The metadata of an event of usage.
 *
 * @param at ms: the time that the event will have
 */
export function usageMetadata(usage: RecordedUsage, at: number): Record<string, Json> {
  const { quantity, key, quotaPeriod } = usage
  const from = saidFrom(usage, at)
  return {
    quantity,
    ...(key !== undefined && { key }),
    ...(quotaPeriod !== undefined && { quotaPeriod }),
    ...(from !== undefined && { periodFrom: new Date(from).toISOString() }),
  }
}

/** What an event says of usage; `undefined` if it is of another kind. */
export interface UsageOfEvent {
  readonly meter: string
  readonly quantity: number
  readonly key: string | undefined
  readonly period: string | undefined
  readonly periodFrom: number | undefined
}

export function usageOf(event: JournalEvent): UsageOfEvent | undefined {
  if (event.action !== 'usage.recorded') return undefined
  const meter = event.targets?.[0]?.id
  const quantity = event.metadata?.quantity
  if (meter === undefined || typeof quantity !== 'number') return undefined
  const { key, quotaPeriod, periodFrom } = event.metadata ?? {}
  return {
    meter,
    quantity,
    key: typeof key === 'string' ? key : undefined,
    period: typeof quotaPeriod === 'string' ? quotaPeriod : undefined,
    periodFrom: typeof periodFrom === 'string' ? timeOf(periodFrom) : undefined,
  }
}

/**
 * Where the ledger keeps usage: at its hour (UTC), or at the beginning of a period that began within it, so that sums
 * from one bound of a period to the other are exact. What a quota has counted stays in its period, also when its record
 * was made before that began or after it had ended.
 *
 * @param at ms
 */
export function ledgerHour(at: number, { period, periodFrom = Number.NEGATIVE_INFINITY }: UsageOfEvent): number {
  const hour = Math.max(hourOf(at), periodFrom)
  const counted = period === undefined ? undefined : periodBounds(period)
  if (!counted) return hour
  if (hour < counted.to) return Math.max(hour, counted.from)
  return Math.max(hourOf(counted.to - 1), counted.from)
}

function timeOf(iso: string): number | undefined {
  const time = Date.parse(iso)
  return Number.isNaN(time) ? undefined : time
}
