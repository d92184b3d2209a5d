import { fromApiKey, fromSubdomain } from '@throughline/core'
import { problemDetails, requestAudit, tenantContext } from '@throughline/express'
import express, { type ErrorRequestHandler, type Express, type Request } from 'express'
import type { AppParts } from './app-parts.ts'
import { apiKeyLookup, KEY_PREFIX } from './login/api-keys.ts'
import { login, userOf } from './login/login.ts'
import { brokenRoutes } from './routes/broken.ts'
import { configRoutes } from './routes/config.ts'
import { loginRoutes } from './routes/login.ts'
import { memberRoutes } from './routes/members.ts'
import { paymentWebhook } from './routes/payment-webhook.ts'
import { projectRoutes } from './routes/projects.ts'
import { reportRoutes } from './routes/reports.ts'
import { timelineRoutes } from './routes/timeline.ts'
import { usageRoutes } from './routes/usage.ts'

/** The application, in the order in which a request meets its parts. */
export function createApp(parts: AppParts): Express {
  const { database, throughline, tokens, domain } = parts
  const subdomain = fromSubdomain(domain)
  const app = express()

  app.use(requestAudit(throughline, { tenant: subdomain, exclude: ['/healthz'] }))
  app.get('/healthz', async (_req, res) => {
    const { status } = await throughline.health()
    res.json({ status })
  })
  app.use('/webhooks/payments', paymentWebhook(parts))
  app.use(express.json({ limit: '100kb' }))
  app.use('/login', loginRoutes(parts))
  app.use(login(tokens))
  app.use(
    tenantContext<Request>(throughline, {
      tenant: [subdomain, fromApiKey(apiKeyLookup(database.directory), { prefix: KEY_PREFIX })],
      actor: userOf,
    }),
  )
  app.use('/projects', projectRoutes(parts))
  app.use('/reports', reportRoutes(parts))
  app.use('/members', memberRoutes(parts))
  app.use('/config', configRoutes(parts))
  app.use('/usage', usageRoutes(parts))
  app.use('/timeline', timelineRoutes(parts))
  app.use('/broken', brokenRoutes())
  app.use(problemDetails())
  app.use(lastResort(parts))
  return app
}

/** Answers what is neither a route's nor Throughline's refusal: a request that is malformed, or a bug. */
function lastResort({ logError }: AppParts): ErrorRequestHandler {
  return (error, _req, res, next) => {
    if (res.headersSent) return next(error)
    const { status } = error as { status?: unknown }
    if (typeof status === 'number' && status < 500)
      return void res.status(status).json({ error: 'The request is malformed.' })
    logError(error)
    res.status(500).json({ error: 'Something went wrong.' })
  }
}
