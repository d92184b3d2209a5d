import type { MaybePromise } from '../maybe-promise.ts'

export type { MaybePromise }

/**
 * A rate, as GCRA sees it (ITU-T I.371), in whole numbers: a unit taken makes a debt of `weight`, which falls by `perMs`
 * each ms; the debt is at most `capacity`. `perMinute(100)` is 600 a unit, 1 a ms, 60,000 at the most.
 */
export interface RateOperation {
  readonly kind: 'rate'
  readonly key: string
  readonly perMs: number
  readonly weight: number
  readonly capacity: number
  /** Units taken for each unit of the request. */
  readonly cost: number
  /**
   * Where the store found the key last: its own note, which it checks. Whoever keeps an operation to ask it again makes
   * it with -1; without it, nothing is noted.
   */
  place?: number
}

/**
 * At most `limit` units in a sliding window: those of the running window, and of the one before it the part that still
 * overlaps, as if they were spread evenly over it.
 */
export interface WindowOperation {
  readonly kind: 'window'
  readonly key: string
  readonly limit: number
  readonly windowMs: number
  readonly cost: number
  /** As of a rate. */
  place?: number
}

/** At most `limit` units held at once, each until its lease ends: by being given back, or by its time. */
export interface ConcurrencyOperation {
  readonly kind: 'concurrency'
  readonly key: string
  readonly limit: number
  readonly cost: number
  readonly ttlMs: number
}

/** One policy of one key. A key is of one kind for ever; its numbers may change, and what was used counts on. */
export type LimitOperation = RateOperation | WindowOperation | ConcurrencyOperation

/** Operations of one group that are decided together. */
export interface LimitRequest {
  /** Whose keys these are: a tenant's id, or `$platform`. A store may keep each group in another place. */
  readonly group: string
  /** At most {@link MAX_OPERATIONS}, each of another key. */
  readonly operations: readonly LimitOperation[]
  /** A whole number above 0; each operation takes `units * cost`. */
  readonly units: number
  /**
   * `take`: all units from all operations, or nothing. `partial`: as many of the units as all of them have room for.
   * `peek`: nothing. `force`: all, whatever room there is: what was used already.
   */
  readonly mode: 'take' | 'partial' | 'peek' | 'force'
  /** Names what concurrency operations take, unique for each lease; the same again renews it. */
  readonly lease?: string
}

/** No request has more operations. */
export const MAX_OPERATIONS = 32

/** What one operation said. */
export interface LimitDecision {
  /** Whether it had room for all units; in a `partial` request, for one. */
  readonly allowed: boolean
  /** Whole units left after the decision. */
  readonly remaining: number
  /**
   * ms until it would have room; 0 if it has, Infinity if it never will. Of concurrency it is a guess: the time until the
   * first lease ends, 1,000 at the most.
   */
  readonly retryAfterMs: number
  /** ms until all of it is free again, if nothing else is taken. */
  readonly resetMs: number
}

export interface LimitAnswer {
  /** Units taken (for `peek`: that would be); 0 if it was refused. */
  readonly granted: number
  /** In the order of the operations. */
  readonly decisions: readonly LimitDecision[]
}

/** The limits port. Any store, apart from the records. Each call is one atomic step. */
export interface LimitsStore {
  readonly name: string
  /**
   * Gets ready, before anything is decided. A store that can not be reached does not keep the app from starting: decisions
   * are its policies' own until it can.
   *
   * @throws ThroughlineError `STORAGE_SCHEMA_OUTDATED`, `RECORDS_UNAVAILABLE`
   */
  open?(options: { readonly migrate: 'auto' | 'check' }): Promise<void>
  /**
   * Decides all operations together: nothing is taken if any refuses.
   *
   * @param now ms since the epoch of the asking process, a whole number; a store with a clock of its own goes by that
   */
  decide(request: LimitRequest, now: number): MaybePromise<LimitAnswer>
  /** Gives `units` of rates and windows back, never above their capacity, and ends the `lease`. */
  refund(request: LimitRequest, now: number): MaybePromise<void>
  /** Prolongs the `lease` of the concurrency operations; false if it has ended. */
  renew(request: LimitRequest, now: number): MaybePromise<boolean>
  close(): Promise<void>
}
