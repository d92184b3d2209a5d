import type { MaybePromise } from '../maybe-promise.ts'

export type { MaybePromise }

/** One policy of one key, as GCRA sees it (ITU-T I.371): one unit is due every `intervalMs`, `burst` units at the most at once. */
export interface LimitOperation {
  readonly key: string
  readonly intervalMs: number
  readonly burst: number
  readonly cost: number
}

export interface LimitDecision {
  readonly allowed: boolean
  /** Whole units left after this decision. */
  readonly remaining: number
  /** ms until the refused cost would pass; 0 if allowed, Infinity if it never can (cost above burst). */
  readonly retryAfterMs: number
  /** ms until all of the burst is available again. */
  readonly resetMs: number
}

/** The limits port. Any store, apart from the records. */
export interface LimitsStore {
  readonly name: string
  /** Decides all operations together: nothing is taken if any refuses. */
  consume(operations: readonly LimitOperation[], now: number): MaybePromise<readonly LimitDecision[]>
  /** Gives `cost` back, never above the burst. */
  refund(operations: readonly LimitOperation[], now: number): MaybePromise<void>
  close(): Promise<void>
}
