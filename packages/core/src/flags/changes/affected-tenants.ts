import type { Tenant } from '../../vocabulary.ts'
import { Deadline } from './deadline.ts'
import type { FlagComparison } from './flag-comparison.ts'
import type { FlipCount } from './flip-counts.ts'
import { FlipCounts } from './flip-counts.ts'

/** For whom a change changes a flag, as its audit event says it. */
export interface AffectedTenants {
  readonly tenants: number
  readonly flipped: number
  /** Of the first 50 that flip. */
  readonly ids: readonly string[]
  readonly mayVary: number
  /** `false`: there was no time to look at all tenants; the numbers are those of the ones that were. */
  readonly complete: boolean
  /** Flags that ask this one as a prerequisite and flip with it, up to 20 of them; absent if none does. */
  readonly dependents?: readonly (Pick<AffectedTenants, 'flipped' | 'ids'> & { readonly key: string })[]
}

/** A change is made whoever it affects: this many tenants and ms are spent on saying so. */
const AFFECTED_TENANTS = 10_000
const AFFECTED_MS = 1_000
const AFFECTED_IDS = 50
const AFFECTED_DEPENDENTS = 20

/** Looks at as many tenants as there is time for; what fails is left out. */
export async function affectedTenants(
  comparison: () => Promise<FlagComparison>,
  tenants: AsyncIterable<Tenant>,
): Promise<AffectedTenants | 'unknown'> {
  let counts: FlipCounts | undefined
  const time = new Deadline(AFFECTED_MS)
  let complete = false
  const iterator = tenants[Symbol.asyncIterator]()
  try {
    const compared = await time.within(comparison())
    counts = compared && new FlipCounts(compared, AFFECTED_IDS)
    if (counts) complete = await countAll(counts, iterator, time)
  } catch {
    // What can't be listed or loaded right now must not keep a kill switch from being thrown.
  } finally {
    time.end()
    if (!complete) iterator.return?.().catch(() => undefined)
  }
  return counts && (complete || counts.seen > 0) ? affectedBy(counts, complete) : 'unknown'
}

/** Whether the last tenant was reached, and neither the time nor the number of them before. */
async function countAll(counts: FlipCounts, iterator: AsyncIterator<Tenant>, time: Deadline): Promise<boolean> {
  for (;;) {
    const next = await time.within(iterator.next())
    if (!next) return false
    if (next.done) return true
    if (counts.seen === AFFECTED_TENANTS) return false
    if (!(await time.within(counts.add(next.value)))) return false
  }
}

function affectedBy(counts: FlipCounts, complete: boolean): AffectedTenants {
  const { own, seen } = counts
  const dependents = counts.dependents.filter(({ flipped }) => flipped > 0).slice(0, AFFECTED_DEPENDENTS)
  return {
    tenants: seen,
    flipped: own.flipped,
    ids: idsOf(own),
    mayVary: own.mayVary,
    complete,
    ...(dependents.length > 0 && {
      dependents: dependents.map((count) => ({ key: count.key, flipped: count.flipped, ids: idsOf(count) })),
    }),
  }
}

function idsOf({ flips }: FlipCount): readonly string[] {
  return flips.map(({ tenant }) => tenant)
}
