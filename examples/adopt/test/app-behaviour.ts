import request from 'supertest'
import { expect, it } from 'vitest'
import { signatureOf } from '../src/routes/payment-webhook.ts'
import type { AppModule } from './opened-app.ts'
import { addMember, onApp, PASSWORD, signUp, WEBHOOK_SECRET } from './opened-app.ts'

/** The application's own tests: what held before Throughline, and holds at every step. */
export function itBehaves(open: () => Promise<AppModule>): void {
  it('says that it is there, to everybody', async () =>
    onApp(await open(), async ({ app }) => {
      expect((await request(app).get('/healthz')).body).toEqual({ status: 'ok' })
    }))

  it('signs organizations up, each name once', async () =>
    onApp(await open(), async ({ app }) => {
      await signUp(app, 'acme')
      const body = { organization: 'acme', email: 'other@acme.example', password: PASSWORD }
      expect((await request(app).post('/signup').send(body)).status).toBe(409)
      expect((await request(app).post('/signup').send({ organization: 'acme' })).status).toBe(400)
    }))

  it('lets in who has the password, at their own organization', async () =>
    onApp(await open(), async ({ app }) => {
      await signUp(app, 'acme')
      await signUp(app, 'globex')
      const logIn = (organization: string, password: string) =>
        request(app).post('/login').send({ organization, email: 'admin@acme.example', password })
      expect((await logIn('acme', PASSWORD)).body).toMatchObject({ email: 'admin@acme.example', role: 'admin' })
      expect((await logIn('acme', 'wrong')).status).toBe(401)
      expect((await logIn('globex', PASSWORD)).status).toBe(401)
      const refused = await request(app).get('/projects')
      expect([refused.status, refused.body]).toEqual([401, { error: 'Log in first.' }])
    }))

  it('shows an organization its own projects, which admins may delete', async () =>
    onApp(await open(), async ({ app }) => {
      const acme = await signUp(app, 'acme')
      const globex = await signUp(app, 'globex')
      const { member } = await addMember(app, 'acme', acme.admin)
      const { body: rocket } = await member.post('/projects').send({ name: 'Rocket' })
      expect((await acme.admin.get('/projects')).body).toEqual([{ id: rocket.id, name: 'Rocket' }])
      expect((await globex.admin.get('/projects')).body).toEqual([])
      expect((await globex.admin.delete(`/projects/${rocket.id}`)).status).toBe(404)
      const refused = await member.delete(`/projects/${rocket.id}`)
      expect([refused.status, refused.body]).toEqual([403, { error: 'Only admins may do this.' }])
      expect((await acme.admin.delete(`/projects/${rocket.id}`)).status).toBe(204)
    }))

  it('makes reports on the organization’s own projects', async () =>
    onApp(await open(), async ({ app }) => {
      const acme = await signUp(app, 'acme')
      const globex = await signUp(app, 'globex')
      const { body: rocket } = await acme.admin.post('/projects').send({ name: 'Rocket' })
      const made = await acme.admin.post('/reports').send({ project: rocket.id, title: 'Thrust' })
      expect(made.status).toBe(201)
      expect((await acme.admin.get('/reports')).body).toEqual([{ ...made.body, project: 'Rocket' }])
      expect((await globex.admin.get('/reports')).body).toEqual([])
      expect((await globex.admin.post('/reports').send({ project: rocket.id, title: 'Spy' })).status).toBe(404)
    }))

  it('exports reports for who has paid, as the payment provider says', async ({ expect }) =>
    onApp(await open(), async ({ app }) => {
      const { id, admin } = await signUp(app, 'acme')
      const pay = (organization: number, secret: string) => {
        const body = JSON.stringify({ organization, plan: 'pro' })
        const post = request(app).post('/webhooks/payments').type('application/json')
        return post.set('x-signature', signatureOf(secret, body)).send(body)
      }
      const { body: rocket } = await admin.post('/projects').send({ name: 'Rocket' })
      await admin.post('/reports').send({ project: rocket.id, title: 'Thrust' })
      expect((await pay(id, 'forged')).status).toBe(401)
      expect((await admin.get('/reports/export')).status).toBe(404)
      expect((await pay(id, WEBHOOK_SECRET)).status).toBe(204)
      expect((await pay(id + 1, WEBHOOK_SECRET)).status).toBe(404)
      await expect.poll(async () => (await admin.get('/reports/export')).text, POLL).toBe('title\nThrust\n')
    }))
}

/** A change of the organizations table reaches a running process within 2 s. */
const POLL = { timeout: 10_000, interval: 300 }
