import type { Tenant } from '../../vocabulary.ts'
import type { FlagEvaluation } from '../evaluation.ts'
import { servesSame } from '../evaluation.ts'
import type { FlagsEngine } from '../flags.ts'
import type { FlagsView } from '../flags-view.ts'
import { outcomeIn } from './tenant-outcomes.ts'

/** A flag that is not the same for two tenants, and why: the reason and the rule of each. */
export interface FlagDisparity {
  readonly key: string
  readonly a: FlagEvaluation
  readonly b: FlagEvaluation
  /** The answer depends on who acts, or on the request or the call: these are the ones for nobody. */
  readonly mayVary?: true
}

/** What is known of a tenant. */
export interface ComparedTenant {
  readonly tenant: Tenant
  readonly flags: FlagsView
}

/** Flags whose variant or value is another for the one than for the other, by key. */
export function flagDisparities(
  engine: Pick<FlagsEngine, 'evaluateIn'>,
  a: ComparedTenant,
  b: ComparedTenant,
  keys: readonly string[],
): readonly FlagDisparity[] {
  return keys.flatMap((key) => {
    const [one, other] = [a, b].map(({ tenant, flags }) => outcomeIn(engine, tenant, flags, key))
    if (!one || !other || servesSame(one.evaluation, other.evaluation)) return []
    const mayVary = one.varies || other.varies
    return [{ key, a: one.evaluation, b: other.evaluation, ...(mayVary && { mayVary }) }]
  })
}
