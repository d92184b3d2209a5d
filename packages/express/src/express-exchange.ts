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
    // Express has none any more where nothing of the app answered an error.
    return `${baseUrl ?? ''}${Array.isArray(path) ? path.join('|') : String(path)}`
  }
}
