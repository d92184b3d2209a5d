import { guard } from '@throughline/express'
import { Router } from 'express'
import { z } from 'zod'
import type { AppParts } from '../app-parts.ts'

const newMember = z.object({ email: z.email(), role: z.enum(['admin', 'member']) })

/** The organization's members, in the application's own table: admins only, and on the timeline as `team.*`. */
export function memberRoutes({ database: { db }, throughline }: AppParts): Router {
  const { rateLimit, requireRole } = throughline.guards
  const router = Router()
  router.use(guard(rateLimit('api')))

  router.get('/', async (_req, res) => {
    res.json(
      await db('memberships')
        .join('users', 'users.id', 'memberships.user_id')
        .select('users.id', 'users.name', 'memberships.role')
        .orderBy('users.id')
        .limit(1_000),
    )
  })

  router.post('/', guard(requireRole('admin')), async (req, res) => {
    const { data, error } = newMember.safeParse(req.body)
    if (!data) return void res.status(400).json({ error: z.prettifyError(error) })
    const user = await db('users').where({ email: data.email }).first('id', 'name')
    if (!user) return void res.status(404).json({ error: 'Nobody has this address.' })
    await db('memberships')
      .insert({ user_id: user.id, role: data.role })
      .onConflict(['organization_id', 'user_id'])
      .merge()
    await throughline.audit.record({
      action: 'team.joined',
      targets: [{ type: 'user', id: user.id, name: user.name }],
      metadata: { role: data.role },
    })
    res.status(201).json({ id: user.id, role: data.role })
  })

  router.delete('/:id', guard(requireRole('admin')), async (req, res) => {
    const id = String(req.params.id)
    if ((await db('memberships').where({ user_id: id }).delete()) === 0) {
      return void res.status(404).json({ error: 'There is no such member.' })
    }
    await throughline.audit.record({ action: 'team.left', targets: [{ type: 'user', id }] })
    res.status(204).end()
  })
  return router
}
