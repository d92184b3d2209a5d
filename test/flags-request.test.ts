import { createThroughline } from '@throughline/core'
import { tenantContext } from '@throughline/express'
import express from 'express'
import request from 'supertest'
import { expect, it } from 'vitest'

it('rules read the request that a context serves, and the route once it is matched', async () => {
  const on = (conditions: object) => ({ rules: [{ if: conditions, serve: true }], default: false }) as const
  const throughline = createThroughline({
    tenants: { load: (id: string) => ({ id }) },
    flags: {
      post: on({ 'request.method': 'POST' }),
      report: on({ 'request.route': 'GET /reports/:id', 'request.path': { startsWith: '/reports/' } }),
      local: on({ 'request.ip': { cidr: ['127.0.0.0/8', '::1'] } }),
      curl: on({ 'request.userAgent': { matches: '^curl/\\d+' } }),
    },
  })
  const app = express()
  app.use(tenantContext(throughline, { tenant: () => 'acme', actor: () => ({ id: 'ada' }) }))
  const answer: express.RequestHandler = (_, res) => {
    const keys = ['post', 'report', 'local', 'curl'] as const
    res.json(keys.filter((key) => throughline.flags.isEnabled(key)))
  }
  app.get('/reports/:id', answer)
  app.post('/other', answer)
  expect((await request(app).get('/reports/7').set('user-agent', 'curl/8')).body).toEqual(['report', 'local', 'curl'])
  expect((await request(app).post('/other').set('user-agent', 'x')).body).toEqual(['post', 'local'])
  await throughline.run({ tenant: 'acme', actor: { id: 'job' } }, () => {
    expect(throughline.flags.isEnabled('post')).toBe(false)
    expect(throughline.flags.explain('local').steps.at(-1)).toEqual({ step: 'default', decided: true })
  })
  await throughline.close()
})
