import type { ThroughlineHost } from '@throughline/core'
import type { OfrepOptions } from '@throughline/core/http'
import { OfrepRoutes } from '@throughline/core/http'
import type { Request, RequestHandler } from 'express'

/**
 * Middleware for after `tenantContext`: serves the flags of the current tenant to OpenFeature's clients elsewhere, below
 * `/ofrep/v1` (OpenFeature Remote Evaluation Protocol 0.3). What a call says of its context is attributes; the tenant
 * and the actor are those of the request. Other paths pass.
 *
 * @throws ThroughlineError `OPTIONS_INVALID`, also when the instance has no flags
 *
 * @example app.use(ofrep(throughline, { limit: 'api' }))
 */
export function ofrep(throughline: ThroughlineHost, options: OfrepOptions = {}): RequestHandler {
  const routes = new OfrepRoutes(throughline, options)
  return function ofrep(request, response, next) {
    const serve = routes.match(request.method, request.path)
    if (!serve) {
      next()
      return
    }
    const host = hostOf(request)
    const origin = host && `${request.protocol}://${host}`
    serve({ message: request, response, body: request.body, origin })
      .then((answer) => {
        if (!answer || response.headersSent) return
        const { Vary, ...headers } = answer.headers
        if (Vary) response.vary(Vary)
        response.statusCode = answer.status
        for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
        response.end(answer.body)
      })
      .catch(next)
  }
}

/** With its port, as the app's `trust proxy` setting says; Express 4 has none that keeps the port. */
function hostOf({ app, headers, socket }: Request): string | undefined {
  const forwarded = headers['x-forwarded-host']
  const trusts: unknown = app.get('trust proxy fn')
  const proxied = typeof forwarded === 'string' && typeof trusts === 'function' && trusts(socket.remoteAddress, 0)
  return proxied ? forwarded.split(',', 1)[0]?.trim() : headers.host
}
