import type { ThroughlineHost } from '@throughline/core'
import type { RequestAuditOptions } from '@throughline/core/http'
import { auditPipeline } from '@throughline/core/http'
import type { Request, RequestHandler } from 'express'
import { ExpressExchange } from './express-exchange.ts'

/**
 * Middleware for the very first place: opens the request's record before the app's login, so that the app's own 401s,
 * 403s and failures are on record too.
 *
 * @example app.use(requestAudit(throughline, { exclude: ['/healthz'] }))
 */
export function requestAudit<Req extends Request = Request>(
  throughline: ThroughlineHost,
  options: RequestAuditOptions<Req> = {},
): RequestHandler {
  const pipeline = auditPipeline(throughline, options)
  return function requestAudit(request, response, next) {
    pipeline.handle(new ExpressExchange(request as Req, response), next, next)
  }
}
