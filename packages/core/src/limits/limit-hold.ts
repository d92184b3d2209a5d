import { ThroughlineError } from '../errors.ts'
import type { LimitResult } from './limit-result.ts'

/** Units taken for work that is under way, and what it may hold meanwhile. */
export interface LimitHold {
  readonly allowed: boolean
  readonly result: LimitResult
  /** Aborted when this process could not renew in time what it holds: others may run beside it. */
  readonly signal: AbortSignal
  /**
   * The work is done: what was held is free again.
   *
   * @param actual units that it took in the end, 0 or more: the difference is given back, or taken beside, whatever room
   *   there is; all that were reserved unless said
   * @throws ThroughlineError `LIMIT_COST_INVALID`
   */
  commit(actual?: number): Promise<void>
  /** The work did not happen: everything is given back. */
  release(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** What became of a lease that was to be prolonged; `unanswered`: it stands as long as it did before. */
export type Renewal = 'held' | 'ended' | 'unanswered'

export interface HeldParts {
  readonly result: LimitResult
  /** Units that were taken. */
  readonly units: number
  /** ms after which the store frees what is held; absent where nothing is. */
  readonly ttlMs: number | undefined
  /** What happens at the end of an `await using` block. */
  readonly atEnd: 'commit' | 'release'
  /** Prolongs what is held. */
  renew(): Promise<Renewal>
  /** Frees what is held, and settles the units. */
  settle(actual: number): Promise<void>
}

/** Renewed so often within the time after which it ends. */
const RENEWALS = 3

/** A hold of this process: renewed for as long as it is not settled. */
export class HeldLimit implements LimitHold {
  readonly #parts: HeldParts
  readonly #lost = new AbortController()
  readonly #timer: NodeJS.Timeout | undefined
  #settled: Promise<void> | undefined
  /** Renewals that got no answer since the last one that did. */
  #unanswered = 0

  constructor(parts: HeldParts) {
    this.#parts = parts
    // Where limits are only observed, what was refused is allowed and holds nothing.
    if (parts.result.granted === 0 || parts.ttlMs === undefined) return
    this.#timer = setInterval(() => this.#renew(), Math.max(1, Math.floor(parts.ttlMs / RENEWALS))).unref()
  }

  get allowed(): boolean {
    return this.#parts.result.allowed
  }

  get result(): LimitResult {
    return this.#parts.result
  }

  get signal(): AbortSignal {
    return this.#lost.signal
  }

  async commit(actual: number = this.#parts.units): Promise<void> {
    if (!Number.isSafeInteger(actual) || actual < 0) {
      throw new ThroughlineError('LIMIT_COST_INVALID', {
        message: `The actual cost ${String(actual)} is not valid: it must be a whole number, 0 or more.`,
      })
    }
    await this.#settle(actual)
  }

  release(): Promise<void> {
    return this.#settle(0)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#parts.atEnd === 'commit' ? this.commit() : this.release()
  }

  /** Once: whoever settles first decides. */
  #settle(actual: number): Promise<void> {
    clearInterval(this.#timer)
    this.#settled ??= this.#parts.result.granted > 0 ? this.#parts.settle(actual) : Promise.resolve()
    return this.#settled
  }

  async #renew(): Promise<void> {
    const renewal = await this.#parts.renew()
    this.#unanswered = renewal === 'unanswered' ? this.#unanswered + 1 : 0
    // After so many its time is over.
    if (renewal !== 'ended' && this.#unanswered < RENEWALS) return
    clearInterval(this.#timer)
    if (!this.#settled) this.#lost.abort()
  }
}
