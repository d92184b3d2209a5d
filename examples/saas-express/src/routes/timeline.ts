import type { AuditQuery } from '@throughline/core'
import { guard } from '@throughline/express'
import { Router } from 'express'
import type { AppParts } from '../app-parts.ts'

/** Everything this tenant has done: one question, one query. `?last=30d&action=config.changed&limit=50&cursor=…` */
export function timelineRoutes({ throughline }: AppParts): Router {
  const { rateLimit } = throughline.guards
  const router = Router()

  router.get('/', guard(rateLimit('api')), async (req, res) => {
    const { limit, ...query } = req.query
    const asked = { ...query, ...(limit !== undefined && { limit: Number(limit) }) }
    res.json(await throughline.audit.list(asked as AuditQuery))
  })
  return router
}
