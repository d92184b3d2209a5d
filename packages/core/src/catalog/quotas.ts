import type { Quota } from './definitions.ts'

export interface QuotaOptions {
  /** Refuse what goes beyond it; without it the quota only reports. */
  readonly hard?: boolean
}

/** So many units of a meter per calendar day (UTC). */
export function quotaPerDay(limit: number, options: QuotaOptions = {}): Quota {
  return Object.freeze({ kind: 'quota', limit, period: 'day', hard: options.hard ?? false })
}

/**
 * So many units of a meter per calendar month (UTC).
 *
 * @example
 * defineCatalog({
 *   meters: { reports: { aggregate: 'count' } },
 *   plans: { free: { quotas: { reports: quotaPerMonth(10, { hard: true }) } } },
 * })
 */
export function quotaPerMonth(limit: number, options: QuotaOptions = {}): Quota {
  return Object.freeze({ kind: 'quota', limit, period: 'month', hard: options.hard ?? false })
}
