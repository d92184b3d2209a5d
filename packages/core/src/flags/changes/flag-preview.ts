import { isPromise } from '../../maybe-promise.ts'
import type { Tenant } from '../../vocabulary.ts'
import type { FlagEvaluation } from '../evaluation.ts'
import { Pauses } from '../pauses.ts'
import type { TenantOutcome, TenantOutcomes } from './tenant-outcomes.ts'
import type { OverridesBy } from './tenant-overrides.ts'

/** A tenant for which a flag would be another one. */
export interface FlagFlip {
  readonly tenant: string
  readonly from: FlagEvaluation
  readonly to: FlagEvaluation
}

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

/** What it takes to compare a flag with what it will be. */
export interface FlagComparison {
  readonly key: string
  /** Flags that ask it as a prerequisite, before the change or after it. */
  readonly dependents: readonly string[]
  readonly before: TenantOutcomes
  readonly after: TenantOutcomes
  readonly overrides: OverridesBy
}

type Difference = FlagFlip | 'same' | 'varies'

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
    while (counts) {
      const next = await time.within(iterator.next())
      if (!next) break
      if (next.done) {
        complete = true
        break
      }
      if (counts.seen === AFFECTED_TENANTS) break
      if (!(await time.within(counts.add(next.value)))) break
    }
  } catch {
    // What can't be listed or loaded right now must not keep a kill switch from being thrown.
  } finally {
    time.end()
    if (!complete) iterator.return?.().catch(() => undefined)
  }
  if (!counts || (counts.seen === 0 && !complete)) return 'unknown'
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

function difference(tenant: string, from: TenantOutcome, to: TenantOutcome): Difference {
  if (from.varies || to.varies) return 'varies'
  const same = from.evaluation.variant === to.evaluation.variant && equal(from.evaluation.value, to.evaluation.value)
  return same ? 'same' : { tenant, from: from.evaluation, to: to.evaluation }
}

function equal(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

/** What a change changes, tenant by tenant: of the flag itself, and of those that depend on it. */
class FlipCounts {
  readonly own: FlipCount
  readonly dependents: readonly FlipCount[]
  readonly #comparison: FlagComparison
  readonly #pauses = new Pauses()
  /** Whom a list names twice is one tenant all the same. */
  readonly #ids = new Set<string>()

  constructor(comparison: FlagComparison, limit: number) {
    this.#comparison = comparison
    this.own = new FlipCount(comparison.key, limit)
    this.dependents = comparison.dependents.map((key) => new FlipCount(key, limit))
  }

  get seen(): number {
    return this.#ids.size
  }

  /** Answers that it is done. */
  async add(tenant: Tenant): Promise<true> {
    if (this.#ids.has(tenant.id)) return true
    const { before, after, overrides } = this.#comparison
    const found = overrides(tenant.id)
    const own = isPromise(found) ? await found : found
    this.#ids.add(tenant.id)
    const [from, to] = [before.of(tenant, own), after.of(tenant, own)]
    for (const count of [this.own, ...this.dependents]) {
      count.add(difference(tenant.id, from(count.key), to(count.key)))
      if (this.#pauses.isDue) await this.#pauses.pause()
    }
    return true
  }
}

class FlipCount {
  readonly key: string
  readonly flips: FlagFlip[] = []
  readonly #limit: number
  flipped = 0
  mayVary = 0

  constructor(key: string, limit: number) {
    this.key = key
    this.#limit = limit
  }

  add(difference: Difference): void {
    if (difference === 'varies') this.mayVary += 1
    else if (difference !== 'same') {
      this.flipped += 1
      if (this.flips.length < this.#limit) this.flips.push(difference)
    }
  }
}

/** Waits for promises, up to one time for all of them. */
class Deadline {
  readonly #reached: Promise<undefined>
  #timer: NodeJS.Timeout | undefined

  constructor(ms: number) {
    this.#reached = new Promise((resolve) => {
      this.#timer = setTimeout(resolve, ms, undefined)
    })
  }

  /** `undefined` when the time is up. */
  within<T>(promise: Promise<T>): Promise<T | undefined> {
    return Promise.race([promise, this.#reached])
  }

  end(): void {
    clearTimeout(this.#timer)
  }
}
