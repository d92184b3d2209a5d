import type { ThroughlineHost } from '@throughline/core'
import type { RequestAuditOptions } from '@throughline/core/http'
import { auditPipeline } from '@throughline/core/http'
import type { Context } from 'koa'
import type { KoaHandler } from './middleware-of.ts'
import { middlewareOf } from './middleware-of.ts'

/**
 * Middleware for the very first place: opens the request's record before the app's login, so that the app's own 401s,
 * 403s and failures are on record too.
 *
 * @example app.use(requestAudit(throughline, { exclude: ['/healthz'] }))
 */
export function requestAudit<Ctx extends Context = Context>(
  throughline: ThroughlineHost,
  options: RequestAuditOptions<Ctx> = {},
): KoaHandler {
  return middlewareOf('requestAudit', auditPipeline(throughline, options))
}
