import { guard } from '@throughline/express'
import { Router } from 'express'
import { z } from 'zod'
import type { AppParts } from '../app-parts.ts'

const newReport = z.object({
  project: z.number().int().positive(),
  title: z.string().trim().min(1).max(200),
  rows: z.number().int().min(1).max(1_000_000),
})

/** Reports: what is sold. Making one takes from the plan's quota, and is given back if it fails. */
export function reportRoutes({ database: { db }, throughline }: AppParts): Router {
  const { meter, rateLimit, requireFlag } = throughline.guards
  const router = Router()
  router.use(guard(rateLimit('api')))

  router.get('/', async (_req, res) => {
    const reports = await db('reports')
      .join('projects', 'projects.id', 'reports.project_id')
      .select('reports.id', 'reports.title', 'reports.rows', 'projects.name as project')
      .orderBy('reports.id', 'desc')
      .limit(100)
    res.json(reports)
  })

  router.post('/', guard(meter('reports')), async (req, res) => {
    const { data, error } = newReport.safeParse(req.body)
    if (!data) return void res.status(400).json({ error: z.prettifyError(error) })
    const { project, title, rows } = data
    if (!(await db('projects').where({ id: project }).first('id'))) {
      return void res.status(404).json({ error: 'There is no such project.' })
    }
    const [report] = await db('reports').insert({ project_id: project, title, rows }).returning(['id', 'title', 'rows'])
    await throughline.usage.record('report-rows', rows, { key: `report-${report.id}` })
    res.status(201).json(report)
  })

  router.get('/:id/summary', guard(requireFlag('report-summaries')), async (req, res) => {
    const report = await db('reports').where({ id: req.params.id }).first('title', 'rows')
    if (!report) return void res.status(404).json({ error: 'There is no such report.' })
    res.json({ summary: `${report.title}: ${report.rows} rows.` })
  })
  return router
}
