import { createRequire } from 'node:module'
import { bodyParser } from '@koa/bodyparser'
import Router from '@koa/router'
import { fromHeader, fromSubdomain } from '@throughline/core'
import { enter, guard, problemDetails, requestAudit, tenantContext } from '@throughline/koa'
import type { Context, Middleware } from 'koa'
import Koa3 from 'koa'
import type { Answerer, AppParts, Framework, Route } from './framework.ts'
import { EXCLUDED, TENANTLESS, userOf } from './framework.ts'

const require = createRequire(import.meta.url)
const Koa2: typeof Koa3 = require('koa2')
const compress: (options: { readonly threshold: number }) => Middleware = interop(require('koa-compress'))
const session: (options: object, app: Koa3) => Middleware = interop(require('koa-session'))

export const koaFrameworks: readonly Framework[] = [
  { name: 'Koa 2', app: (parts) => build(Koa2, parts) },
  { name: 'Koa 3', app: (parts) => build(Koa3, parts) },
]

function build(Koa: typeof Koa3, { throughline, routes, middleware }: AppParts) {
  const app = new Koa()
  app.silent = true
  app.keys = ['not a secret']
  app.use(problemDetails())
  if (throughline) app.use(requestAudit(throughline, { tenant: fromSubdomain('example.com'), exclude: EXCLUDED }))
  if (middleware === 'compress') app.use(compress({ threshold: 0 }))
  if (middleware === 'session') {
    app.use(session({ maxAge: 60_000 }, app))
    app.use((context, next) => {
      ;(context['session'] as { seen?: boolean }).seen = true
      return next()
    })
  }
  app.use((context, next) => {
    if (userOf(context.headers['x-user'])?.id !== 'mallory') return next()
    context.status = 401
    context.body = 'wrong password'
    return undefined
  })
  app.use(bodyParser())
  const early = new Router()
  for (const route of routes.filter((one) => one.early)) mount(early, route)
  app.use(early.routes())
  if (throughline) {
    app.use(
      tenantContext(throughline, {
        tenant: [
          fromSubdomain('example.com'),
          fromHeader('x-tenant-id'),
          (context: Context) => userOf(context.headers['x-user'])?.org,
        ],
        actor: (context: Context) => userOf(context.headers['x-user']),
        tenantless: TENANTLESS,
      }),
    )
  }
  const router = new Router()
  for (const route of routes.filter((one) => !one.early)) mount(router, route)
  app.use(router.routes())
  return app.callback()

  function mount(router: Router, { method, path, guards, handle }: Route): void {
    const guarded = guards && throughline ? [guard(...guards)] : []
    router[method](path, ...guarded, async (context) => {
      await handle(answerer(context as unknown as Context))
    })
  }

  function answerer(context: Context): Answerer {
    return {
      params: context['params'] as Record<string, string>,
      body: (context.request as { body?: unknown }).body,
      raw() {
        context.respond = false
        return context.res
      },
      send(status, type, body) {
        context.status = status
        context.type = type
        context.body = body
      },
      json(status, body) {
        context.status = status
        context.body = body
      },
      empty(status, headers = {}) {
        context.set(headers)
        context.status = status
        context.body = null
        // Koa takes no body for 204.
        context.status = status
      },
      enter: (input, fn) => enter(throughline as never, context, input, fn),
    }
  }
}

function interop<T>(found: T | { readonly default: T }): T {
  return typeof found === 'object' && found !== null && 'default' in found ? found.default : (found as T)
}
