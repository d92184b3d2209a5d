import type { Tenant } from '../../vocabulary.ts'
import type { FlagEvaluation } from '../evaluation.ts'
import type { Overrides, TenantOutcomes } from './tenant-outcomes.ts'

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
}

/** What it takes to compare a flag with what it will be. */
export interface FlagComparison {
  readonly key: string
  readonly before: TenantOutcomes
  readonly after: TenantOutcomes
  readonly overrides: ReadonlyMap<string, Overrides>
}

type Difference = FlagFlip | 'same' | 'varies'

/** Looks at every tenant. */
export async function previewFlips(
  comparison: FlagComparison,
  tenants: AsyncIterable<Tenant>,
  limit: number,
): Promise<FlagPreview> {
  const count = new FlipCount(limit)
  for await (const tenant of tenants) count.add(differenceOf(comparison, tenant))
  const { flips, flipped, seen, mayVary } = count
  return { flips, flipped, tenants: seen, mayVary }
}

/** A change is made whoever it affects: this many tenants and ms are spent on saying so. */
const AFFECTED_TENANTS = 10_000
const AFFECTED_MS = 1_000
const AFFECTED_IDS = 50

/** Looks at as many tenants as there is time for; what fails is left out. */
export async function affectedTenants(
  comparison: () => Promise<FlagComparison>,
  tenants: AsyncIterable<Tenant>,
): Promise<AffectedTenants | 'unknown'> {
  const count = new FlipCount(AFFECTED_IDS)
  const time = new Deadline(AFFECTED_MS)
  let complete = false
  const iterator = tenants[Symbol.asyncIterator]()
  try {
    const compared = await time.within(comparison())
    while (compared && count.seen < AFFECTED_TENANTS) {
      const next = await time.within(iterator.next())
      if (!next) break
      if (next.done) {
        complete = true
        break
      }
      count.add(differenceOf(compared, next.value))
    }
  } catch {
    // What can't be listed or loaded right now must not keep a kill switch from being thrown.
  } finally {
    time.end()
    if (!complete) iterator.return?.().catch(() => undefined)
  }
  if (count.seen === 0 && !complete) return 'unknown'
  const { flips, flipped, seen, mayVary } = count
  return { tenants: seen, flipped, ids: flips.map(({ tenant }) => tenant), mayVary, complete }
}

function differenceOf({ key, before, after, overrides }: FlagComparison, tenant: Tenant): Difference {
  const own = overrides.get(tenant.id)
  const [from, to] = [before.of(tenant, key, own), after.of(tenant, key, own)]
  if (from.varies || to.varies) return 'varies'
  const same = from.evaluation.variant === to.evaluation.variant && equal(from.evaluation.value, to.evaluation.value)
  return same ? 'same' : { tenant: tenant.id, from: from.evaluation, to: to.evaluation }
}

function equal(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

class FlipCount {
  readonly flips: FlagFlip[] = []
  readonly #limit: number
  seen = 0
  flipped = 0
  mayVary = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  add(difference: Difference): void {
    this.seen += 1
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
