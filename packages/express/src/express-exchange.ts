import type { Exchange } from '@throughline/core/http'
import { requestPath } from '@throughline/core/http'
import type { Request, Response } from 'express'

const MATCHED: unique symbol = Symbol('throughline.matched')

type Routed = Request & { [MATCHED]?: { readonly route: Request['route']; readonly baseUrl: string | undefined } }

/**
 * Express' `request.route`, which remembers where its router is mounted: a request that leaves the router, by an error or
 * because nothing of it answered, has lost that when it is recorded.
 */
const ROUTE: PropertyDescriptor & ThisType<Routed> = {
  configurable: true,
  enumerable: true,
  get() {
    return this[MATCHED]?.route
  },
  set(route: Request['route']) {
    this[MATCHED] = { route, baseUrl: this.baseUrl }
  },
}

/** Before a route is matched; in a middleware of a route it is already. */
function watchRoute(request: Routed): void {
  if (MATCHED in request) return
  const { route, baseUrl } = request
  request[MATCHED] = { route, baseUrl }
  Object.defineProperty(request, 'route', ROUTE)
}

/** One Express request as the pipeline sees it. */
export class ExpressExchange<Req extends Request> implements Exchange<Req> {
  readonly carrier: Req
  readonly message: Req
  readonly response: Response
  readonly path: string

  constructor(request: Req, response: Response) {
    this.carrier = request
    this.message = request
    this.response = response
    this.path = requestPath(request)
    watchRoute(request)
  }

  /** As the app's `trust proxy` setting says. */
  get ip(): string | undefined {
    const { app, socket } = this.carrier
    // Node takes it off a request whose body was given up.
    if (!socket) return undefined
    // Express asks for nothing else where no proxy is trusted, the long way round.
    return app.enabled('trust proxy') ? this.carrier.ip : socket.remoteAddress
  }

  route(): string | undefined {
    const { route, baseUrl } = (this.carrier as Routed)[MATCHED] ?? {}
    if (!route) return undefined
    const path: unknown = route.path
    return `${baseUrl ?? ''}${Array.isArray(path) ? path.join('|') : String(path)}`
  }
}
