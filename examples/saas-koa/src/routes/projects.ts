import Router from '@koa/router'
import { guard } from '@throughline/koa'
import { z } from 'zod'
import type { AppParts } from '../../../saas-express/src/app-parts.ts'
import { answer, bodyOf } from '../answer.ts'

const newProject = z.object({ name: z.string().trim().min(1).max(100) })
const changes = z.object({ name: newProject.shape.name.optional(), archived: z.boolean().optional() })

/** Projects of the current tenant: no statement here names it, and none can leave it out. */
export function projectRoutes({ database: { db }, throughline }: AppParts): Router {
  const { rateLimit, requireRole } = throughline.guards
  const router = new Router({ prefix: '/projects' })
  router.use(guard(rateLimit('api')))

  router.get('/', async (context) => {
    answer(context, 200, await db('projects').select('id', 'name', 'archived').orderBy('id').limit(100))
  })

  router.post('/', async (context) => {
    const { data, error } = newProject.safeParse(bodyOf(context))
    if (!data) return answer(context, 400, { error: z.prettifyError(error) })
    const [project] = await db('projects')
      .insert(data)
      .onConflict(['organization_id', 'name'])
      .ignore()
      .returning(['id', 'name'])
    if (!project) return answer(context, 409, { error: 'There is a project of this name.' })
    await throughline.audit.record({
      action: 'project.created',
      targets: [{ type: 'project', id: String(project.id), name: project.name }],
    })
    answer(context, 201, project)
  })

  router.patch('/:id', async (context) => {
    const { data, error } = changes.safeParse(bodyOf(context))
    if (!data) return answer(context, 400, { error: z.prettifyError(error) })
    const [project] = await db('projects')
      .where({ id: context.params['id'] })
      .update(data)
      .returning(['id', 'name', 'archived'])
    if (!project) return answer(context, 404, { error: 'There is no such project.' })
    await throughline.audit.record({
      action: 'project.changed',
      targets: [{ type: 'project', id: String(project.id), name: project.name }],
      metadata: { fields: Object.keys(data) },
    })
    answer(context, 200, project)
  })

  router.delete('/:id', guard(requireRole('admin')), async (context) => {
    const { id = '' } = context.params
    if ((await db('projects').where({ id }).delete()) === 0) {
      return answer(context, 404, { error: 'There is no such project.' })
    }
    await throughline.audit.record({ action: 'project.deleted', targets: [{ type: 'project', id: String(id) }] })
    answer(context, 204)
  })
  return router
}
