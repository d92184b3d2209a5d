import type { MaybePromise } from '../maybe-promise.ts'
import type { RequestAnswer } from '../request-answer.ts'
import { rateLimitError } from './limit-error.ts'
import { type LimitHeaders, type Partition, rateLimitHeaders } from './limit-headers.ts'
import type { LimitHold } from './limit-hold.ts'
import type { LimitResult } from './limit-result.ts'

/** What a guarded call has taken of its limits, until it ends. */
export interface EnteredLimit {
  readonly result: LimitResult
  /** The call has succeeded. */
  keep(): MaybePromise<void>
  /** The call has failed. */
  release(): MaybePromise<void>
  /** A later guard refused: the call was not tried. */
  refused(): MaybePromise<void>
}

/** Units: they are used, whether the call succeeds or fails; they come back when it is not even tried. */
export class TakenUnits implements EnteredLimit {
  readonly result: LimitResult
  readonly #giveBack: (result: LimitResult) => MaybePromise<void>

  constructor(result: LimitResult, giveBack: (result: LimitResult) => MaybePromise<void>) {
    this.result = result
    this.#giveBack = giveBack
  }

  keep(): undefined {
    return undefined
  }

  release(): undefined {
    return undefined
  }

  refused(): MaybePromise<void> {
    return this.result.granted > 0 ? this.#giveBack(this.result) : undefined
  }
}

/** What may run at once: free again when the call ends, however it does. */
export class HeldUntilEnd implements EnteredLimit {
  readonly #hold: LimitHold

  constructor(hold: LimitHold) {
    this.#hold = hold
  }

  get result(): LimitResult {
    return this.#hold.result
  }

  keep(): Promise<void> {
    return this.#hold.commit()
  }

  release(): Promise<void> {
    return this.#hold.commit()
  }

  refused(): Promise<void> {
    return this.#hold.release()
  }
}

/** A context whose answer, if it serves a request, is told the limits. */
export interface AnsweringScope extends Partition {
  readonly activity: { readonly answer?: RequestAnswer | undefined }
}

/**
 * What a guard makes of a decision: headers on the answer, and what is settled at the call's end.
 *
 * @throws ThroughlineError the refusal
 */
export function enteredLimit(scope: AnsweringScope, entered: EnteredLimit, which: LimitHeaders): EnteredLimit {
  const { result } = entered
  if (!result.allowed) throw rateLimitError(result, rateLimitHeaders(result, scope, which))
  const { answer } = scope.activity
  if (answer && which !== 'none') {
    const headers = rateLimitHeaders(result, scope, which)
    for (const name in headers) {
      // The draft's are lists, to which each guard adds its own; of the legacy ones there is one of each.
      if (name.startsWith('RateLimit')) answer.append(name, headers[name] as string)
      else answer.set(name, headers[name] as string)
    }
  }
  return entered
}
