import type { CountedOptions, SlidingWindow } from './definitions.ts'

export interface SlidingWindowOptions extends CountedOptions {
  /** ms; a minute unless said. */
  readonly windowMs?: number
}

/**
 * So many units in any window of this length, per tenant: those of the running window, and of the one before the part
 * that still overlaps, as if they had been spread evenly over it.
 *
 * @example
 * defineCatalog({ limits: { search: slidingWindow(100, { windowMs: 10_000 }) } })
 */
export function slidingWindow(limit: number, options: SlidingWindowOptions = {}): SlidingWindow {
  return Object.freeze({ ...options, kind: 'window', limit, windowMs: options.windowMs ?? 60_000 })
}
