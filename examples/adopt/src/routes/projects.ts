import { Router } from 'express'
import type { AppParts } from '../app.ts'
import { requireAdmin, userOf } from '../login/login.ts'

/** Projects of the organization. */
export function projectRoutes({ database }: AppParts): Router {
  const router = Router()

  router.get('/', async (req, res) => {
    const { orgId } = userOf(req)
    res.json(await database('projects').where('org_id', orgId).select('id', 'name').orderBy('id'))
  })

  router.post('/', async (req, res) => {
    const { orgId } = userOf(req)
    const project = { org_id: orgId, name: String(req.body.name) }
    const [made] = await database('projects').insert(project).returning(['id', 'name'])
    res.status(201).json(made)
  })

  router.delete('/:id', requireAdmin, async (req, res) => {
    const { orgId } = userOf(req)
    const id = Number(req.params.id)
    const removed = await database('projects').where('org_id', orgId).where('id', id).delete()
    res.status(removed > 0 ? 204 : 404).end()
  })
  return router
}
