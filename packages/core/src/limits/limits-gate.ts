import type { WhenUnavailable } from '../catalog/definitions.ts'
import { inTime } from '../in-time.ts'
import type {
  LimitAnswer,
  LimitDecision,
  LimitOperation,
  LimitRequest,
  LimitsStore,
  MaybePromise,
} from '../storage/limits.ts'
import type { Renewal } from './limit-hold.ts'
import type { Verdict } from './limit-result.ts'
import type { ResolvedPolicy } from './resolved-policy.ts'

export interface LimitsGateOptions {
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

/**
 * While a store is down, one call asks it again after this many ms, then after twice as many each time, up to the longest,
 * and the rest does not wait for it. A store that was late once is counted on again soon.
 */
const FIRST_PROBE_MS = 100
const LONGEST_PROBE_MS = 1_000

/** The limits store, always answering soon: when it can't, each policy's own choice decides. */
export class LimitsGate {
  readonly #options: LimitsGateOptions
  #downUntil = 0
  #down = false
  #probeMs = FIRST_PROBE_MS

  constructor(options: LimitsGateOptions) {
    this.#options = options
  }

  get down(): boolean {
    return this.#down
  }

  /** @param policies those of the operations, in their order */
  decide(request: LimitRequest, policies: readonly ResolvedPolicy[], now: number): MaybePromise<Verdict> {
    if (this.#down) {
      if (now < this.#downUntil) return this.#byChoice(request, policies, now)
      this.#probeMs = Math.min(2 * this.#probeMs, LONGEST_PROBE_MS)
      this.#downUntil = now + this.#probeMs
    }
    let answer: MaybePromise<LimitAnswer>
    try {
      answer = this.#options.store.decide(request, now)
    } catch (error) {
      return this.#instead(error, request, policies, now)
    }
    return answer instanceof Promise ? this.#later(answer, request, policies, now) : this.#answered(answer)
  }

  /**
   * Gives back where it was taken, as far as that can be known; a refund that fails is lost.
   *
   * @param degraded how it was decided, if the store did not answer
   */
  refund(request: LimitRequest, now: number, degraded?: WhenUnavailable): MaybePromise<void> {
    const { store, fallback, share } = this.#options
    // Nobody counted what passed because all did.
    if (degraded === 'open') return undefined
    try {
      const isLocal = this.#down || degraded === 'local'
      const given = isLocal ? fallback.refund(sharedRequest(request, share), now) : store.refund(request, now)
      if (given instanceof Promise) return this.#inTime(given).catch((error: unknown) => this.#options.onFailure(error))
    } catch (error) {
      this.#options.onFailure(error)
    }
    return undefined
  }

  /**
   * Prolongs a lease where it was taken: a store that is down for others is asked all the same, for nobody waits for it.
   *
   * @param degraded as of `refund`
   */
  async renew(request: LimitRequest, now: number, degraded?: WhenUnavailable): Promise<Renewal> {
    const { store, fallback } = this.#options
    if (degraded === 'open') return 'held'
    try {
      const renewed = degraded ? fallback.renew(request, now) : store.renew(request, now)
      return (await this.#inTime(Promise.resolve(renewed))) ? 'held' : 'ended'
    } catch (error) {
      this.#options.onFailure(error)
      return 'unanswered'
    }
  }

  /** Apart, as all that waits: a closure is made for it, which an answer at once does not need. */
  #later(
    answer: Promise<LimitAnswer>,
    request: LimitRequest,
    policies: readonly ResolvedPolicy[],
    now: number,
  ): Promise<Verdict> {
    return this.#inTime(answer).then(
      (given) => this.#answered(given),
      (error: unknown) => this.#instead(error, request, policies, now),
    )
  }

  #instead(
    error: unknown,
    request: LimitRequest,
    policies: readonly ResolvedPolicy[],
    now: number,
  ): MaybePromise<Verdict> {
    this.#failed(error, now)
    return this.#byChoice(request, policies, now)
  }

  #answered(answer: LimitAnswer): Verdict {
    this.#down = false
    return answer
  }

  /** Of many that fail at once, the first says that the store is down. */
  #failed(error: unknown, now: number): void {
    if (!this.#down) {
      this.#down = true
      this.#probeMs = FIRST_PROBE_MS
      this.#downUntil = now + this.#probeMs
    }
    this.#options.onFailure(error)
  }

  #byChoice(request: LimitRequest, policies: readonly ResolvedPolicy[], now: number): MaybePromise<Verdict> {
    const choices = policies.map(({ policy }): WhenUnavailable => policy.whenUnavailable ?? 'local')
    const { operations, mode, units } = request
    if (choices.includes('closed') && mode !== 'force') {
      const decisions = operations.map((operation, i) => (choices[i] === 'closed' ? CLOSED : open(operation)))
      return { granted: 0, decisions, degraded: 'closed' }
    }
    const local = operations.filter((_, i) => choices[i] === 'local')
    if (local.length === 0) {
      return { granted: units, decisions: operations.map(open), degraded: 'open' }
    }
    const { fallback, share } = this.#options
    const complete = ({ granted, decisions }: LimitAnswer): Verdict => {
      const rest = [...decisions]
      const all = operations.map((operation, i) =>
        choices[i] === 'local' ? (rest.shift() as LimitDecision) : open(operation),
      )
      return { granted, decisions: all, degraded: 'local' }
    }
    const answer = fallback.decide(sharedRequest({ ...request, operations: local }, share), now)
    return answer instanceof Promise ? answer.then(complete) : complete(answer)
  }

  #inTime<T>(answer: Promise<T>): Promise<T> {
    const { timeoutMs, store } = this.#options
    return inTime(timeoutMs, store.name, answer)
  }
}

const CLOSED: LimitDecision = Object.freeze({
  allowed: false,
  remaining: 0,
  retryAfterMs: LONGEST_PROBE_MS,
  resetMs: LONGEST_PROBE_MS,
})

/** What is said of a policy that nobody could ask. */
function open(operation: LimitOperation): LimitDecision {
  const remaining = operation.kind === 'rate' ? operation.capacity / operation.weight : operation.limit
  return { allowed: true, remaining, retryAfterMs: 0, resetMs: 0 }
}

function sharedRequest(request: LimitRequest, share: number): LimitRequest {
  return share === 1 ? request : { ...request, operations: request.operations.map((it) => shared(it, share)) }
}

/** A part of what an operation allows, one unit at the least; in whole numbers, so a rate's units weigh more. */
function shared(operation: LimitOperation, share: number): LimitOperation {
  const part = (units: number): number => (units === 0 ? 0 : Math.max(1, Math.floor(units * share)))
  if (operation.kind !== 'rate') return { ...operation, limit: part(operation.limit) }
  const heavier = Math.round(1 / share)
  const weight = operation.weight * heavier
  return { ...operation, weight, capacity: part(operation.capacity / operation.weight) * weight }
}
