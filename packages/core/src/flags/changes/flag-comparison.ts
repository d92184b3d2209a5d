import type { FlagEvaluation } from '../evaluation.ts'
import { servesSame } from '../evaluation.ts'
import type { TenantOutcome, TenantOutcomes } from './tenant-outcomes.ts'
import type { OverridesBy } from './tenant-overrides.ts'

/** What it takes to compare a flag with what it will be. */
export interface FlagComparison {
  readonly key: string
  /** Flags that ask it as a prerequisite, before the change or after it. */
  readonly dependents: readonly string[]
  readonly before: TenantOutcomes
  readonly after: TenantOutcomes
  readonly overrides: OverridesBy
}

/** A tenant for which a flag would be another one. */
export interface FlagFlip {
  readonly tenant: string
  readonly from: FlagEvaluation
  readonly to: FlagEvaluation
}

/** What a change makes of a flag for one tenant; `varies` where the tenant alone does not decide. */
export type Difference = FlagFlip | 'same' | 'varies'

/** Compares what a flag is for a tenant before a change and after it. */
export function difference(tenant: string, from: TenantOutcome, to: TenantOutcome): Difference {
  if (from.varies || to.varies) return 'varies'
  const [one, other] = [from.evaluation, to.evaluation]
  return servesSame(one, other) ? 'same' : { tenant, from: one, to: other }
}
