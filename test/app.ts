import type { ActorInput, PlatformAudit, ThroughlineHost, TimelineEvent } from '@throughline/core'
import { currentContext, currentTenant, requireRole, tryCurrentTenant } from '@throughline/core'
import type { TenantContextOptions } from '@throughline/core/http'
import { guard, problemDetails, requestAudit, tenantContext } from '@throughline/express'
import type { Express, Request, RequestHandler } from 'express'
import express from 'express'

/** Who the app's own login says sent the request. */
export interface User {
  readonly id: string
  readonly orgId?: string
  readonly roles?: readonly string[]
}

export type LoggedIn = Request & { readonly user?: User }

/** The app's own login: `x-user: ada@acme`. A wrong password is its own 401. */
export function login(): RequestHandler {
  return (request, response, next) => {
    const [id, orgId] = (request.get('x-user') ?? '').split('@')
    if (id === 'wrong-password') {
      response.status(401).json({ error: 'wrong password' })
      return
    }
    if (id) Object.assign(request, { user: { id, ...(orgId && { orgId }) } })
    next()
  }
}

export interface AppOptions extends Partial<TenantContextOptions<LoggedIn>> {
  readonly audit?: Parameters<typeof requestAudit>[1] | false
}

/** An application as the README draws it: audit, login, tenant context, routes, problem details. */
export function createApp(throughline: ThroughlineHost, options: AppOptions = {}): Express {
  const { audit = {}, ...context } = options
  const app = express()
  app.set('env', 'test')
  if (audit !== false) app.use(requestAudit(throughline, audit))
  app.use(login())
  app.use(
    tenantContext<LoggedIn>(throughline, {
      tenant: (request) => request.user?.orgId,
      actor: (request) => request.user,
      ...context,
    }),
  )
  app.get('/whoami', (_request, response) => {
    const { actor, traceId } = currentContext()
    response.json({ tenant: currentTenant().id, actor, traceId })
  })
  app.get('/open', (_request, response) => {
    response.json({ tenant: tryCurrentTenant()?.id ?? null })
  })
  app.get('/admin', guard(requireRole('admin')), (_request, response) => void response.json({}))
  app.use(problemDetails())
  return app
}

/** Any instance, whatever its catalog. */
export interface Audited {
  readonly platform: {
    run<R>(
      by: { readonly actor: ActorInput; readonly reason: string },
      fn: (platform: { readonly audit: PlatformAudit }) => Promise<R>,
    ): Promise<R>
  }
}

/** Everything on a trail, newest first; the operator's own unless a tenant is named. */
export async function trailOf(throughline: Audited, tenant?: string): Promise<readonly TimelineEvent[]> {
  return throughline.platform.run({ actor: { id: 'auditor' }, reason: 'test' }, async (platform) => {
    const events: TimelineEvent[] = []
    for await (const event of platform.audit.timeline(tenant === undefined ? {} : { tenant })) {
      if (event.actor.id !== 'auditor') events.push(event)
    }
    return events
  })
}
