import type { CheckedCatalog } from './checked-catalog.ts'
import type { Catalog } from './definitions.ts'

/**
 * Declares flags, limits, meters, plans and config with their keys and types. Pure: it is checked by
 * `createThroughline`, all of it at once.
 *
 * @example
 * export const catalog = defineCatalog({
 *   flags: { 'new-reports': { rules: [{ rollout: { percent: 25 }, serve: true }], default: false } },
 *   limits: { api: perMinute(100) },
 * })
 */
export function defineCatalog<const C extends Catalog>(catalog: C & CheckedCatalog<C>): C {
  return catalog
}
