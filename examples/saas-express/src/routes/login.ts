import { fromSubdomain } from '@throughline/core'
import { enter } from '@throughline/express'
import { Router } from 'express'
import type { AppParts } from '../app-parts.ts'
import { findLogin } from '../login/find-login.ts'

/** Logs a user in at an organization's host. A failure is on that organization's timeline, as `auth.refused`. */
export function loginRoutes({ database, throughline, tokens, domain }: AppParts): Router {
  const router = Router()
  const subdomain = fromSubdomain(domain)

  router.post('/', async (req, res) => {
    const claim = await subdomain.read(req, req)
    const found = await findLogin(database, claim?.tenant, req.body)
    if (!found) return void res.status(401).json({ error: 'Email or password is wrong.' })
    const { tenant, actor } = found
    await enter(throughline, req, { tenant, actor }, async () => {
      await throughline.audit.record({ action: 'session.started', targets: [{ type: 'user', id: actor.id }] })
      res.json({ token: await tokens.issue({ id: actor.id, name: actor.name }) })
    })
  })
  return router
}
