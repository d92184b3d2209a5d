import type { LimitAnswer, LimitRequest } from '@throughline/core/storage'
import { limitsUnavailable } from '../limits-failure.ts'

/** Lanes of one process; each has one statement under way at the most. */
export const LANES = 4
/** Requests of one statement at the most. */
const MAX_REQUESTS = 64
/** Requests that may wait in a lane; beyond it they are refused at once. */
const MAX_WAITING = 10_000

/** What is asked of the database: a decision, or what else the port has. */
export interface Ask {
  readonly verb: LimitRequest['mode'] | 'refund' | 'renew'
  readonly request: LimitRequest
  /** ms since the epoch, by the caller's clock. */
  readonly now: number
}

interface Waiting<T> {
  readonly ask: Ask
  /** ms of the monotonic clock. */
  readonly deadline: number
  readonly resolve: (answer: T) => void
  readonly reject: (error: unknown) => void
}

export interface LanesOptions<T> {
  /** Answers all of them, within so many ms. */
  send(asks: readonly Ask[], withinMs: number): Promise<readonly T[]>
  readonly answerWithinMs: number
}

/**
 * A tenant's requests all go through one lane, so that a process never waits for itself; what comes while a statement of
 * the lane is under way goes together in the next one.
 */
export class RequestLanes<T = LimitAnswer> {
  readonly #lanes: readonly Lane<T>[]

  constructor(options: LanesOptions<T>) {
    this.#lanes = Array.from({ length: LANES }, () => new Lane(options))
  }

  ask(ask: Ask): Promise<T> {
    return (this.#lanes[laneOf(ask.request.group)] as Lane<T>).ask(ask)
  }
}

class Lane<T> {
  readonly #options: LanesOptions<T>
  #queue: Waiting<T>[] = []
  #isBusy = false

  constructor(options: LanesOptions<T>) {
    this.#options = options
  }

  ask(ask: Ask): Promise<T> {
    if (this.#queue.length >= MAX_WAITING) {
      return Promise.reject(limitsUnavailable('Too much waits for the limits database already.'))
    }
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ ask, deadline: performance.now() + this.#options.answerWithinMs, resolve, reject })
      if (this.#isBusy) return
      this.#isBusy = true
      // The others of this moment go with it.
      queueMicrotask(() => void this.#run())
    })
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue.slice(0, MAX_REQUESTS)
      this.#queue = this.#queue.slice(MAX_REQUESTS)
      const [oldest] = batch as [Waiting<T>]
      try {
        const withinMs = Math.max(1, Math.ceil(oldest.deadline - performance.now()))
        const answers = await this.#options.send(
          batch.map(({ ask }) => ask),
          withinMs,
        )
        for (const [i, one] of batch.entries()) one.resolve(answers[i] as T)
      } catch (error) {
        for (const one of batch) one.reject(error)
      }
    }
    this.#isBusy = false
  }
}

function laneOf(group: string): number {
  let hash = 0
  for (let i = 0; i < group.length; i++) hash = (Math.imul(hash, 31) + group.charCodeAt(i)) | 0
  return (hash >>> 0) % LANES
}
