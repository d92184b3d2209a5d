import type { Guard } from '@throughline/core'
import { checkGuards, guardList } from '@throughline/core'
import type { KoaHandler } from './middleware-of.ts'

/**
 * Guards as middleware for a route, a router or the app, inside `tenantContext`. They run in order; the first refusal
 * is thrown.
 *
 * @throws ThroughlineError `OPTIONS_INVALID` when there is none, or one of them is no guard
 *
 * @example router.post('/reports', guard(requireFlag('new-reports'), rateLimit('api')), createReport)
 */
export function guard(...given: readonly [Guard, ...Guard[]]): KoaHandler {
  const guards = guardList('guard', given)
  return async function guard(_context, next) {
    const checked = checkGuards(guards)
    if (checked) await checked
    return next()
  }
}
