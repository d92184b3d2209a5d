import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Exchange } from '@throughline/core/http'
import { requestPath } from '@throughline/core/http'
import type { Context } from 'koa'

type Message = IncomingMessage & { originalUrl?: string }

const MATCHED: unique symbol = Symbol.for('throughline.matched')

type Routed = Context & { [MATCHED]?: { readonly route: unknown; readonly mount: string } | undefined }

/**
 * The route that `@koa/router` tells on the context to whoever comes after, which remembers where the app of that router
 * is mounted: koa-mount takes it off the path for as long as that app runs.
 */
const WATCHED: PropertyDescriptorMap & ThisType<Routed> = {
  [MATCHED]: { configurable: true, writable: true, value: undefined },
  _matchedRoute: {
    configurable: true,
    enumerable: true,
    get() {
      return this[MATCHED]?.route
    },
    set(route: unknown) {
      this[MATCHED] = { route, mount: mountOf(this) }
    },
  },
}

function mountOf({ originalUrl, path }: Context): string {
  const asked = originalUrl.split('?', 1)[0] as string
  if (!asked.startsWith('/')) return ''
  // Of the mount itself its app sees a path that nobody asked for.
  if (path === '/' && !asked.endsWith('/')) return asked
  return asked.endsWith(path) ? asked.slice(0, -path.length) : ''
}

/** Before a route is matched; in a middleware of a route it may be already. */
function watchRoute(context: Routed): void {
  const watched = MATCHED in context
  if (watched && (Object.hasOwn(context, MATCHED) || !Object.hasOwn(context, '_matchedRoute'))) return
  const route: unknown = context['_matchedRoute']
  Reflect.deleteProperty(context, '_matchedRoute')
  if (!watched) Object.defineProperties(prototypeOfAll(context), WATCHED)
  if (route !== undefined) context['_matchedRoute'] = route
}

/** What all contexts of one app inherit from: watched once, it costs no request anything. */
function prototypeOfAll(context: object): object {
  const { app } = context as Partial<Context>
  const shared = app?.context
  return shared && Object.getPrototypeOf(context) === shared && Object.isExtensible(shared) ? shared : context
}

/** One Koa context as the pipeline sees it. */
export class KoaExchange<Ctx extends Context> implements Exchange<Ctx> {
  readonly carrier: Ctx
  readonly message: Message
  readonly response: ServerResponse
  readonly path: string

  constructor(context: Ctx) {
    this.carrier = context
    this.message = context.req
    this.response = context.res
    // Inside an app that is mounted in another one the URL has lost its beginning; sources read what was asked for.
    if (this.message.url !== context.originalUrl) this.message.originalUrl ??= context.originalUrl
    this.path = requestPath(this.message)
    watchRoute(context)
  }

  /** As the app's `proxy` setting says. */
  get ip(): string | undefined {
    // Node takes the connection off a request whose body was given up.
    return this.message.socket ? this.carrier.ip || undefined : undefined
  }

  route(): string | undefined {
    const { route, mount } = (this.carrier as Routed)[MATCHED] ?? {}
    return route === undefined || route === null ? undefined : `${mount}${String(route)}`
  }
}
