import type { Tenant } from '../../vocabulary.ts'
import type { FlagComparison, FlagFlip } from './flag-comparison.ts'
import { FlipCounts } from './flip-counts.ts'

/** For whom a change would change a flag. */
export interface FlagPreview {
  /** Every tenant whose value or variant flips, in the order in which tenants are listed; the first `limit` of them. */
  readonly flips: readonly FlagFlip[]
  /** How many flip in all. */
  readonly flipped: number
  /** Tenants that were looked at: all there are. */
  readonly tenants: number
  /**
   * Tenants in which the answer depends on who acts, or on the request or the call, before the change or after it: what
   * flips there can't be said, and they are not among those that flip.
   */
  readonly mayVary: number
  /** What it would change of flags that ask this one as a prerequisite, directly or not. */
  readonly dependents: readonly DependentPreview[]
}

/** For whom a change of another flag would change a flag. */
export interface DependentPreview extends Pick<FlagPreview, 'flips' | 'flipped' | 'mayVary'> {
  readonly key: string
}

/** Looks at every tenant. */
export async function previewFlips(
  comparison: FlagComparison,
  tenants: AsyncIterable<Tenant>,
  limit: number,
): Promise<FlagPreview> {
  const counts = new FlipCounts(comparison, limit)
  for await (const tenant of tenants) await counts.add(tenant)
  const { flips, flipped, mayVary } = counts.own
  const dependents = counts.dependents.map((count) => ({
    key: count.key,
    flips: count.flips,
    flipped: count.flipped,
    mayVary: count.mayVary,
  }))
  return { flips, flipped, tenants: counts.seen, mayVary, dependents }
}
