import type { ThroughlineHost } from '@throughline/core'
import type { OfrepOptions } from '@throughline/core/http'
import { OfrepRoutes } from '@throughline/core/http'
import type { Context } from 'koa'
import type { KoaHandler } from './middleware-of.ts'

/**
 * Middleware for after `tenantContext`: serves the flags of the current tenant to OpenFeature's clients elsewhere, below
 * `/ofrep/v1` (OpenFeature Remote Evaluation Protocol 0.3). What a call says of its context is attributes; the tenant
 * and the actor are those of the request. Other paths pass.
 *
 * @throws ThroughlineError `OPTIONS_INVALID`, also when the instance has no flags
 *
 * @example app.use(ofrep(throughline, { limit: 'api' }))
 */
export function ofrep(throughline: ThroughlineHost, options: OfrepOptions = {}): KoaHandler {
  const routes = new OfrepRoutes(throughline, options)
  return async function ofrep(extended, next) {
    const context = extended as unknown as Context
    const serve = routes.match(context.method, context.path)
    if (!serve) return next()
    const { req, res, host, protocol, originalUrl } = context
    // Inside an app that is mounted in another one the URL has lost its beginning.
    const message = req.url === originalUrl ? req : Object.assign(req, { originalUrl })
    const { body } = context.request as { readonly body?: unknown }
    const answer = await serve({ message, response: res, body, origin: host && `${protocol}://${host}` })
    if (!answer) {
      // The response is a stream by now.
      context.respond = false
      return undefined
    }
    const { Vary, ...headers } = answer.headers
    if (Vary) context.vary(Vary)
    context.status = answer.status
    context.set(headers)
    if (answer.body !== '') context.body = answer.body
    return undefined
  }
}
