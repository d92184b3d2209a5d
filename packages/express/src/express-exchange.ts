import type { Exchange } from '@throughline/core/http'
import { requestPath } from '@throughline/core/http'
import type { Request, Response } from 'express'

/** One Express request as the pipeline sees it. */
export class ExpressExchange<Req extends Request> implements Exchange<Req> {
  readonly carrier: Req
  readonly message: Req
  readonly response: Response

  constructor(request: Req, response: Response) {
    this.carrier = request
    this.message = request
    this.response = response
  }

  get path(): string {
    return requestPath(this.carrier)
  }

  /** As the app's `trust proxy` setting says. */
  get ip(): string | undefined {
    const { app, socket } = this.carrier
    // Express asks for nothing else where no proxy is trusted, the long way round.
    return app.enabled('trust proxy') ? this.carrier.ip : socket.remoteAddress
  }

  route(): string | undefined {
    const { route, baseUrl } = this.carrier as { readonly route?: Request['route']; readonly baseUrl?: string }
    if (route === undefined || route === null) return undefined
    const path: unknown = route.path
    const own = Array.isArray(path) ? path.join('|') : String(path)
    const mount = this.response.statusCode < 400 ? baseUrl : (mountOf(own, this.path) ?? baseUrl)
    // Express has none any more where nothing of the app answered an error.
    return `${mount ?? ''}${own}`
  }
}

/** Names and `:parameters`, each one segment of a path. */
const PLAIN = /^(?:\/:?[\w.~-]+)*\/?$/

/**
 * Where the router is mounted whose route took this path. Once a route has handed on an error, Express has forgotten it.
 * `undefined` where the route's own path is not plain, or took another one.
 */
function mountOf(route: string, path: string): string | undefined {
  if (!PLAIN.test(route)) return undefined
  const own = route.split('/').filter(Boolean)
  const asked = path.split('/').filter(Boolean)
  const from = asked.length - own.length
  if (from < 0 || !own.every((name, i) => name.startsWith(':') || sameName(name, asked[from + i]))) return undefined
  return asked.slice(0, from).reduce((mount, segment) => `${mount}/${segment}`, '')
}

function sameName(name: string, asked: string | undefined): boolean {
  return name.toLowerCase() === asked?.toLowerCase()
}
