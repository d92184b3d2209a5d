import { createThroughline, currentTenant, guarded, perMinute, ThroughlineError } from '@throughline/core'
import { guard, problemDetails, tenantContext } from '@throughline/express'
import { guard as koaGuard, problemDetails as koaProblems, tenantContext as koaTenant } from '@throughline/koa'
import { knexStorage, scopedKnex } from '@throughline/storage-knex'
import express from 'express'
import Koa from 'koa'

// The program of every project in the matrix: this file as it is, or without its types, or with `require` for `import`.

const tenants = { load: (id: string) => (id === 'nobody' ? undefined : { id, plan: 'free' }) }
const limits = { api: perMinute(2), reports: perMinute(1) }

const throughline = createThroughline({ tenants, limits })

class Reports {
  readonly title = 'report'

  @guarded(throughline.guards.rateLimit('reports'))
  async create(suffix: string): Promise<string> {
    return `${this.title} of ${currentTenant().id}${suffix}`
  }
}

const app = express()
app.use(
  tenantContext(throughline, {
    tenant: (req) => req.get('x-user')?.split('@')[1],
    actor: (req) => ({ id: req.get('x-user')?.split('@')[0] ?? 'nobody' }),
  }),
)
app.get('/reports/:id', guard(throughline.guards.rateLimit('api')), (req, res) => {
  res.json({ report: req.params.id.toUpperCase(), tenant: currentTenant().id })
})
app.get('/timeline', async (_req, res) => void res.json(await throughline.audit.list({ last: '1d' })))
app.use(problemDetails())

const koaApp = new Koa()
koaApp.use(koaProblems())
koaApp.use(
  koaTenant(throughline, {
    tenant: (ctx) => ctx.get('x-user').split('@')[1],
    actor: (ctx) => ({ id: ctx.get('x-user').split('@')[0] ?? 'nobody' }),
  }),
)
koaApp.use(koaGuard(throughline.guards.rateLimit('api')))
koaApp.use((ctx) => {
  ctx.body = { tenant: currentTenant().id }
})

const onSqlite = (filename: string) => createThroughline({ storage: knexStorage({ filename }), tenants, limits })

// Compiled, never run: what must not compile.
function typos(): unknown {
  class Wrong {
    // @ts-expect-error a guarded method has to return a promise
    @guarded(throughline.guards.rateLimit('reports'))
    create(): string {
      return ''
    }
  }
  return [
    Wrong,
    // @ts-expect-error a limit with a typo
    throughline.guards.rateLimit('report'),
    // @ts-expect-error a limit with a typo
    throughline.limits.consume('apis'),
    // @ts-expect-error an engine whose option is absent
    throughline.flags,
    // @ts-expect-error a method takes what it took before it was guarded
    new Reports().create(7),
    // @ts-expect-error a promise is not what it resolves to
    new Reports().create('').length,
  ]
}

export { app, koaApp, onSqlite, Reports, scopedKnex, ThroughlineError, throughline, typos }
