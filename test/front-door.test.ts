import {
  createThroughline,
  defineCatalog,
  guarded,
  meter,
  perMinute,
  quotaPerMonth,
  rateLimit,
  requireFlag,
} from '@throughline/core'
import { guard, problemDetails, requestAudit, tenantContext } from '@throughline/express'
import express from 'express'
import request from 'supertest'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { z } from 'zod'

const catalog = defineCatalog({
  flags: {
    'new-reports': {
      rules: [
        { if: { 'org.plan': 'enterprise' }, serve: true },
        { rollout: { percent: 25 }, serve: true },
      ],
      default: false,
    },
    theme: { variants: { light: { dark: 0 }, dark: { dark: 1 } }, default: 'light' },
  },
  limits: { api: perMinute(100, { burst: 200 }) },
  meters: { reports: { aggregate: 'count' } },
  plans: {
    free: { quotas: { reports: quotaPerMonth(10, { hard: true }) } },
    enterprise: { limits: { api: perMinute(5_000) } },
  },
  config: z.object({ webhooks: z.object({ url: z.url() }).optional() }),
})

const me = { id: 'operator' }

describe('the front door', () => {
  it('is what the design draws, from the app to the operator', async () => {
    const throughline = createThroughline({ catalog, tenants: 'ours' })
    await throughline.platform.run({ actor: me, reason: 'TICKET-7' }, async (platform) => {
      await platform.tenants.create({ id: 'acme', plan: 'enterprise', attributes: { region: 'eu' } })
      await platform.limits.override('acme', 'api', perMinute(20_000), { until: '2099-01-01' })
    })
    await throughline.run({ tenant: 'acme', actor: { type: 'service', id: 'nightly' } }, async () => {
      expect(throughline.flags.isEnabled('new-reports')).toBe(true)
      expect(throughline.flags.evaluate('new-reports')).toMatchObject({ value: true, reason: 'TARGETING_MATCH' })
      expectTypeOf(throughline.flags.value('theme')).toEqualTypeOf<{ readonly dark: 0 } | { readonly dark: 1 }>()
      expect(await throughline.limits.consume('api', { cost: 5 })).toMatchObject({ allowed: true, remaining: 19_995 })
      await throughline.usage.record('reports', 1, { key: 'run-42' })
      await throughline.usage.record('reports', 1, { key: 'run-42' })
      expect(throughline.config.get('webhooks.url')).toBeUndefined()
      await throughline.config.set({ 'webhooks.url': 'https://acme.example/hook' })
      expect(throughline.config.get('webhooks.url')).toBe('https://acme.example/hook')
      await throughline.audit.record({ action: 'report.shared', targets: [{ type: 'report', id: '7' }] })
    })
    await throughline.run({ tenant: 'acme', actor: me }, async () => {
      const actions = new Map<string, number>()
      for await (const event of throughline.audit.timeline({ last: '30d' })) {
        actions.set(event.action, (actions.get(event.action) ?? 0) + event.count)
      }
      expect(Object.fromEntries(actions)).toMatchObject({
        'tenant.created': 1,
        'limit.overridden': 1,
        'flag.evaluated': 3,
        'limit.passed': 1,
        'config.changed': 1,
        'report.shared': 1,
        'run.completed': 1,
      })
      expect((await throughline.usage.totals({ meter: 'reports' })).totals).toEqual([
        { meter: 'reports', quantity: 1, count: 1 },
      ])
    })
    await throughline.close()
  })

  it('serves the app of the first example', async () => {
    const organizations = new Map([['acme', { id: 'acme', plan: 'free' }]])
    const throughline = createThroughline({
      tenants: { load: (id) => organizations.get(id) },
      limits: { api: perMinute(2) },
    })
    const app = express()
    app.use(requestAudit(throughline))
    app.use((req, res, next) => {
      const user = req.get('x-user')
      if (user === undefined) return void res.status(401).json({ error: 'log in' })
      Object.assign(req, { user: { id: user, orgId: user.split('@')[1] } })
      next()
    })
    const userOf = (req: express.Request) => (req as unknown as { user: { id: string; orgId: string } }).user
    app.use(tenantContext(throughline, { tenant: (req) => userOf(req).orgId, actor: userOf }))
    app.get('/reports/:id', guard(rateLimit('api')), (req, res) => {
      expectTypeOf(req.params.id).toEqualTypeOf<string>()
      res.json({ id: req.params.id })
    })
    app.get('/timeline', async (_req, res) => {
      res.json(await throughline.audit.list({ last: '30d' }))
    })
    app.use(problemDetails())

    await request(app).get('/reports/1').expect(401)
    await request(app).get('/reports/1').set('x-user', 'ada@acme').expect(200, { id: '1' })
    await request(app).get('/reports/1').set('x-user', 'bob@acme').expect(200)
    const limited = await request(app).get('/reports/1').set('x-user', 'ada@acme').expect(429)
    expect(limited.headers['content-type']).toMatch('application/problem+json')
    expect(limited.headers['retry-after']).toMatch(/^\d+$/)
    expect(limited.body).toMatchObject({ status: 429, code: 'LIMIT_EXCEEDED', 'violated-policies': ['api'] })
    await request(app).get('/reports/1').set('x-user', 'eve@globex').expect(404)
    const { body } = await request(app).get('/timeline').set('x-user', 'ada@acme').expect(200)
    expect(body.events.map((event: { action: string }) => event.action)).toEqual([
      'limit.refused',
      'request.handled',
      'limit.passed',
      'request.handled',
      'limit.passed',
      'request.handled',
    ])
    await throughline.close()
  })

  it('knows its keys', () => {
    const throughline = createThroughline({ catalog })
    // @ts-expect-error a typo does not compile
    expect(() => throughline.flags.isEnabled('new-report')).toThrow('TENANT_REQUIRED')
    // @ts-expect-error an engine whose option is absent is not there
    expect(createThroughline({}).flags).toBeUndefined()
    expect(guarded(async () => 1, requireFlag('new-reports'), meter('reports'))).toBeTypeOf('function')
    expectTypeOf(throughline.guards.rateLimit).parameter(0).toEqualTypeOf<'api' | readonly ['api', ...'api'[]]>()
  })
})
