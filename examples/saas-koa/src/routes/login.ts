import Router from '@koa/router'
import { fromSubdomain } from '@throughline/core'
import { enter } from '@throughline/koa'
import type { AppParts } from '../../../saas-express/src/app-parts.ts'
import { findLogin } from '../../../saas-express/src/login/find-login.ts'
import { answer, bodyOf } from '../answer.ts'

/** Logs a user in at an organization's host. A failure is on that organization's timeline, as `auth.refused`. */
export function loginRoutes({ database, throughline, tokens, domain }: AppParts): Router {
  const router = new Router({ prefix: '/login' })
  const subdomain = fromSubdomain(domain)

  router.post('/', async (context) => {
    const claim = await subdomain.read(context, context.req)
    const found = await findLogin(database, claim?.tenant, bodyOf(context))
    if (!found) return answer(context, 401, { error: 'Email or password is wrong.' })
    const { tenant, actor } = found
    await enter(throughline, context, { tenant, actor }, async () => {
      await throughline.audit.record({ action: 'session.started', targets: [{ type: 'user', id: actor.id }] })
      answer(context, 200, { token: await tokens.issue({ id: actor.id, name: actor.name }) })
    })
  })
  return router
}
