import type { RunInput, ThroughlineHost } from '@throughline/core'
import type { TenantContextOptions } from '@throughline/core/http'
import { enterRequest, tenantPipeline } from '@throughline/core/http'
import type { Context } from 'koa'
import type { KoaHandler } from './middleware-of.ts'
import { middlewareOf } from './middleware-of.ts'
import { watchBody } from './watch-body.ts'

/**
 * Middleware for after the app's login: resolves the tenant and the actor, and runs everything after it in their
 * context. What it refuses is thrown, and answered as problem details if `problemDetails()` is mounted before it.
 *
 * @example
 * app.use(tenantContext(throughline, {
 *   tenant: [fromSubdomain('example.com'), (ctx) => ctx.state.user?.orgId],
 *   actor: (ctx) => ctx.state.user,
 * }))
 */
export function tenantContext<Ctx extends Context = Context>(
  throughline: ThroughlineHost,
  options: TenantContextOptions<Ctx>,
): KoaHandler {
  return middlewareOf('tenantContext', tenantPipeline(throughline, options))
}

/**
 * Enters a request whose tenant is known only now: a webhook that names it in its body. `fn` runs in the tenant's
 * context, as does the streamed body that it leaves, and the request's record goes to the tenant's trail.
 *
 * @example await enter(throughline, ctx, { tenant: ctx.request.body.account, actor: { type: 'service', id: 'billing' } }, handle)
 * @throws ThroughlineError `TENANT_REQUIRED` if neither `tenantContext` nor `requestAudit` is mounted before it;
 *   `TENANT_NOT_FOUND`, `TENANT_SUSPENDED`; `OPTIONS_INVALID` if it is called wrongly
 */
export function enter<R>(
  throughline: ThroughlineHost,
  context: Pick<Context, 'body' | 'res'>,
  input: RunInput,
  fn: () => R | Promise<R>,
): Promise<R> {
  return enterRequest(throughline, context?.res, input, async () => {
    const result = await fn()
    watchBody(context)
    return result
  })
}
