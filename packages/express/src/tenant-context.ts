import type { RunInput, ThroughlineHost } from '@throughline/core'
import type { TenantContextOptions } from '@throughline/core/http'
import { enterRequest, tenantPipeline } from '@throughline/core/http'
import type { Request, RequestHandler } from 'express'
import { ExpressExchange } from './express-exchange.ts'

/**
 * Middleware for after the app's login: resolves the tenant and the actor, and runs everything after it in their
 * context. What it refuses goes to `next(error)`, as problem details if `problemDetails()` is mounted last.
 *
 * @example
 * app.use(tenantContext(throughline, {
 *   tenant: [fromSubdomain('example.com'), (req) => req.user?.orgId],
 *   actor: (req) => req.user,
 * }))
 */
export function tenantContext<Req extends Request = Request>(
  throughline: ThroughlineHost,
  options: TenantContextOptions<Req>,
): RequestHandler {
  const pipeline = tenantPipeline(throughline, options)
  return function tenantContext(request, response, next) {
    pipeline.handle(new ExpressExchange(request as Req, response), next, next)
  }
}

/**
 * Enters a request whose tenant is known only now: a webhook that names it in its body. `fn` runs in the tenant's
 * context, and the request's record goes to the tenant's trail.
 *
 * @example await enter(throughline, req, { tenant: req.body.account, actor: { type: 'service', id: 'billing' } }, handle)
 * @throws ThroughlineError `TENANT_REQUIRED` if neither `tenantContext` nor `requestAudit` is mounted before it;
 *   `TENANT_NOT_FOUND`, `TENANT_SUSPENDED`; `OPTIONS_INVALID` if it is called wrongly
 */
export function enter<R>(
  throughline: ThroughlineHost,
  request: Request,
  input: RunInput,
  fn: () => R | Promise<R>,
): Promise<R> {
  return enterRequest(throughline, request?.res, input, fn)
}
