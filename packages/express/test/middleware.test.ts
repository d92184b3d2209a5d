import { IncomingMessage, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { Guard } from '@throughline/core'
import {
  background,
  createThroughline,
  currentContext,
  currentTenant,
  fromApiKey,
  fromHeader,
  fromSubdomain,
  perMinute,
  rateLimit,
  requireRole,
  ThroughlineError,
  tryCurrentTenant,
} from '@throughline/core'
import { asTenant, createTestThroughline } from '@throughline/core/testing'
import type { ErrorRequestHandler, Request, RequestHandler } from 'express'
import express5 from 'express'
import request from 'supertest'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Served } from '../../../test/http-client.ts'
import { until } from '../../../test/until.ts'
import { enter, guard, problemDetails, requestAudit, tenantContext } from '../src/index.ts'

const express4: typeof express5 = createRequire(import.meta.url)('express4')

const ROWS: Readonly<Record<string, { id: string; plan?: string; status?: string }>> = {
  acme: { id: 'acme', plan: 'free' },
  globex: { id: 'globex' },
  frozen: { id: 'frozen', status: 'suspended' },
}

type User = { readonly id: string; readonly org: string }
type LoggedIn = Request & { user?: User }

/** The app's own login: `x-user: ada@acme`. */
const login: RequestHandler = (req, res, next) => {
  const [id, org] = String(req.headers['x-user'] ?? '').split('@')
  if (id === 'mallory') return void res.status(401).send('wrong password')
  if (id && org) (req as LoggedIn).user = { id, org }
  next()
}

const closes: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closes.splice(0)) await close()
})

