import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ActorInput, TimelineEvent } from '@throughline/core'
import type { Express } from 'express'
import type { Agent } from 'supertest'
import request from 'supertest'
import { type ExpectStatic, expect, it } from 'vitest'
import type { Settings } from '../src/open-app.ts'
import { signatureOf } from '../src/routes/payment-webhook.ts'
import type { OpenedApp } from './opened-app.ts'
import { addMember, onApp, postgres, signUp, WEBHOOK_SECRET } from './opened-app.ts'

interface Flags {
  define(key: 'export', flag: { readonly enabled: boolean; readonly default: boolean }): Promise<unknown>
}

interface AdoptedApp extends OpenedApp {
  readonly throughline: {
    readonly platform: {
      run<R>(
        by: { readonly actor: ActorInput; readonly reason: string },
        fn: (platform: { readonly flags: Flags }) => Promise<R>,
      ): Promise<R>
    }
  }
}

interface AdoptedModule {
  openApp(settings: Settings): Promise<AdoptedApp>
}

/** One assertion a step: what it was taken for is there. */
export function itGains(step: string, open: () => Promise<AdoptedModule>, folder: string): void {
  const gain = GAINS[step]
  if (!gain) throw new Error(`Nothing is said of what ${step} gains.`)
  const [sentence, test] = gain
  const source = join(folder, step, 'src')
  it(sentence, async ({ expect }) => onApp(await open(), (opened) => test(opened, { source, expect })))
}

interface GainContext {
  /** The folder of the step's sources. */
  readonly source: string
  /** The test's own: steps are tested at once. */
  readonly expect: ExpectStatic
}

type Gain = readonly [sentence: string, test: (opened: AdoptedApp, context: GainContext) => Promise<void>]

const GAINS: Readonly<Record<string, Gain>> = {
  '01-observe': [
    'has its refusals on the tenant’s timeline, and refuses nothing that it did not refuse before',
    async ({ app }, { expect }) => {
      const { id, admin } = await signUp(app, 'acme')
      const { id: memberId, member } = await addMember(app, 'acme', admin)
      await request(app).post('/login').send({ organization: 'acme', email: 'admin@acme.example', password: 'wrong' })
      expect((await member.delete('/projects/1')).status).toBe(403)
      await pay(app, id, 'pro')
      const events = await timelineOf(admin)
      expect(events).toContainEqual(refusedAt('/login', 401))
      expect(events).toContainEqual(refusedAt('/projects/1', 403))
      expect(events).toContainEqual(
        expect.objectContaining({ action: 'plan.paid', actor: expect.objectContaining({ id: 'payments' }) }),
      )

      // The session of a member who was removed goes on working: that was so before, and is seen now.
      expect((await admin.delete(`/members/${memberId}`)).status).toBe(204)
      const isSeen = async (): Promise<boolean> => {
        expect((await member.get('/projects')).status).toBe(200)
        return (await timelineOf(admin)).some(isObserved('auth.refused', 'NOT_MEMBER'))
      }
      await expect.poll(isSeen, POLL).toBe(true)
    },
  ],
  '02-limits': [
    'has on record who would be limited, and limits nobody',
    async ({ app }, { expect }) => {
      const { admin } = await signUp(app, 'acme')
      for (let i = 0; i < 25; i++) expect((await admin.get('/projects')).status).toBe(200)
      expect((await timelineOf(admin)).some(isObserved('limit.refused'))).toBe(true)
    },
  ],
  '03-enforce': [
    'limits each organization, and lets nobody in who was removed',
    async ({ app }, { expect }) => {
      const acme = await signUp(app, 'acme')
      const globex = await signUp(app, 'globex')
      const { id, member } = await addMember(app, 'globex', globex.admin)
      const begun = performance.now()
      let passed = 0
      let refused = await acme.admin.get('/projects')
      for (; refused.status === 200 && passed < 100; passed++) refused = await acme.admin.get('/projects')
      expect([refused.status, refused.body.code]).toEqual([429, 'LIMIT_EXCEEDED'])
      // One unit comes back every 3 s, also while a busy machine asks for the next.
      expect(passed).toBeGreaterThanOrEqual(20)
      expect(passed).toBeLessThanOrEqual(20 + (performance.now() - begun) / 3_000)
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
      expect((await globex.admin.get('/projects')).status).toBe(200)

      expect((await globex.admin.delete(`/members/${id}`)).status).toBe(204)
      await expect.poll(async () => (await member.get('/timeline')).body.code, POLL).toBe('TENANT_NOT_FOUND')
    },
  ],
  '04-flags': [
    'switches the export off without a deploy',
    async ({ app, throughline }, { expect }) => {
      const { id, admin } = await signUp(app, 'acme')
      await pay(app, id, 'pro')
      await expect.poll(async () => (await admin.get('/reports/export')).status, POLL).toBe(200)
      await throughline.platform.run({ actor: { id: 'sam' }, reason: 'TICKET-7' }, ({ flags }) =>
        flags.define('export', { enabled: false, default: false }),
      )
      await expect.poll(async () => (await admin.get('/reports/export')).status, POLL).toBe(404)
      expect((await timelineOf(admin)).map(({ action }) => action)).toContain('flag.refused')
    },
  ],
  '05-usage': [
    'counts reports, and stops where the plan does',
    async ({ app }, { expect }) => {
      const { admin } = await signUp(app, 'acme')
      const { body: project } = await admin.post('/projects').send({ name: 'Rocket' })
      const make = (of: number) => admin.post('/reports').send({ project: of, title: 'Thrust' })
      // What fails is not counted.
      expect((await make(project.id + 1)).status).toBe(404)
      for (let i = 0; i < 3; i++) expect((await make(project.id)).status).toBe(201)
      const refused = await make(project.id)
      expect([refused.status, refused.body.code]).toEqual([429, 'QUOTA_EXCEEDED'])
      expect((await admin.get('/usage')).body.totals).toMatchObject([{ meter: 'reports', quantity: 3 }])
    },
  ],
  '06-rows': [
    'names the organization in no statement on its rows, and has none that runs without',
    async (_, { source, expect }) => {
      for (const name of ['projects.ts', 'reports.ts']) {
        expect(await readFile(join(source, 'routes', name), 'utf8')).not.toMatch(/org_id|orgId/)
      }
      const { openDatabase, tenantRows } = await import(/* @vite-ignore */ join(source, 'database.ts'))
      const database = openDatabase(postgres.url)
      const db = tenantRows(database)
      expect(() => db('projects')).toThrow(expect.objectContaining({ code: 'TENANT_REQUIRED' }))
      await database.destroy()
    },
  ],
}

/** What changes outside of Throughline is seen within 2 s. */
const POLL = { timeout: 10_000, interval: 300 }

async function pay(app: Express, organization: number, plan: string): Promise<void> {
  const body = JSON.stringify({ organization, plan })
  const post = request(app).post('/webhooks/payments').type('application/json')
  expect((await post.set('x-signature', signatureOf(WEBHOOK_SECRET, body)).send(body)).status).toBe(204)
}

async function timelineOf(admin: Agent): Promise<readonly TimelineEvent[]> {
  const { status, body } = await admin.get('/timeline')
  expect(status).toBe(200)
  return body.events
}

function refusedAt(path: string, status: number): unknown {
  const request = expect.objectContaining({ path, status })
  return expect.objectContaining({ action: 'auth.refused', context: expect.objectContaining({ request }) })
}

function isObserved(action: string, reason?: string): (event: TimelineEvent) => boolean {
  return (event) =>
    event.action === action &&
    event.metadata.observed === true &&
    (reason === undefined || event.metadata.reason === reason)
}
