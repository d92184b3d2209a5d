import type { LimitDecision, LimitOperation, LimitsStore, MaybePromise } from '../storage/limits.ts'

export interface FallbackOptions {
  readonly store: LimitsStore
  /** Decides while the store does not answer; a store in memory. */
  readonly fallback: LimitsStore
  /** The part of each limit that this process allows by itself, above 0 and up to 1. */
  readonly share: number
  /** ms after which a store counts as not answering. */
  readonly timeoutMs: number
  /** Told of each failure of the store. */
  onFailure(error: unknown): void
}

export interface StoreAnswer {
  readonly decision: LimitDecision
  readonly degraded: boolean
}

/** While a store is down it is asked once in this many ms, and the rest does not wait for it. */
const PROBE_MS = 1_000

/** A limits store that always answers soon: when it can't, this process decides on its share. */
export class StoreWithFallback {
  readonly #options: FallbackOptions
  #downUntil = 0
  #down = false

  constructor(options: FallbackOptions) {
    this.#options = options
  }

  get down(): boolean {
    return this.#down
  }

  /** Decides one operation. */
  consume(operations: readonly [LimitOperation], now: number): MaybePromise<StoreAnswer> {
    if (this.#down) {
      if (now < this.#downUntil) return this.#local(operations, now)
      this.#downUntil = now + PROBE_MS
    }
    let decisions: MaybePromise<readonly LimitDecision[]>
    try {
      decisions = this.#options.store.consume(operations, now)
    } catch (error) {
      return this.#failed(error, operations, now)
    }
    if (!(decisions instanceof Promise)) return this.#answered(decisions)
    return this.#inTime(decisions).then(
      (answer) => this.#answered(answer),
      (error: unknown) => this.#failed(error, operations, now),
    )
  }

  /** Gives back where it was taken, as far as that can be known; a refund that fails is lost. */
  async refund(operations: readonly LimitOperation[], now: number): Promise<void> {
    try {
      if (this.#down) await this.#options.fallback.refund(this.#shared(operations), now)
      else await this.#options.store.refund(operations, now)
    } catch (error) {
      this.#options.onFailure(error)
    }
  }

  #answered(decisions: readonly LimitDecision[]): StoreAnswer {
    this.#down = false
    return { decision: decisions[0] as LimitDecision, degraded: false }
  }

  #failed(error: unknown, operations: readonly LimitOperation[], now: number): MaybePromise<StoreAnswer> {
    this.#down = true
    this.#downUntil = now + PROBE_MS
    this.#options.onFailure(error)
    return this.#local(operations, now)
  }

  #local(operations: readonly LimitOperation[], now: number): MaybePromise<StoreAnswer> {
    const decisions = this.#options.fallback.consume(this.#shared(operations), now)
    const degraded = true
    return decisions instanceof Promise
      ? decisions.then(([decision]) => ({ decision: decision as LimitDecision, degraded }))
      : { decision: decisions[0] as LimitDecision, degraded }
  }

  #shared(operations: readonly LimitOperation[]): readonly LimitOperation[] {
    const { share } = this.#options
    if (share === 1) return operations
    return operations.map(({ key, intervalMs, burst, cost }) => ({
      key,
      intervalMs: intervalMs / share,
      burst: Math.max(1, Math.floor(burst * share)),
      cost,
    }))
  }

  #inTime<T>(answer: Promise<T>): Promise<T> {
    const { timeoutMs, store } = this.#options
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${store.name} did not answer within ${timeoutMs} ms.`)),
        timeoutMs,
      )
      answer.then(resolve, reject).finally(() => clearTimeout(timer))
    })
  }
}
