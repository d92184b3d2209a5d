import type { ConcurrencyLimit, PolicyOptions } from './definitions.ts'

export interface ConcurrencyOptions extends PolicyOptions {
  /**
   * ms after which what a process held is free again when it ended without giving it back; 30,000 unless said. A process
   * that lives renews what it holds, however long that is.
   */
  readonly ttlMs?: number
}

/**
 * So many calls at once, per tenant.
 *
 * @example
 * defineCatalog({ limits: { exports: [concurrent(2), concurrent(1, { by: 'actor' })] } })
 */
export function concurrent(limit: number, options: ConcurrencyOptions = {}): ConcurrencyLimit {
  return Object.freeze({ ...options, kind: 'concurrency', limit, ttlMs: options.ttlMs ?? 30_000 })
}
