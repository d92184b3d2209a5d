import Router from '@koa/router'
import type { AuditQuery } from '@throughline/core'
import { guard } from '@throughline/koa'
import type { AppParts } from '../../../saas-express/src/app-parts.ts'
import { answer } from '../answer.ts'

/** What a tenant asks about itself, and a route with a bug in it: a 500 for the caller, an `error` on the timeline. */
export function tenantRoutes({ throughline }: AppParts): Router {
  const { rateLimit } = throughline.guards
  const router = new Router()

  // Everything this tenant has done: one question, one query. `?last=30d&action=config.changed&limit=50&cursor=…`
  router.get('/timeline', guard(rateLimit('api')), async (context) => {
    const { limit, ...query } = context.query
    const asked = { ...query, ...(limit !== undefined && { limit: Number(limit) }) }
    answer(context, 200, await throughline.audit.list(asked as AuditQuery))
  })

  // What it used this month, and what its plan leaves.
  router.get('/usage', guard(rateLimit('api')), async (context) => {
    const [{ from, to, totals }, quota] = await Promise.all([
      throughline.usage.totals(),
      throughline.usage.remaining('reports'),
    ])
    answer(context, 200, { from, to, totals, quota })
  })

  router.get('/broken', async () => {
    throw new TypeError('This route is broken on purpose.')
  })
  return router
}
