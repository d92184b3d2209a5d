import type { Quota } from './definitions.ts'

export interface QuotaOptions {
  /** Refuse what goes beyond it; without it the quota only reports. */
  readonly hard?: boolean
}

/** So many units of a meter per calendar day, in the tenant's time zone (`timeZone`; UTC unless the tenant has one). */
export function quotaPerDay(limit: number, options: QuotaOptions = {}): Quota {
  return quota(limit, 'day', options)
}

/**
 * So many units of a meter per month: the calendar's in the tenant's time zone (`timeZone`; UTC unless the tenant has
 * one), or counted from its billing anchor (`billingAnchor`).
 *
 * @example
 * defineCatalog({
 *   meters: { reports: { aggregate: 'count' } },
 *   plans: { free: { quotas: { reports: quotaPerMonth(10, { hard: true }) } } },
 * })
 */
export function quotaPerMonth(limit: number, options: QuotaOptions = {}): Quota {
  return quota(limit, 'month', options)
}

function quota(limit: number, period: Quota['period'], options: QuotaOptions): Quota {
  // What is misspelt in the options travels along, so that it is reported and not ignored.
  return Object.freeze({ ...options, kind: 'quota', limit, period, hard: options.hard ?? false })
}
