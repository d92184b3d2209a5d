import { guard } from '@throughline/express'
import { Router } from 'express'
import type { AppParts } from '../app-parts.ts'

/** What the tenant used this month, and what its plan leaves. */
export function usageRoutes({ throughline }: AppParts): Router {
  const { rateLimit } = throughline.guards
  const router = Router()

  router.get('/', guard(rateLimit('api')), async (_req, res) => {
    const [{ from, to, totals }, quota] = await Promise.all([
      throughline.usage.totals(),
      throughline.usage.remaining('reports'),
    ])
    res.json({ from, to, totals, quota })
  })
  return router
}
