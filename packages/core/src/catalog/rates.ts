import type { CountedOptions, RateLimit } from './definitions.ts'

export interface RateOptions extends CountedOptions {
  /** Units at the most at once; the limit itself unless said. */
  readonly burst?: number
}

/**
 * So many units a second, per tenant. Checked where it is used, together with everything else that is declared.
 *
 * @example
 * defineCatalog({ limits: { api: perSecond(20, { burst: 100 }) } })
 */
export function perSecond(limit: number, options: RateOptions = {}): RateLimit {
  return rate(limit, 1_000, options)
}

/** So many units a minute, per tenant. */
export function perMinute(limit: number, options: RateOptions = {}): RateLimit {
  return rate(limit, 60_000, options)
}

/** So many units an hour, per tenant. */
export function perHour(limit: number, options: RateOptions = {}): RateLimit {
  return rate(limit, 3_600_000, options)
}

/** So many units a day (24 hours, sliding), per tenant. */
export function perDay(limit: number, options: RateOptions = {}): RateLimit {
  return rate(limit, 86_400_000, options)
}

function rate(limit: number, windowMs: number, options: RateOptions): RateLimit {
  // What is misspelt in the options travels along, so that it is reported and not ignored.
  return Object.freeze({ ...options, kind: 'rate', limit, windowMs, burst: options.burst ?? limit })
}