describe.each([
  ['Express 5', express5],
  ['Express 4', express4],
] as const)('%s', (_version, express) => {
  function setUp(routes: (app: express5.Express) => void = () => {}) {
    const throughline = createTestThroughline({
      tenants: {
        load: (id: string) => ROWS[id],
        // No API key is among the members: a key is the tenant's own.
        isMember: (actor: { readonly id: string }, tenant: string) =>
          actor.id !== 'key-1' && (actor.id !== 'eve' || tenant === 'frozen'),
      },
      limits: { api: perMinute(2) },
    })
    closes.push(() => throughline.close())
    const app = express()
    app.use(requestAudit(throughline, { tenant: fromSubdomain('example.com'), exclude: ['/health'] }))
    app.use(login)
    app.use(
      tenantContext(throughline, {
        tenant: [
          fromSubdomain('example.com'),
          fromHeader('x-tenant-id'),
          fromApiKey((key) => (key === 'k1' ? { tenant: 'acme', actor: { id: 'key-1' } } : undefined)),
          (req: LoggedIn) => req.user?.org,
        ],
        actor: (req: LoggedIn) => req.user,
        tenantless: ['/health'],
      }),
    )
    app.get('/health', (_req, res) => void res.json({ tenant: tryCurrentTenant()?.id ?? null }))
    app.get('/whoami', (_req, res) => {
      const { tenant, actor } = currentContext()
      res.json({ tenant: tenant.id, actor })
    })
    routes(app)
    app.use(problemDetails())
    const trail = (tenant: string) =>
      throughline.run({ tenant, actor: { type: 'service', id: 'test' } }, async () => {
        const { events } = await throughline.audit.list({ last: '30d' })
        return events.filter(({ actor }) => actor.id !== 'test')
      })
    return { throughline, app, trail }
  }

  it('runs a request in the context of the tenant that its sources agree on, and records it', async () => {
    const { app, trail } = setUp((app) => {
      app.get('/reports/:id', (req, res) => void res.json({ tenant: currentTenant().id, id: req.params.id }))
    })
    const { body } = await request(app)
      .get('/reports/7?secret=1')
      .set('Host', 'acme.example.com')
      .set('x-user', 'ada@acme')
      .expect(200)
    expect(body).toEqual({ tenant: 'acme', id: '7' })
    const [event] = await trail('acme')
    expect(event).toMatchObject({
      action: 'request.handled',
      outcome: 'success',
      actor: { type: 'user', id: 'ada' },
      context: { request: { method: 'GET', path: '/reports/7' } },
    })
    expect(JSON.stringify(event)).toContain('/reports/:id')
    expect(JSON.stringify(event)).not.toContain('secret')
  })

  it('records the whole route of a request that leaves its router: by an error, a refusal, or unanswered', async () => {
    const { app, trail } = setUp((app) => {
      const owners = guard(requireRole('owner'))
      const mounted = (): express5.Router =>
        express
          .Router()
          .get('/', owners, (_req, res) => void res.end())
          .get('/:id', (_req, _res, next) => next())
          .post('/:id', (_req, _res, next) => next(new RangeError('out of it')))
      app.use('/reports', mounted())
      app.use('/projects', express.Router().use('/open', mounted()))
    })
    const send = (method: 'get' | 'post', path: string) => request(app)[method](path).set('x-user', 'ada@acme')
    await send('get', '/reports').expect(403)
    await send('get', '/projects/open').expect(403)
    await send('get', '/reports/7').expect(404)
    await send('post', '/projects/open/7').expect(500)
    const handled = (await trail('acme')).filter(({ action }) => action === 'request.handled')
    const routes = handled.map(({ context, count }) => `${count} ${context.request?.['route']}`)
    expect(routes.toReversed()).toEqual(['1 /reports/', '1 /projects/open/', '1 /reports/:id', '1 /projects/open/:id'])
  })

  it('records the route whose own middleware it is', async () => {
    const throughline = createTestThroughline()
    closes.push(() => throughline.close())
    const app = express()
    const here = tenantContext(throughline, { tenant: () => 'acme', actor: () => ({ id: 'ada' }) })
    app.use(
      '/reports',
      express.Router().get('/:id', here, (req, res) => void res.json(req.route.path)),
    )
    const { body } = await request(app).get('/reports/7').expect(200)
    expect(body).toBe('/:id')
    const { events } = await throughline.run({ tenant: 'acme', actor: { id: 'test' } }, () => throughline.audit.list())
    expect(events[0]?.context.request).toMatchObject({ route: '/reports/:id' })
  })

  it('records the route whose own middleware it is, mounted in a router', async () => {
    const throughline = createTestThroughline()
    closes.push(() => throughline.close())
    const app = express()
    const here = tenantContext(throughline, { tenant: () => 'acme', actor: () => ({ id: 'ada' }) })
    const failing = express.Router().get('/:id', here, (_req, _res, next) => next(new RangeError('out of it')))
    app.use('/reports', failing)
    await request(app).get('/reports/7').expect(500)
    const { events } = await throughline.run({ tenant: 'acme', actor: { id: 'test' } }, () => throughline.audit.list())
    expect(events[0]?.context.request).toMatchObject({ route: '/reports/:id' })
  })

  it('records the whole route of the app around the one in which it is mounted', async () => {
    const throughline = createTestThroughline()
    closes.push(() => throughline.close())
    const app = express()
    app.use(express().use(tenantContext(throughline, { tenant: () => 'acme', actor: () => ({ id: 'ada' }) })))
    app.use(
      '/reports',
      express.Router().get('/:id', (_req, _res, next) => next(new RangeError('out of it'))),
    )
    await request(app).get('/reports/7').expect(500)
    const { events } = await throughline.run({ tenant: 'acme', actor: { id: 'test' } }, () => throughline.audit.list())
    expect(events[0]?.context.request).toMatchObject({ route: '/reports/:id' })
  })

  it.each([
    ['is on record', '/whoami'],
    ['is out of the record', '/health'],
    ['does not wait for its record', '/ping'],
  ])('closes at once after a request that %s', async (_which, path) => {
    const { app, throughline } = setUp((app) =>
      app.get('/ping', guard(background()), (_req, res) => void res.send('pong')),
    )
    await request(app).get(path).set('x-user', 'ada@acme').expect(200)
    // Closing waits for requests that are open, but not for ever: that time never comes.
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    try {
      await throughline.close()
    } finally {
      vi.useRealTimers()
    }
  })

  it('records the route of an app of another copy of Express that is called by hand', async () => {
    const other = express === express4 ? express5 : express4
    const throughline = createTestThroughline()
    closes.push(() => throughline.close())
    const inner = other().get('/:id', (_req, res) => void res.send('one'))
    const app = express()
    app.use(tenantContext(throughline, { tenant: () => 'acme', actor: () => ({ id: 'ada' }) }))
    app.all(/^\/any/, (_req, _res, next) => next())
    app.use(['/reports', '/any'], (req, res, next) => inner(req, res, next))
    for (const path of ['/any/7', '/reports/7']) await request(app).get(path).expect(200, 'one')
    const { events } = await throughline.run({ tenant: 'acme', actor: { id: 'test' } }, () => throughline.audit.list())
    expect(events.map(({ context }) => context.request?.['route'])).toEqual(['/reports/:id', '/any/:id'])
  })

  it('records the routes of an app that a route of another copy of Express calls', async () => {
    const other = express === express4 ? express5 : express4
    const { app, throughline } = setUp((app) => app.get('/reports/:id', (_req, res) => void res.send('one')))
    await request(app).get('/reports/6').set('x-user', 'ada@acme').expect(200)
    const outer = other().get(/^\/reports/, (req, res) => void app(req, res))
    await request(outer).get('/reports/7').set('x-user', 'ada@acme').expect(200, 'one')
    const { events } = await throughline.run({ tenant: 'acme', actor: { id: 'test' } }, () => throughline.audit.list())
    const handled = events.filter(({ action }) => action === 'request.handled')
    expect(handled.map(({ context }) => context.request?.['route'])).toEqual(['/reports/:id', '/reports/:id'])
  })

  it('lets a request in that inherits from what is frozen, and records its route', async () => {
    const throughline = createTestThroughline()
    closes.push(() => throughline.close())
    const made = new IncomingMessage(new Socket())
    Object.setPrototypeOf(made, Object.freeze(Object.create(IncomingMessage.prototype)))
    const asked = Object.assign(made as Request, { url: '/reports/7', app: express() })
    const response = new ServerResponse(made)
    const here = tenantContext(throughline, { tenant: () => 'acme', actor: () => ({ id: 'ada' }) })
    for (let mounted = 0; mounted < 2; mounted++) {
      await new Promise<void>((resolve) => here(asked, response as never, () => resolve()))
    }
    asked.route = { path: '/reports/:id' }
    response.end()
    const recorded = () => throughline.run({ tenant: 'acme', actor: { id: 'test' } }, () => throughline.audit.list())
    await until(async () => (await recorded()).events.length > 0, { what: 'the record' })
    expect((await recorded()).events.at(-1)?.context.request).toMatchObject({ route: '/reports/:id' })
  })

  it('leaves alone what a request that somebody made up inherits from', () => {
    const throughline = createTestThroughline()
    closes.push(() => throughline.close())
    const made = { url: '/reports/7', method: 'GET', headers: {}, socket: {}, app: express() } as unknown as Request
    const here = tenantContext(throughline, { tenant: () => 'acme', actor: () => ({ id: 'ada' }) })
    try {
      here(made, { req: made } as never, () => {})
    } catch {
      // That nothing can be answered is no matter here.
    }
    expect('route' in {}).toBe(false)
  })

  it('lets an API key bring its actor, and refuses one that nobody has', async () => {
    const { app } = setUp()
    const { body } = await request(app).get('/whoami').set('Authorization', 'Bearer k1').expect(200)
    expect(body).toEqual({ tenant: 'acme', actor: { id: 'key-1', type: 'api_key' } })
    const refused = await request(app).get('/whoami').set('Authorization', 'Bearer stolen').expect(401)
    expect(refused.body).toMatchObject({ code: 'API_KEY_INVALID' })
    expect(refused.text).not.toContain('stolen')
  })

  it.each([
    ['two sources that disagree', { host: 'globex.example.com', 'x-user': 'ada@acme' }, 403, 'TENANT_DISAGREEMENT'],
    ['a header against the login', { 'x-tenant-id': 'globex', 'x-user': 'ada@acme' }, 403, 'TENANT_DISAGREEMENT'],
    ['a header alone', { 'x-tenant-id': 'acme' }, 401, 'ACTOR_REQUIRED'],
    ['a host alone', { host: 'acme.example.com' }, 401, 'ACTOR_REQUIRED'],
    ['nothing at all', {}, 401, 'ACTOR_REQUIRED'],
    ['an actor who is no member', { 'x-user': 'eve@acme' }, 404, 'TENANT_NOT_FOUND'],
    ['an unknown tenant', { 'x-user': 'eve@nowhere' }, 404, 'TENANT_NOT_FOUND'],
    ['a suspended tenant', { 'x-user': 'eve@frozen' }, 403, 'TENANT_SUSPENDED'],
  ] as const)('refuses %s', async (_name, headers, status, code) => {
    const { app } = setUp()
    const { body, type } = await request(app).get('/whoami').set(headers).expect(status)
    expect(type).toBe('application/problem+json')
    expect(body).toMatchObject({ status, code, type: expect.stringMatching(/^https:\/\/throughline\.dev\/problems\//) })
    expect(JSON.stringify(body)).not.toMatch(/acme|globex|nowhere|frozen/)
  })

  it('puts a disagreement on the trail of the tenant whose login was used', async () => {
    const { app, trail } = setUp()
    await request(app).get('/whoami').set({ host: 'globex.example.com', 'x-user': 'ada@acme' })
    expect(await trail('acme')).toMatchObject([
      { action: 'auth.refused', outcome: 'refused', metadata: { code: 'TENANT_DISAGREEMENT' } },
      { action: 'request.handled', outcome: 'refused' },
    ])
    expect(await trail('globex')).toEqual([])
  })

  it("records the app's own 401, on the trail of the tenant that the host names", async () => {
    const { app, trail } = setUp()
    await request(app).get('/whoami').set({ host: 'acme.example.com', 'x-user': 'mallory@acme' }).expect(401)
    const actions = (await trail('acme')).map(({ action }) => action)
    expect(actions).toContain('auth.refused')
    expect(actions).toContain('request.handled')
  })

  it('serves a request whose body was given up, before it or after', async () => {
    const throughline = createTestThroughline()
    closes.push(() => throughline.close())
    const app = express()
    const peek: RequestHandler = async (req, _res, next) => {
      for await (const _chunk of req) break
      next()
    }
    const here = tenantContext(throughline, { tenant: () => 'acme', actor: () => ({ id: 'ada' }) })
    app.post('/before', peek, here)
    app.post('/after', here, peek)
    app.use((_req, res) => void res.status(413).end('too large'))
    for (const path of ['/before', '/after']) await request(app).post(path).send('a body').expect(413, 'too large')
    const { events } = await throughline.run({ tenant: 'acme', actor: { id: 'test' } }, () => throughline.audit.list())
    const handled = events.filter(({ action }) => action === 'request.handled')
    expect(handled.map(({ context }) => context.request?.['status'])).toEqual([413, 413])
  })

  it('answers a refusal with nothing of the answer that the handler had begun to prepare', async () => {
    const { app } = setUp((app) => {
      app.get('/export', (_req, res) => {
        res.attachment('reports.csv')
        res.set({ Trailer: 'X-Sum', 'Accept-Ranges': 'bytes', 'Content-Length': '1', 'X-Kept': 'yes' })
        throw new ThroughlineError('FLAG_OFF')
      })
    })
    const { body, headers } = await request(app).get('/export').set('x-user', 'ada@acme').expect(404)
    expect(body).toMatchObject({ code: 'FLAG_OFF' })
    for (const name of ['content-disposition', 'trailer', 'accept-ranges']) expect(headers).not.toHaveProperty(name)
    expect(headers).toMatchObject({ 'x-kept': 'yes', 'content-type': 'application/problem+json' })
  })

  it('refuses a promise for an answer of tenantless: each would let every request pass', async () => {
    const throughline = createTestThroughline()
    closes.push(() => throughline.close())
    const told: unknown[] = []
    const app = express()
    const tenantless = (req: Request): unknown =>
      req.path === '/later' ? Promise.reject(new Error('its own')) : req.path === '/open' && req
    app.use(tenantContext(throughline, { tenant: () => 'acme', tenantless: tenantless as never }))
    app.use(((error, _req, _res, next) => {
      told.push(error.message)
      next(error)
    }) as ErrorRequestHandler)
    app.use(problemDetails())
    app.get('/open', (_req, res) => void res.end())
    expect((await request(app).get('/open')).status).toBe(200)
    expect((await request(app).get('/x')).body).toMatchObject({ code: 'ACTOR_REQUIRED' })
    expect((await request(app).get('/later')).body).toMatchObject({ code: 'OPTIONS_INVALID' })
    expect(told[1]).toMatch(/tenantless has answered with a promise\. Let it answer true or false at once\.$/)
  })

  it('leaves tenantless routes without a tenant', async () => {
    const { app } = setUp()
    await request(app).get('/health').set('x-user', 'ada@acme').expect(200, { tenant: null })
  })

  it('runs guards in order, answers refusals with problem details and their headers', async () => {
    const order: string[] = []
    const step = (name: string, later: boolean): Guard => ({
      name,
      check() {
        order.push(name)
        return later ? Promise.resolve(undefined) : undefined
      },
    })
    const { app, trail } = setUp((app) => {
      app.get(
        '/reports',
        guard(step('a', true), step('b', false), rateLimit('api')),
        (_req, res) => void res.send('ok'),
      )
    })
    const get = () => request(app).get('/reports').set('x-user', 'ada@acme')
    await get().expect(200, 'ok')
    expect(order).toEqual(['a', 'b'])
    await get().expect(200)
    const { body, headers } = await get().expect(429)
    expect(headers['retry-after']).toMatch(/^\d+$/)
    expect(headers['cache-control']).toBe('no-store')
    expect(body).toEqual({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Too Many Requests',
      status: 429,
      detail: 'Too many requests.',
      code: 'LIMIT_EXCEEDED',
      retryAfter: Number(headers['retry-after']),
      'violated-policies': ['api'],
    })
    expect((await trail('acme')).map(({ action }) => action)).toContain('limit.refused')
  })

  it('forwards the rejection of a guard', async () => {
    const refuses: Guard = { name: 'later', check: async () => Promise.reject(new ThroughlineError('FLAG_OFF')) }
    const { app } = setUp((app) => {
      app.get('/x', guard(refuses), (_req, res) => void res.send('never'))
    })
    const { body } = await request(app).get('/x').set('x-user', 'ada@acme').expect(404)
    expect(body).toMatchObject({ code: 'FLAG_OFF', detail: 'Not found.' })
  })

  it('answers a guard outside of a context without telling a client what is missing', async () => {
    const app = express()
    app.get('/x', guard(rateLimit('api')), (_req, res) => void res.send('never'))
    app.use(problemDetails())
    const { body } = await request(app).get('/x').expect(500)
    expect(body).toMatchObject({ code: 'TENANT_REQUIRED', detail: 'The server could not handle the request.' })
  })

  it('tells the log what was wrong with its cause, and neither to a client', async () => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => {})
    closes.push(async () => log.mockRestore())
    const cause = Object.assign(new Error('database "app" does not exist'), { detail: 'Key (email)=(ada@acme.org)' })
    const app = express()
    app.set('env', 'production')
    app.get('/x', () => {
      throw new ThroughlineError('RECORDS_UNAVAILABLE', { cause })
    })
    app.use(problemDetails())
    const { text } = await request(app).get('/x').expect(503)
    expect(text).not.toMatch(/database|health/)
    const [[logged = ''] = []] = log.mock.calls as string[][]
    expect(logged).toMatch(
      /^ThroughlineError: RECORDS_UNAVAILABLE: .*\n {4}at .*\nCaused by: Error: database "app" does/s,
    )
    expect(logged).not.toContain('ada@acme.org')
  })

  it("passes the app's own errors on, and records them", async () => {
    const seen: unknown[] = []
    const { app, trail } = setUp((app) => {
      app.get('/broken', () => {
        throw new RangeError('out of it')
      })
    })
    app.use(((error, _req, res, _next) => {
      seen.push(error)
      res.status(500).send('the app answers')
    }) as express5.ErrorRequestHandler)
    await request(app).get('/broken').set('x-user', 'ada@acme').expect(500, 'the app answers')
    expect(seen).toHaveLength(1)
    expect(await trail('acme')).toContainEqual(expect.objectContaining({ action: 'error', outcome: 'failure' }))
  })

  it('does not answer twice when an error comes after the answer', async () => {
    const { app, trail } = setUp((app) => {
      app.get('/late', (_req, res, next) => {
        res.send('answered')
        next(new ThroughlineError('FLAG_OFF'))
      })
    })
    await request(app).get('/late').set('x-user', 'ada@acme').expect(200, 'answered')
    expect(await trail('acme')).toContainEqual(expect.objectContaining({ action: 'request.handled' }))
  })

  it('answers HEAD with the head of a refusal', async () => {
    const { app } = setUp()
    const { headers, text } = await request(app).head('/whoami').expect(401)
    expect(headers['content-type']).toBe('application/problem+json')
    expect(text).toBeFalsy()
  })

  it('enters a tenant that is named in the body of a webhook', async () => {
    const { throughline, trail } = setUp()
    const hooks = express()
    hooks.use(requestAudit(throughline), express.json())
    hooks.post('/hook', (req, res, next) => {
      const input = { tenant: req.body.account, actor: { type: 'service', id: 'billing' } } as const
      enter(throughline, req, input, () => void res.send(currentTenant().id)).catch(next)
    })
    hooks.use(problemDetails())
    await request(hooks).post('/hook').send({ account: 'acme' }).expect(200, 'acme')
    await request(hooks).post('/hook').send({ account: 'nowhere' }).expect(404)
    expect(await trail('acme')).toContainEqual(
      expect.objectContaining({ action: 'request.handled', actor: expect.objectContaining({ id: 'billing' }) }),
    )
  })

  it('leaves what several actors do in a webhook on records of their own, however they interleave', async () => {
    const { throughline, trail } = setUp()
    const hooks = express()
    hooks.use(requestAudit(throughline))
    const act = (req: Request, id: string) =>
      enter(throughline, req, { tenant: 'acme', actor: { id } }, async () => {
        await throughline.audit.record({ action: `test.${id}` })
        await pause(1)
        await throughline.audit.record({ action: `test.${id}` })
        return currentContext().request?.path
      })
    hooks.post('/hook', async (req, res) => {
      res.send(await Promise.all(['ada', 'bob', 'ada'].map((id) => act(req, id))))
    })
    await request(hooks).post('/hook').expect(200, ['/hook', '/hook', '/hook'])
    const events = (await trail('acme')).filter(({ action }) => action.startsWith('test.'))
    expect(events.map(({ action, actor }) => [action, actor.id]).sort()).toEqual([
      ...Array.from({ length: 4 }, () => ['test.ada', 'ada']),
      ...Array.from({ length: 2 }, () => ['test.bob', 'bob']),
    ])
  })

  it('lets a webhook that was let in enter as each of its actors, also while the instance closes', async () => {
    const { throughline } = setUp()
    const hooks = express()
    hooks.use(requestAudit(throughline))
    let closed: Promise<void> | undefined
    hooks.post('/hook', async (req, res, next) => {
      try {
        for (const id of ['ada', 'bob']) {
          await enter(throughline, req, { tenant: 'acme', actor: { id } }, () =>
            throughline.audit.record({ action: 'x.done' }),
          )
          closed ??= throughline.close()
        }
        res.end()
      } catch (error) {
        next(error)
      }
    })
    hooks.use(problemDetails())
    await request(hooks).post('/hook').expect(200)
    await closed
  })

  it('answers 404 to a webhook that names no tenant, or one that can be none', async () => {
    const { throughline } = setUp()
    const hooks = express()
    hooks.use(requestAudit(throughline), express.json())
    hooks.post('/hook', (req, res, next) => {
      enter(throughline, req, { tenant: req.body.account, actor: { id: 'hook' } }, () => void res.end()).catch(next)
    })
    hooks.use(problemDetails())
    for (const account of [undefined, 7, { id: 'acme' }, null]) {
      await request(hooks).post('/hook').send({ account }).expect(404)
    }
  })

  it('refuses an actor of an unknown type with 500, on record, and lets nobody in as a user', async () => {
    let reached = false
    const throughline = createTestThroughline({ tenants: { load: (id: string) => ROWS[id] } })
    closes.push(() => throughline.close())
    const app = express()
    app.set('env', 'test')
    app.use(
      tenantContext(throughline, {
        tenant: () => 'acme',
        actor: () => ({ id: 'root', type: 'superuser' }) as never,
        anonymous: 'allow',
      }),
    )
    app.get('/', (_req, res) => {
      reached = true
      res.end()
    })
    app.use(problemDetails())
    const { body } = await request(app).get('/').expect(500)
    expect(body.code).toBe('OPTIONS_INVALID')
    expect(JSON.stringify(body)).not.toContain('superuser')
    expect(reached).toBe(false)
    const by = { actor: { id: 'op' }, reason: 'test' }
    const { events } = await throughline.platform.run(by, (platform) => platform.audit.list())
    expect(events).toContainEqual(
      expect.objectContaining({ action: 'error', metadata: { name: 'ThroughlineError', code: 'OPTIONS_INVALID' } }),
    )
  })

  it('believes asTenant in tests, and only of an instance made for tests', async () => {
    const { app } = setUp()
    const { body } = await request(app)
      .get('/whoami')
      .use(asTenant('globex', { actor: { id: 'bob' } }))
      .expect(200)
    expect(body).toMatchObject({ tenant: 'globex', actor: { id: 'bob' } })

    const real = createThroughline({ tenants: { load: (id: string) => ROWS[id] } })
    closes.push(() => real.close())
    const served = express()
    served.use(tenantContext(real, { tenant: (req: LoggedIn) => req.user?.org }))
    served.use(problemDetails())
    await request(served).get('/').use(asTenant('globex')).expect(401)
  })

  it('takes a whole URL as target for its path, and keeps its credentials off the record', async () => {
    const { app, throughline } = setUp((app) => {
      app.get('/seen', (_req, res) => void res.json(currentContext().request))
    })
    const served = await Served.open(app)
    try {
      const target = 'http://root:hunter2@acme.example.com'
      expect(await served.send(`${target}/health?x`)).toMatchObject({ status: 200 })
      const seen = await served.send(`${target}/seen?x`, { headers: { 'x-user': 'ada@acme' } })
      expect(JSON.parse(seen.text)).toMatchObject({ path: '/seen' })
      const events = await throughline.run({ tenant: 'acme', actor: { id: 'test' } }, () => throughline.audit.list())
      expect(JSON.stringify(events)).not.toContain('hunter2')
    } finally {
      await served.close()
    }
  })

  it('shows a request that nobody can change', async () => {
    const { app } = setUp((app) => {
      app.get('/frozen', (_req, res) => void res.json(Object.isFrozen(currentContext().request)))
    })
    expect((await request(app).get('/frozen').set('x-user', 'ada@acme')).body).toBe(true)
  })

  it('refuses a request that another instance has opened: its usage would be on that one’s bill', async () => {
    const { app, throughline } = setUp()
    const other = createThroughline({ tenants: { load: (id: string) => ROWS[id] } })
    closes.push(() => other.close())
    const outer = express()
    outer.set('env', 'test')
    outer.use(requestAudit(other))
    outer.use('/webhook', (req, res, next) => {
      enter(throughline, req, { tenant: 'acme', actor: { id: 'hook' } }, () => res.json(currentTenant().id)).catch(next)
    })
    outer.use(tenantContext(throughline, { tenant: (req: LoggedIn) => req.user?.org }))
    outer.use(app)
    outer.use(problemDetails())
    for (const path of ['/whoami', '/webhook']) {
      const { status, body } = await request(outer).get(path).set('x-user', 'ada@acme')
      expect([status, body.code], path).toEqual([500, 'CONTEXT_MISMATCH'])
    }
  })

  it('says where requestAudit belongs when it is mounted late or twice', async () => {
    const throughline = createThroughline()
    closes.push(() => throughline.close())
    for (const first of [
      requestAudit(throughline),
      tenantContext(throughline, { tenant: () => 'acme', anonymous: 'allow' }),
    ]) {
      const outer = express().use(first, requestAudit(throughline))
      outer.use(((error, _req, res, _next) => void res.status(500).send(String(error))) as ErrorRequestHandler)
      const { text } = await request(outer).get('/whoami').set('x-user', 'ada@acme')
      expect(text).toContain('mount it once, before every tenantContext')
    }
  })

  it('says of a request that another instance has opened that it has, and what to do', async () => {
    const [throughline, other] = [createThroughline(), createThroughline()]
    closes.push(
      () => throughline.close(),
      () => other.close(),
    )
    for (const first of [
      requestAudit(other),
      tenantContext(other, {
        tenant: fromApiKey(() => ({ tenant: 'acme', actor: { id: 'key' } })),
        anonymous: 'allow',
      }),
    ]) {
      const outer = express().use(first, requestAudit(throughline))
      outer.use(((error, _req, res, _next) => void res.status(500).send(String(error))) as ErrorRequestHandler)
      const { text } = await request(outer).get('/whoami').set('authorization', 'Bearer key')
      expect(text).toContain('another Throughline instance has opened this request already')
      expect(text).toContain('Mount the middleware of one instance only, or each on paths of its own')
    }
  })

  it('never shows a request the tenant of another, however they interleave', async () => {
    const { app } = setUp((app) => {
      app.post('/slow', express.json(), async (req, res) => {
        const before = currentTenant().id
        for (let i = 0; i < Number((req.body as { turns: number }).turns); i++)
          await new Promise((resolve) => setImmediate(resolve))
        res.json({ before, after: currentTenant().id, actor: currentContext().actor.id })
      })
    })
    const server = app.listen(0)
    const answers = await Promise.all(
      Array.from({ length: 60 }, async (_, i) => {
        const tenant = i % 2 === 0 ? 'acme' : 'globex'
        const { body } = await request(server)
          .post('/slow')
          .set('x-user', `u${i}@${tenant}`)
          .send({ turns: 60 - i })
        return [body, { before: tenant, after: tenant, actor: `u${i}` }] as const
      }),
    )
    await new Promise((resolve) => server.close(resolve))
    for (const [found, expected] of answers) expect(found).toEqual(expected)
  })
})
