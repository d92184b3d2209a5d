import Router from '@koa/router'
import { guard } from '@throughline/koa'
import type { AppParts } from '../../../saas-express/src/app-parts.ts'
import { answer, bodyOf } from '../answer.ts'

/** What a tenant's admins set themselves. `PATCH` takes dotted paths; `null` takes a value back. */
export function configRoutes({ throughline }: AppParts): Router {
  const { rateLimit, requireRole } = throughline.guards
  const { config } = throughline
  const router = new Router({ prefix: '/config' })
  router.use(guard(rateLimit('api')))

  router.get('/', (context) => {
    const { webhooks, notifications } = config.all()
    answer(context, 200, { webhooks: { url: webhooks.url }, notifications })
  })

  router.patch('/', guard(requireRole('admin')), async (context) => {
    const edits: Record<string, unknown> = { ...(bodyOf(context) as object) }
    const unset = Object.keys(edits).filter((path) => edits[path] === null)
    for (const path of unset) delete edits[path]
    // What a client sends is checked by the config's schema, paths included.
    if (Object.keys(edits).length > 0) await config.set(edits as Parameters<typeof config.set>[0])
    if (unset.length > 0) await config.unset(unset as Parameters<typeof config.unset>[0])
    const { webhooks, notifications } = config.all()
    answer(context, 200, { webhooks: { url: webhooks.url }, notifications })
  })
  return router
}
