import type { ScopeHold } from '../context/holds.ts'
import type { Scope } from '../context/scope.ts'
import type { MaybePromise } from '../storage/limits.ts'

/** What a guard reserved: decided when the call it guards has ended. */
export type GuardHold = ScopeHold

/**
 * A condition on one route, method or function, as a value: `guard(…)` makes middleware of it, `@guarded(…)` a
 * decorator, `guarded(fn, …)` a wrapped function.
 */
export interface Guard {
  /** `flag:new-reports`, `limit:api`: shown in errors and traces. */
  readonly name: string
  /** Lets the call pass, or throws (or rejects with) a `ThroughlineError`. */
  check(scope: Scope): MaybePromise<GuardHold | undefined>
}
