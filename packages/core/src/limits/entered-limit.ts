import type { MaybePromise } from '../maybe-promise.ts'
import { rateLimitError } from './limit-error.ts'
import { type LimitHeaders, type Partition, rateLimitHeaders } from './limit-headers.ts'
import type { EnteredLimit } from './limits.ts'

/** A context whose answer, if it serves a request, is told the limits. */
export interface AnsweringScope extends Partition {
  readonly activity: { readonly answer?: { header(name: string, value: string): void } | undefined }
}

interface Hold {
  keep(): MaybePromise<void>
  release(): MaybePromise<void>
  refused(): MaybePromise<void>
}

/**
 * What a guard makes of a decision: headers on the answer, and what is to be given back.
 *
 * @throws ThroughlineError the refusal
 */
export function enteredLimit(scope: AnsweringScope, entered: EnteredLimit, which: LimitHeaders): Hold {
  const { result } = entered
  const { answer } = scope.activity
  if (!result.allowed) throw rateLimitError(result, rateLimitHeaders(result, scope, which))
  if (answer && which !== 'none') {
    const headers = rateLimitHeaders(result, scope, which)
    for (const name in headers) answer.header(name, headers[name] as string)
  }
  // What the call took is used, whether it succeeds or fails.
  const end = (): MaybePromise<void> => entered.end()
  return { keep: end, release: end, refused: () => entered.giveBack() }
}
