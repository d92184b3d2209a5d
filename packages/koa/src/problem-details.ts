import { clearBodyHeaders, problemOf, recordError } from '@throughline/core/http'
import type { Context } from 'koa'
import type { KoaHandler } from './middleware-of.ts'

/**
 * Middleware for the first place, before `requestAudit` and `tenantContext`: in Koa an error comes back the way the
 * request went in. Answers our errors with problem details (RFC 9457) and passes on all others. Of ours, those of 500
 * and more are told to the app's `error` listeners, as Koa does with what it answers itself.
 *
 * @example app.use(problemDetails())
 */
export function problemDetails(): KoaHandler {
  return async function problemDetails(extended, next) {
    const context = extended as unknown as Context
    try {
      await next()
    } catch (error) {
      recordError(error)
      const problem = problemOf(error)
      if (!problem || context.headerSent || !context.writable) throw error
      if (problem.status >= 500) context.app.emit('error', error, context)
      clearBodyHeaders(context.res)
      context.status = problem.status
      context.body = problem.body
      context.set(problem.headers)
      // A handler that meant to answer by itself has failed before it did.
      context.respond = true
    }
  }
}
