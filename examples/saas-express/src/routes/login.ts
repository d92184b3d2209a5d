import { fromSubdomain } from '@throughline/core'
import { enter } from '@throughline/express'
import { Router } from 'express'
import { z } from 'zod'
import type { AppParts } from '../app.ts'
import { isPassword } from '../login/passwords.ts'

const credentials = z.object({ email: z.email(), password: z.string().max(200) })

/** Logs a user in at an organization's host. A failure is on that organization's timeline, as `auth.refused`. */
export function loginRoutes({ database, throughline, tokens, domain }: AppParts): Router {
  const router = Router()
  const subdomain = fromSubdomain(domain)

  router.post('/', async (req, res) => {
    const claim = await subdomain.read(req, req)
    const { data } = credentials.safeParse(req.body)
    const user = data && (await database.directory('users').where({ email: data.email }).first())
    const valid = await isPassword(data?.password ?? '', user?.password)
    const organization = claim?.tenant
    const membership =
      valid &&
      organization !== undefined &&
      (await database.directory('memberships').where({ organization_id: organization, user_id: user.id }).first())
    if (!membership) {
      res.status(401).json({ error: 'Email or password is wrong.' })
      return
    }
    const actor = { id: user.id, name: user.name, roles: [membership.role] }
    await enter(throughline, req, { tenant: organization, actor }, async () => {
      await throughline.audit.record({ action: 'session.started', targets: [{ type: 'user', id: user.id }] })
      res.json({ token: await tokens.issue({ id: user.id, name: user.name }) })
    })
  })
  return router
}
