import type { RequestListener } from 'node:http'
import { bodyParser } from '@koa/bodyparser'
import { fromApiKey, fromSubdomain } from '@throughline/core'
import { problemDetails, requestAudit, tenantContext } from '@throughline/koa'
import type { Context, Middleware } from 'koa'
import Koa from 'koa'
import type { AppParts } from '../../saas-express/src/app-parts.ts'
import { apiKeyLookup, KEY_PREFIX } from '../../saas-express/src/login/api-keys.ts'
import { login } from './login.ts'
import { configRoutes } from './routes/config.ts'
import { loginRoutes } from './routes/login.ts'
import { memberRoutes } from './routes/members.ts'
import { paymentWebhook } from './routes/payment-webhook.ts'
import { projectRoutes } from './routes/projects.ts'
import { reportRoutes } from './routes/reports.ts'
import { tenantRoutes } from './routes/tenant.ts'

/** The application, in the order in which a request meets its parts. */
export function createApp(parts: AppParts): RequestListener {
  const { database, throughline, tokens, domain } = parts
  const subdomain = fromSubdomain(domain)
  const app = new Koa()

  // In Koa an error comes back the way the request went in: what answers errors stands before what throws them.
  app.use(lastResort(parts))
  app.use(problemDetails())
  app.use(requestAudit(throughline, { tenant: subdomain, exclude: ['/healthz'] }))
  app.use(async (context, next) => {
    if (context.path !== '/healthz') return next()
    const { status } = await throughline.health()
    context.body = { status }
  })
  app.use(bodyParser({ enableTypes: ['json'], jsonLimit: '100kb' }))
  app.use(paymentWebhook(parts).routes())
  app.use(loginRoutes(parts).routes())
  app.use(login(tokens))
  app.use(
    tenantContext(throughline, {
      tenant: [subdomain, fromApiKey(apiKeyLookup(database.directory), { prefix: KEY_PREFIX })],
      actor: (context: Context) => context.state['user'],
    }),
  )
  for (const routes of [projectRoutes, reportRoutes, memberRoutes, configRoutes, tenantRoutes])
    app.use(routes(parts).routes())
  return app.callback()
}

/** Answers what is neither a route's nor Throughline's refusal: a request that is malformed, or a bug. */
function lastResort({ logError }: AppParts): Middleware {
  return async (context, next) => {
    try {
      await next()
    } catch (error) {
      if (context.headerSent) throw error
      const { status } = error as { status?: unknown }
      const malformed = typeof status === 'number' && status < 500
      if (!malformed) logError(error)
      context.status = malformed ? status : 500
      context.body = { error: malformed ? 'The request is malformed.' : 'Something went wrong.' }
    }
  }
}
