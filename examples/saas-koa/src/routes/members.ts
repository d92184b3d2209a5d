import Router from '@koa/router'
import { guard } from '@throughline/koa'
import { z } from 'zod'
import type { AppParts } from '../../../saas-express/src/app-parts.ts'
import { answer, bodyOf } from '../answer.ts'

const newMember = z.object({ email: z.email(), role: z.enum(['admin', 'member']) })

/** The organization's members, in the application's own table: admins only, and on the timeline as `team.*`. */
export function memberRoutes({ database: { db }, throughline }: AppParts): Router {
  const { rateLimit, requireRole } = throughline.guards
  const router = new Router({ prefix: '/members' })
  router.use(guard(rateLimit('api')))

  router.get('/', async (context) => {
    answer(
      context,
      200,
      await db('memberships')
        .join('users', 'users.id', 'memberships.user_id')
        .select('users.id', 'users.name', 'memberships.role')
        .orderBy('users.id')
        .limit(1_000),
    )
  })

  router.post('/', guard(requireRole('admin')), async (context) => {
    const { data, error } = newMember.safeParse(bodyOf(context))
    if (!data) return answer(context, 400, { error: z.prettifyError(error) })
    const user = await db('users').where({ email: data.email }).first('id', 'name')
    if (!user) return answer(context, 404, { error: 'Nobody has this address.' })
    await db('memberships')
      .insert({ user_id: user.id, role: data.role })
      .onConflict(['organization_id', 'user_id'])
      .merge()
    await throughline.audit.record({
      action: 'team.joined',
      targets: [{ type: 'user', id: user.id, name: user.name }],
      metadata: { role: data.role },
    })
    answer(context, 201, { id: user.id, role: data.role })
  })

  router.delete('/:id', guard(requireRole('admin')), async (context) => {
    const id = String(context.params['id'])
    if ((await db('memberships').where({ user_id: id }).delete()) === 0) {
      return answer(context, 404, { error: 'There is no such member.' })
    }
    await throughline.audit.record({ action: 'team.left', targets: [{ type: 'user', id }] })
    answer(context, 204)
  })
  return router
}
