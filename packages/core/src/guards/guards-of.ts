import type { Catalog } from '../catalog/definitions.ts'
import type { BooleanFlagKey, LimitName, MeterName, PlanName } from '../catalog/keys.ts'
import type { Guard } from './guard.ts'
import { checkCounted, checkDeclared } from './guard-options.ts'
import { background, meter, rateLimit, requireFlag, requirePlan, requireRole, strict } from './guards.ts'

/**
 * The guards of one instance: its catalog's keys, whatever is registered. A key that its catalog does not declare is
 * refused where the guard is made.
 *
 * @throws ThroughlineError `OPTIONS_INVALID`
 */
export interface Guards<C extends Catalog> {
  requireFlag(key: BooleanFlagKey<C>): Guard
  rateLimit(
    name: LimitName<C> | readonly [LimitName<C>, ...LimitName<C>[]],
    options?: { readonly cost?: number },
  ): Guard
  meter(name: MeterName<C>, options?: { readonly quantity?: number }): Guard
  requireRole(...roles: readonly [string, ...string[]]): Guard
  requirePlan(...plans: readonly [PlanName<C>, ...PlanName<C>[]]): Guard
  strict(): Guard
  background(): Guard
}

/** The guards of an instance with this catalog. */
export function guardsOf<C extends Catalog>(catalog: Catalog): Guards<C> {
  const flags = Object.entries(catalog.flags ?? {})
  const booleans = flags.filter(([, flag]) => flag.variants === undefined).map(([key]) => key)
  const variants = flags.filter(([, flag]) => flag.variants !== undefined).map(([key]) => key)
  const limits = Object.keys(catalog.limits ?? {})
  const meters = Object.keys(catalog.meters ?? {})
  // Without plans of its own the catalog knows none: then they are the app's, on the rows that it loads.
  const plans = catalog.plans && Object.keys(catalog.plans)
  const guards: Guards<Catalog> = {
    requireFlag(key) {
      const guard = requireFlag<Catalog>(key)
      checkDeclared('requireFlag', variants.includes(key) ? 'boolean flag' : 'flag', [key], booleans)
      return guard
    },
    rateLimit(name, options) {
      const guard = rateLimit<Catalog>(name, options)
      checkDeclared('rateLimit', 'limit', [name].flat(), limits)
      return guard
    },
    meter(name, options) {
      const guard = meter<Catalog>(name, options)
      checkDeclared('meter', 'meter', [name], meters)
      checkCounted(name, catalog.meters?.[name]?.aggregate, options?.quantity)
      return guard
    },
    requirePlan(...names) {
      const guard = requirePlan<Catalog>(...names)
      if (plans) checkDeclared('requirePlan', 'plan', names, plans)
      return guard
    },
    requireRole,
    strict,
    background,
  }
  return guards as unknown as Guards<C>
}
