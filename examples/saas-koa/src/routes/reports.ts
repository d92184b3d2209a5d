import Router from '@koa/router'
import { guard } from '@throughline/koa'
import { z } from 'zod'
import type { AppParts } from '../../../saas-express/src/app-parts.ts'
import { answer, bodyOf } from '../answer.ts'

const newReport = z.object({
  project: z.number().int().positive(),
  title: z.string().trim().min(1).max(200),
  rows: z.number().int().min(1).max(1_000_000),
})

/** Reports: what is sold. Making one takes from the plan's quota, and is given back if it fails. */
export function reportRoutes({ database: { db }, throughline }: AppParts): Router {
  const { meter, rateLimit, requireFlag } = throughline.guards
  const router = new Router({ prefix: '/reports' })
  router.use(guard(rateLimit('api')))

  router.get('/', async (context) => {
    const reports = await db('reports')
      .join('projects', 'projects.id', 'reports.project_id')
      .select('reports.id', 'reports.title', 'reports.rows', 'projects.name as project')
      .orderBy('reports.id', 'desc')
      .limit(100)
    answer(context, 200, reports)
  })

  router.post('/', guard(meter('reports')), async (context) => {
    const { data, error } = newReport.safeParse(bodyOf(context))
    if (!data) return answer(context, 400, { error: z.prettifyError(error) })
    const { project, title, rows } = data
    if (!(await db('projects').where({ id: project }).first('id'))) {
      return answer(context, 404, { error: 'There is no such project.' })
    }
    const [report] = await db('reports').insert({ project_id: project, title, rows }).returning(['id', 'title', 'rows'])
    await throughline.usage.record('report-rows', rows, { key: `report-${report.id}` })
    answer(context, 201, report)
  })

  router.get('/:id/summary', guard(requireFlag('report-summaries')), async (context) => {
    const report = await db('reports').where({ id: context.params['id'] }).first('title', 'rows')
    if (!report) return answer(context, 404, { error: 'There is no such report.' })
    answer(context, 200, { summary: `${report.title}: ${report.rows} rows.` })
  })
  return router
}
