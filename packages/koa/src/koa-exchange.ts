import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Exchange } from '@throughline/core/http'
import { requestPath } from '@throughline/core/http'
import type { Context } from 'koa'

type Message = IncomingMessage & { originalUrl?: string }

/** One Koa context as the pipeline sees it. */
export class KoaExchange<Ctx extends Context> implements Exchange<Ctx> {
  readonly carrier: Ctx
  readonly message: Message
  readonly response: ServerResponse

  constructor(context: Ctx) {
    this.carrier = context
    this.message = context.req
    this.response = context.res
    // Inside an app that is mounted in another one the URL has lost its beginning; sources read what was asked for.
    if (this.message.url !== context.originalUrl) this.message.originalUrl ??= context.originalUrl
  }

  get path(): string {
    return requestPath(this.message)
  }

  /** As the app's `proxy` setting says. */
  get ip(): string | undefined {
    return this.carrier.ip || undefined
  }

  /** Of `@koa/router`, which tells it to whoever comes after. */
  route(): string | undefined {
    const path: unknown = this.carrier['_matchedRoute']
    return path === undefined || path === null ? undefined : String(path)
  }
}
