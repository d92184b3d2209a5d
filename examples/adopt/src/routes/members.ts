import { Router } from 'express'
import type { AppParts } from '../app.ts'
import { requireAdmin, userOf } from '../login/login.ts'
import { hashPassword } from '../login/passwords.ts'

/** Who belongs to the organization: for its admins. */
export function memberRoutes({ database }: AppParts): Router {
  const router = Router()
  router.use(requireAdmin)

  router.post('/', async (req, res) => {
    const { email, password } = req.body
    const hash = await hashPassword(String(password))
    const [user] = await database('users').insert({ email, password: hash }).returning('id')
    await database('memberships').insert({ org_id: userOf(req).orgId, user_id: user.id })
    res.status(201).json({ id: user.id })
  })

  router.delete('/:id', async (req, res) => {
    const removed = await database('memberships')
      .where({ org_id: userOf(req).orgId, user_id: Number(req.params.id) })
      .delete()
    res.status(removed > 0 ? 204 : 404).end()
  })
  return router
}
