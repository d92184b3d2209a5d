import type { Guard } from '@throughline/core'
import { checkGuards, guardList } from '@throughline/core'
import type { Next } from 'koa'

/** For any kind of context, so that handlers after it still know their state and their parameters. */
export type GuardMiddleware = (context: unknown, next: Next) => Promise<unknown>

/**
 * Guards as middleware for a route, a router or the app, inside `tenantContext`. They run in order; the first refusal
 * is thrown.
 *
 * @throws ThroughlineError `OPTIONS_INVALID` when there is none, or one of them is no guard
 *
 * @example router.post('/reports', guard(requireFlag('new-reports'), rateLimit('api')), createReport)
 */
export function guard(...given: readonly [Guard, ...Guard[]]): GuardMiddleware {
  const guards = guardList('guard', given)
  return async function guard(_context, next) {
    const checked = checkGuards(guards)
    if (checked) await checked
    return next()
  }
}
