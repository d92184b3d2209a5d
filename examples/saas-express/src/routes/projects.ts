import { guard } from '@throughline/express'
import { Router } from 'express'
import { z } from 'zod'
import type { AppParts } from '../app-parts.ts'

const newProject = z.object({ name: z.string().trim().min(1).max(100) })
const changes = z.object({ name: newProject.shape.name.optional(), archived: z.boolean().optional() })

/** Projects of the current tenant: no statement here names it, and none can leave it out. */
export function projectRoutes({ database: { db }, throughline }: AppParts): Router {
  const { rateLimit, requireRole } = throughline.guards
  const router = Router()
  router.use(guard(rateLimit('api')))

  router.get('/', async (_req, res) => {
    res.json(await db('projects').select('id', 'name', 'archived').orderBy('id').limit(100))
  })

  router.post('/', async (req, res) => {
    const { data, error } = newProject.safeParse(req.body)
    if (!data) return void res.status(400).json({ error: z.prettifyError(error) })
    const [project] = await db('projects')
      .insert(data)
      .onConflict(['organization_id', 'name'])
      .ignore()
      .returning(['id', 'name'])
    if (!project) return void res.status(409).json({ error: 'There is a project of this name.' })
    await throughline.audit.record({
      action: 'project.created',
      targets: [{ type: 'project', id: String(project.id), name: project.name }],
    })
    res.status(201).json(project)
  })

  router.patch('/:id', async (req, res) => {
    const { data, error } = changes.safeParse(req.body)
    if (!data) return void res.status(400).json({ error: z.prettifyError(error) })
    const [project] = await db('projects')
      .where({ id: req.params.id })
      .update(data)
      .returning(['id', 'name', 'archived'])
    if (!project) return void res.status(404).json({ error: 'There is no such project.' })
    await throughline.audit.record({
      action: 'project.changed',
      targets: [{ type: 'project', id: String(project.id), name: project.name }],
      metadata: { fields: Object.keys(data) },
    })
    res.json(project)
  })

  router.delete('/:id', guard(requireRole('admin')), async (req, res) => {
    const { id } = req.params
    if ((await db('projects').where({ id }).delete()) === 0) {
      return void res.status(404).json({ error: 'There is no such project.' })
    }
    await throughline.audit.record({ action: 'project.deleted', targets: [{ type: 'project', id: String(id) }] })
    res.status(204).end()
  })
  return router
}
