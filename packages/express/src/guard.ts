import type { Guard } from '@throughline/core'
import { checkGuards, guardList } from '@throughline/core'
import type { NextFunction, Request, Response } from 'express'

/** Generic, so that an inline handler after it still knows the parameters of its path. */
export type GuardHandler = <P, ResBody, ReqBody, Query, Locals extends Record<string, unknown>>(
  request: Request<P, ResBody, ReqBody, Query, Locals>,
  response: Response<ResBody, Locals>,
  next: NextFunction,
) => void

/**
 * Guards as middleware for a route, a router or the app, inside `tenantContext`. They run in order; the first refusal
 * goes to `next(error)`.
 *
 * @throws ThroughlineError `OPTIONS_INVALID` when there is none, or one of them is no guard
 *
 * @example app.post('/reports', guard(requireFlag('new-reports'), rateLimit('api')), createReport)
 */
export function guard(...given: readonly [Guard, ...Guard[]]): GuardHandler {
  const guards = guardList('guard', given)
  return function guard(_request, _response, next) {
    let checked: void | Promise<void>
    try {
      checked = checkGuards(guards)
    } catch (error) {
      next(error)
      return
    }
    // Express 4 forwards no rejections; and what `next` throws is not the guards' refusal.
    if (checked) checked.then(() => next(), next)
    else next()
  }
}
