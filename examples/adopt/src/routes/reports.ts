import { Router } from 'express'
import type { AppParts } from '../app.ts'
import { userOf } from '../login/login.ts'

/** Reports on the organization's projects. */
export function reportRoutes({ database }: AppParts): Router {
  const router = Router()

  router.get('/', async (req, res) => {
    const { orgId } = userOf(req)
    const reports = await database('reports')
      .join('projects', 'projects.id', 'reports.project_id')
      .where('reports.org_id', orgId)
      .select('reports.id', 'reports.title', 'projects.name as project')
      .orderBy('reports.id')
    res.json(reports)
  })

  router.post('/', async (req, res) => {
    const { orgId } = userOf(req)
    const { project, title } = req.body
    const found = await database('projects').where('org_id', orgId).where('id', Number(project)).first('id')
    if (!found) return void res.status(404).json({ error: 'There is no such project.' })
    const report = { org_id: orgId, project_id: found.id, title: String(title) }
    const [made] = await database('reports').insert(report).returning(['id', 'title'])
    res.status(201).json(made)
  })

  router.get('/export', async (req, res) => {
    const { orgId } = userOf(req)
    const organization = await database('organizations').where('id', orgId).first('plan')
    if (organization.plan !== 'pro') return void res.status(404).json({ error: 'Not found.' })
    const titles = await database('reports').where('org_id', orgId).orderBy('id').pluck('title')
    res.type('text/csv').send(['title', ...titles, ''].join('\n'))
  })
  return router
}
