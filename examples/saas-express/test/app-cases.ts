import type { RequestListener } from 'node:http'
import { asTenant, createTestThroughline, testClock } from '@throughline/core/testing'
import request from 'supertest'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AppParts } from '../src/app-parts.ts'
import { openDatabase } from '../src/database.ts'
import { tokensSignedWith } from '../src/login/tokens.ts'
import { signatureOf } from '../src/payments.ts'
import { emailOf, PASSWORD, seed } from '../src/seed.ts'
import { tenancy } from '../src/throughline.ts'

const admin = { actor: { id: 'ada', roles: ['admin'] } }
const member = { actor: { id: 'bob', roles: ['member'] } }

/** What the application does, on whichever framework. */
export function describeApp(createApp: (parts: AppParts) => RequestListener): void {
  let parts: AppParts
  let app: RequestListener
  let apiKeys: Readonly<Record<string, string>>
  const bugs: unknown[] = []

  beforeEach(async () => {
    const database = await openDatabase(':memory:')
    apiKeys = (await seed(database)).apiKeys
    const throughline = createTestThroughline({ ...tenancy(database), clock: testClock() })
    parts = {
      database,
      throughline,
      tokens: tokensSignedWith(Buffer.alloc(32, 7)),
      webhookSecret: 'shared',
      domain: 'localhost',
      logError: (error) => bugs.push(error),
    }
    app = createApp(parts)
  })

  afterEach(async () => {
    await parts.throughline.close()
    await parts.database.directory.destroy()
    bugs.length = 0
  })

  async function actionsOf(tenant: string): Promise<string[]> {
    const { body } = await request(app).get('/timeline').use(asTenant(tenant, admin))
    return body.events.map((event: { action: string }) => event.action)
  }

  describe('login', () => {
    const logIn = (host: string, user: string, password: string) =>
      request(app)
        .post('/login')
        .set('Host', `${host}.localhost`)
        .send({ email: emailOf(user), password })

    it('lets one user into both tenants with one token each, and the host says which it is', async () => {
      const { body } = await logIn('acme', 'ada', PASSWORD)
      for (const host of ['acme', 'globex']) {
        const answer = await request(app)
          .get('/projects')
          .set('Host', `${host}.localhost`)
          .auth(body.token, { type: 'bearer' })
        expect(answer.status).toBe(200)
        expect(answer.body).toHaveLength(1)
      }
      expect(await actionsOf('acme')).toContain('session.started')
    })

    it('puts a failed login on the timeline of the tenant whose host was asked', async () => {
      expect((await logIn('acme', 'ada', 'wrong')).status).toBe(401)
      expect((await logIn('acme', 'eve', PASSWORD)).status).toBe(401)
      expect(await actionsOf('acme')).toContain('auth.refused')
      expect(await actionsOf('globex')).not.toContain('auth.refused')
    })

    it('refuses a foreign tenant as if it were not there, and a key at another host', async () => {
      const { body } = await logIn('globex', 'eve', PASSWORD)
      const foreign = request(app).get('/projects').set('Host', 'acme.localhost').auth(body.token, { type: 'bearer' })
      expect((await foreign).body.code).toBe('TENANT_NOT_FOUND')
      const key = request(app)
        .get('/projects')
        .auth(apiKeys.acme ?? '', { type: 'bearer' })
      expect((await key).status).toBe(200)
      const elsewhere = request(app)
        .get('/projects')
        .set('Host', 'globex.localhost')
        .auth(apiKeys.acme ?? '', { type: 'bearer' })
      expect((await elsewhere).body.code).toBe('TENANT_DISAGREEMENT')
    })
  })

  describe('projects', () => {
    it('are the tenant’s own', async () => {
      const made = await request(app).post('/projects').use(asTenant('acme', member)).send({ name: 'Rocket' })
      expect(made.status).toBe(201)
      const path = `/projects/${made.body.id}`
      expect((await request(app).patch(path).use(asTenant('globex', admin)).send({ name: 'Mine' })).status).toBe(404)
      expect((await request(app).delete(path).use(asTenant('globex', admin))).status).toBe(404)
      expect((await request(app).delete(path).use(asTenant('acme', member))).body.code).toBe('ROLE_REQUIRED')
      const renamed = await request(app).patch(path).use(asTenant('acme', member)).send({ archived: true })
      expect(renamed.body).toMatchObject({ name: 'Rocket', archived: 1 })
      expect((await request(app).delete(path).use(asTenant('acme', admin))).status).toBe(204)
    })
  })

  describe('reports', () => {
    const make = (tenant: string, project: number, rows = 10) =>
      request(app).post('/reports').use(asTenant(tenant, member)).send({ project, title: 'Sales', rows })

    it('stop at the hard quota of the free plan, and one that failed is given back', async () => {
      const [project] = (await request(app).get('/projects').use(asTenant('initech', member))).body
      expect((await make('initech', project.id, 0)).status).toBe(400)
      for (let i = 0; i < 5; i++) expect((await make('initech', project.id)).status).toBe(201)
      expect((await make('initech', project.id)).body.code).toBe('QUOTA_EXCEEDED')
      const { body } = await request(app).get('/usage').use(asTenant('initech', member))
      expect(body.quota).toMatchObject({ used: 5, remaining: 0, hard: true })
      expect(body.totals).toContainEqual({ meter: 'report-rows', quantity: 50, count: 5 })
    })

    it('have summaries where the flag is on', async () => {
      const [project] = (await request(app).get('/projects').use(asTenant('acme', member))).body
      const { body } = await make('acme', project.id)
      const summary = await request(app).get(`/reports/${body.id}/summary`).use(asTenant('acme', member))
      expect(summary.body).toEqual({ summary: 'Sales: 10 rows.' })
      const refused = await request(app).get(`/reports/${body.id}/summary`).use(asTenant('initech', member))
      expect(refused.body.code).toBe('FLAG_OFF')
    })

    it('are not made for another tenant’s project', async () => {
      const [project] = (await request(app).get('/projects').use(asTenant('acme', member))).body
      expect((await make('globex', project.id)).status).toBe(404)
    })
  })

  describe('limits', () => {
    it('are the plan’s: 40 a minute on free, and the neighbour does not notice', async () => {
      const get = (tenant: string) => request(app).get('/projects').use(asTenant(tenant, member))
      for (let i = 0; i < 40; i++) expect((await get('initech')).status).toBe(200)
      const refused = await get('initech')
      expect(refused.status).toBe(429)
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
      expect((await get('globex')).status).toBe(200)
    })
  })

  describe('config', () => {
    it('is set by admins, checked by the schema, and recorded', async () => {
      const patch = (who: typeof admin, body: object) =>
        request(app).patch('/config').use(asTenant('globex', who)).send(body)
      expect((await patch(member, { 'notifications.digest': 'never' })).body.code).toBe('ROLE_REQUIRED')
      expect((await patch(admin, { 'webhooks.url': 'no address' })).body.code).toBe('CONFIG_INVALID')
      const changed = await patch(admin, {
        'webhooks.url': 'https://hooks.example.com',
        'notifications.digest': 'never',
      })
      expect(changed.body).toMatchObject({
        webhooks: { url: 'https://hooks.example.com' },
        notifications: { digest: 'never' },
      })
      expect((await patch(admin, { 'notifications.digest': null })).body.notifications.digest).toBe('daily')
      expect(await actionsOf('globex')).toContain('config.changed')
    })
  })

  describe('members', () => {
    it('are added and removed by admins', async () => {
      const add = (who: typeof admin) =>
        request(app)
          .post('/members')
          .use(asTenant('acme', who))
          .send({ email: emailOf('eve'), role: 'member' })
      expect((await add(member)).status).toBe(403)
      expect((await add(admin)).status).toBe(201)
      const { body } = await request(app).get('/members').use(asTenant('acme', member))
      expect(body.map(({ id }: { id: string }) => id)).toEqual(['ada', 'bob', 'cleo', 'eve'])
      expect((await request(app).delete('/members/eve').use(asTenant('acme', admin))).status).toBe(204)
      expect(await actionsOf('acme')).toEqual(expect.arrayContaining(['team.joined', 'team.left']))
    })
  })

  describe('the payment webhook', () => {
    const send = (organization: string, secret: string) => {
      const body = JSON.stringify({ organization, invoice: 'i-1', amount: '490.00' })
      return request(app)
        .post('/webhooks/payments')
        .set('Content-Type', 'application/json')
        .set('x-signature', signatureOf(secret, body))
        .send(body)
    }

    it('acts for the tenant in its body once the signature holds', async () => {
      expect((await send('acme', 'shared')).status).toBe(204)
      expect((await send('globex', 'forged')).status).toBe(401)
      expect((await send('nobody', 'shared')).status).toBe(404)
      expect(await actionsOf('acme')).toContain('invoice.paid')
      expect(await actionsOf('globex')).not.toContain('invoice.paid')
    })
  })

  describe('what goes wrong', () => {
    it('is a 500 for the caller and an error on the timeline', async () => {
      const answer = await request(app).get('/broken').use(asTenant('acme', member))
      expect(answer.status).toBe(500)
      expect(answer.text).not.toContain('on purpose')
      expect(bugs).toHaveLength(1)
      expect(await actionsOf('acme')).toContain('error')
    })

    it('is the caller’s where the request is malformed, and no bug', async () => {
      const answer = await request(app).post('/login').set('Content-Type', 'application/json').send('{"email":')
      expect(answer.status).toBe(400)
      expect(answer.body).toEqual({ error: 'The request is malformed.' })
      expect(bugs).toEqual([])
    })

    it('leaves the health check out', async () => {
      expect((await request(app).get('/healthz')).body).toEqual({ status: 'ok' })
    })
  })
}
