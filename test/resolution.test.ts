import type { ThroughlineOptions } from '@throughline/core'
import {
  createThroughline,
  fromApiKey,
  fromClaim,
  fromHeader,
  fromSubdomain,
  memoryStorage,
  requireRole,
} from '@throughline/core'
import { enter, guard, problemDetails, requestAudit, tenantContext } from '@throughline/express'
import express from 'express'
import request from 'supertest'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AppOptions, LoggedIn } from './app.ts'
import { createApp, login, trailOf } from './app.ts'
import type { Answer } from './http-client.ts'
import { Served } from './http-client.ts'

const START = 1_770_000_000_000
let now = START
const organizations = new Map<string, { id: string; status?: string; plan?: string }>()
const memberships = new Map<string, readonly string[]>()

const open = (options: Partial<ThroughlineOptions> = {}) =>
  createThroughline({
    clock: { now: () => now },
    storage: memoryStorage(),
    tenants: {
      load: (id) => organizations.get(id),
      isMember: (actor, tenant) => {
        const roles = memberships.get(`${actor.id}@${tenant}`)
        return roles ? { roles } : false
      },
    },
    ...options,
  })

let throughline: ReturnType<typeof open>

beforeEach(() => {
  now = START
  organizations.clear()
  memberships.clear()
  for (const id of ['acme', 'globex']) organizations.set(id, { id })
  organizations.set('initech', { id: 'initech', status: 'suspended' })
  for (const member of ['ada@acme', 'bob@globex', 'eve@initech']) memberships.set(member, [])
  throughline = open()
})
afterEach(() => throughline.close())

const app = (options: AppOptions = {}, instance: ReturnType<typeof open> = throughline) => createApp(instance, options)
const host = fromSubdomain('example.com')
const user = (found: LoggedIn): string | undefined => found.user?.orgId
const as = (target: ReturnType<typeof app>, who: string, headers: Record<string, string> = {}, path = '/whoami') =>
  request(target).get(path).set('x-user', who).set(headers)
const at = (tenant: string) => ({ host: `${tenant}.example.com` })

const refusals = async (tenant?: string) =>
  (await trailOf(throughline, tenant)).filter(({ action }) => action !== 'request.handled')

describe('sources that disagree', () => {
  it('are refused, on the trail of the tenant whose credentials were used, and not on the other’s', async () => {
    const target = app({ tenant: [host, user] })
    const response = await as(target, 'bob@globex', at('acme'))
    expect(response.status).toBe(403)
    expect(response.body).toMatchObject({ code: 'TENANT_DISAGREEMENT', status: 403 })
    expect(JSON.stringify(response.body)).not.toMatch(/acme|globex/)
    expect(await refusals('globex')).toMatchObject([
      {
        action: 'auth.refused',
        outcome: 'refused',
        actor: { id: 'bob' },
        metadata: {
          code: 'TENANT_DISAGREEMENT',
          sources: [
            { source: 'subdomain', tenant: 'acme' },
            { source: 'function', tenant: 'globex' },
          ],
        },
      },
    ])
    expect(await trailOf(throughline, 'acme')).toEqual([])
  })

  it('are refused in every order, and a claim counts for more than the header beside it', async () => {
    const header = fromHeader('x-tenant-id')
    for (const tenant of [
      [host, user, header],
      [header, user, host],
      [user, header, host],
    ] as const) {
      const target = app({ tenant })
      expect((await as(target, 'ada@acme', { ...at('acme'), 'x-tenant-id': 'globex' })).status).toBe(403)
      expect((await as(target, 'ada@acme', { ...at('acme'), 'x-tenant-id': 'acme' })).status).toBe(200)
      expect((await as(target, 'ada@acme', { 'x-tenant-id': 'acme' })).body).toMatchObject({ tenant: 'acme' })
    }
  })

  it('do not disagree where one is weak: the host names, membership decides', async () => {
    memberships.set('ada@globex', [])
    const weak = fromClaim<LoggedIn>('orgId', { claims: (found) => found.user, weak: true })
    const target = app({ tenant: [host, weak] })
    expect((await as(target, 'ada@acme', at('globex'))).body).toMatchObject({ tenant: 'globex' })
    expect((await as(target, 'ada@acme')).body).toMatchObject({ tenant: 'acme' })
    expect((await as(target, 'bob@globex', at('acme'))).status).toBe(404)
  })

  it('of an API key and a session are refused too', async () => {
    const key = fromApiKey((found) => (found === 'sk_globex' ? { tenant: 'globex', actor: { id: 'ci' } } : null))
    const target = app({ tenant: [user, key], membership: 'claimed' })
    expect((await as(target, 'ada@acme', { authorization: 'Bearer sk_globex' })).status).toBe(403)
    expect((await as(target, '', { authorization: 'Bearer sk_globex' })).body).toMatchObject({
      tenant: 'globex',
      actor: { id: 'ci', type: 'api_key' },
    })
    expect((await as(target, 'ada@acme', { authorization: 'Bearer sk_stolen' })).status).toBe(401)
  })

  it('of two tenantContext of one request are refused, and nothing goes to the other trail', async () => {
    const target = express()
    target.set('env', 'test')
    target.use(login())
    const options = { actor: (found: LoggedIn) => found.user, membership: 'claimed' as const }
    target.use(tenantContext<LoggedIn>(throughline, { ...options, tenant: user }))
    target.use('/same', tenantContext<LoggedIn>(throughline, { ...options, tenant: user }))
    target.use('/other', tenantContext<LoggedIn>(throughline, { ...options, tenant: () => 'globex' }))
    target.use((_request, response) => void response.json({}))
    target.use(problemDetails())
    expect((await as(target, 'ada@acme', {}, '/same')).status).toBe(200)
    expect((await as(target, 'ada@acme', {}, '/other')).status).toBe(403)
    expect(await refusals('acme')).toMatchObject([{ metadata: { code: 'TENANT_DISAGREEMENT' } }])
    expect(await trailOf(throughline, 'globex')).toEqual([])
  })
})

describe('a spoofed header alone', () => {
  const header = fromHeader('x-tenant-id')

  it('is refused where nothing says who belongs to whom', async () => {
    const bare = open({ tenants: { load: (id: string) => organizations.get(id) } })
    try {
      const target = createApp(bare, { tenant: header })
      for (const [who, anonymous] of [
        ['ada', 'refuse'],
        ['', 'allow'],
      ] as const) {
        const response = await as(createApp(bare, { tenant: header, anonymous }), who, { 'x-tenant-id': 'acme' })
        expect(response.status).toBe(403)
        expect(response.body.code).toBe('TENANT_SOURCE_UNTRUSTED')
        // The answer for a tenant that does not exist is the same.
        const made = await as(createApp(bare, { tenant: header, anonymous }), who, { 'x-tenant-id': 'made-up' })
        expect(made.body).toEqual(response.body)
      }
      expect((await as(target, '', { 'x-tenant-id': 'acme' })).status).toBe(401)
      expect((await trailOf(bare, 'acme')).map(({ metadata }) => metadata.code)).toContain('TENANT_SOURCE_UNTRUSTED')
    } finally {
      await bare.close()
    }
  })

  it('is no proof under membership "claimed" either', async () => {
    const response = await as(app({ tenant: header, membership: 'claimed' }), 'ada', { 'x-tenant-id': 'globex' })
    expect(response.body.code).toBe('TENANT_SOURCE_UNTRUSTED')
  })

  it('gives no foreign tenant where membership decides', async () => {
    const target = app({ tenant: header })
    expect((await as(target, 'ada', { 'x-tenant-id': 'acme' })).status).toBe(200)
    expect((await as(target, 'ada', { 'x-tenant-id': 'globex' })).status).toBe(404)
  })

  it('can not name the operator’s trail, or two tenants', async () => {
    const target = app({ tenant: header })
    for (const value of ['$platform', '$unknown', 'acme, globex', '__proto__']) {
      expect((await as(target, 'ada', { 'x-tenant-id': value })).status, value).toBe(404)
    }
    const alone = createThroughline()
    try {
      const lenient = createApp(alone, { tenant: header, membership: () => true })
      expect((await as(lenient, 'ada', { 'x-tenant-id': '$platform' })).status).toBe(404)
      expect((await as(lenient, 'ada', { 'x-tenant-id': 'any' })).status).toBe(200)
    } finally {
      await alone.close()
    }
  })
})

describe('who is no member', () => {
  it('gets 404, and the attempt is on the tenant’s timeline', async () => {
    const response = await as(app({ tenant: host }), 'eve', at('acme'))
    expect(response.status).toBe(404)
    expect(response.body).toMatchObject({ code: 'TENANT_NOT_FOUND', detail: 'Not found.' })
    expect(await refusals('acme')).toMatchObject([
      { action: 'auth.refused', actor: { id: 'eve' }, metadata: { code: 'TENANT_NOT_FOUND', reason: 'NOT_MEMBER' } },
    ])
  })

  it('can not tell it from a tenant that does not exist, nor a suspended one', async () => {
    const target = app({ tenant: host })
    const answers = await Promise.all(
      ['acme', 'initech', 'made-up'].map(async (tenant) => {
        const { status, body } = await as(target, 'mallory', at(tenant))
        return { status, body }
      }),
    )
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
    expect(answers[0]?.status).toBe(404)
  })

  it('gets 403 where the app says so, for both', async () => {
    const target = app({ tenant: host, foreign: 'forbid' })
    expect((await as(target, 'eve', at('acme'))).body).toMatchObject({ code: 'TENANT_FORBIDDEN', status: 403 })
    expect((await as(target, 'eve', at('made-up'))).body).toMatchObject({ code: 'TENANT_FORBIDDEN', status: 403 })
  })

  it('gets no further where the look-up fails: an unknown membership is none', async () => {
    const down = open({
      tenants: {
        load: (id: string) => organizations.get(id),
        isMember: () => Promise.reject(new Error('no database')),
      },
    })
    try {
      expect((await as(createApp(down, { tenant: host }), 'ada', at('acme'))).status).toBe(500)
    } finally {
      await down.close()
    }
  })

  it('has an answer of his own, and equal attempts of a minute are one event with a count', async () => {
    const target = app({ tenant: host })
    for (let i = 0; i < 20; i++) await as(target, 'eve', at('acme'))
    await as(target, 'mallory', at('acme'))
    now += 60_000
    await as(target, 'eve', at('acme'))
    const counts = (await refusals('acme')).map(({ actor, count }) => [actor.id, count])
    expect(counts).toEqual([
      ['eve', 1],
      ['mallory', 1],
      ['eve', 20],
    ])
  })
})

describe('an unknown tenant', () => {
  it('is 404 for who is logged in, and 401 for who is not, as one that exists', async () => {
    const target = app({ tenant: host })
    expect((await as(target, 'ada', at('made-up'))).status).toBe(404)
    const [known, made] = [await as(target, '', at('acme')), await as(target, '', at('made-up'))]
    expect(known.status).toBe(401)
    expect(made.status).toBe(401)
    expect(made.body).toEqual(known.body)
  })

  it('is counted on the operator’s trail: 10,000 made-up ids leave a handful of records', async () => {
    const served = await Served.open(app({ tenant: fromHeader('x-tenant-id') }))
    const asked = (who: string, tenant: string): Promise<Answer> =>
      served.send('/whoami', { headers: { 'x-user': who, 'x-tenant-id': tenant } })
    try {
      for (let i = 0; i < 10_000; i += 200) {
        const made = Array.from({ length: 200 }, (_, n) => asked('mallory', `made-up-${i + n}`))
        for (const { status } of await Promise.all(made)) expect(status).toBe(404)
      }
      const unknown = (await trailOf(throughline)).filter(({ action }) => action === 'tenant.unknown')
      expect(unknown).toMatchObject([{ count: 10_000, actor: { id: 'mallory' } }])
      expect((await asked('ada', 'acme')).status).toBe(200)
    } finally {
      await served.close()
    }
  })
})

describe('a suspended tenant', () => {
  it('is 403 for its members', async () => {
    const response = await as(app({ tenant: host }), 'eve', at('initech'))
    expect(response.status).toBe(403)
    expect(response.body.code).toBe('TENANT_SUSPENDED')
    expect(await refusals('initech')).toMatchObject([{ metadata: { code: 'TENANT_SUSPENDED' }, actor: { id: 'eve' } }])
  })
})

describe('a login of the app’s own that fails', () => {
  it('is auth.refused on the operator’s trail', async () => {
    expect((await as(app({ tenant: host }), 'wrong-password', at('acme'))).status).toBe(401)
    expect(await refusals()).toMatchObject([
      { action: 'auth.refused', outcome: 'refused', metadata: { code: '401' }, context: { request: { status: 401 } } },
    ])
    expect(await trailOf(throughline, 'acme')).toEqual([])
  })

  it('is on the tenant’s trail where something hints at it, and it exists', async () => {
    const target = app({ tenant: host, audit: { tenant: host } })
    await as(target, 'wrong-password', at('acme'))
    await as(target, 'wrong-password', at('made-up'))
    expect(await refusals('acme')).toMatchObject([{ action: 'auth.refused', metadata: { code: '401' } }])
    expect(await refusals()).toMatchObject([{ action: 'auth.refused' }])
  })

  it('is not recorded twice where our own pipeline refused', async () => {
    await as(app({ tenant: host }), '', at('acme'))
    expect(await refusals('acme')).toMatchObject([{ metadata: { code: 'ACTOR_REQUIRED' } }])
    expect(await refusals()).toEqual([])
  })

  it('is recorded when it is a 403 or an error too', async () => {
    const target = express()
    target.use(requestAudit(throughline))
    target.get('/forbidden', (_request, response) => void response.status(403).end())
    target.get('/boom', (_request, response) => void response.status(500).end())
    await request(target).get('/forbidden')
    await request(target).get('/boom')
    expect((await refusals()).map(({ action }) => action).sort()).toEqual(['auth.refused', 'error'])
  })
})

describe('a request without actor', () => {
  it('is refused unless the app lets it in, as anonymous', async () => {
    expect((await as(app({ tenant: host }), '', at('acme'))).status).toBe(401)
    const target = app({ tenant: host, anonymous: 'allow' })
    expect((await as(target, '', at('acme'))).body).toMatchObject({ tenant: 'acme', actor: { id: 'anonymous' } })
    expect((await as(target, 'eve', at('acme'))).status).toBe(404)
    expect((await as(target, '', at('initech'))).status).toBe(403)
  })
})

describe('routes', () => {
  it('that are tenantless have none, and their requests are the operator’s', async () => {
    const target = app({ tenant: host, tenantless: ['/open'] })
    expect((await as(target, '', at('acme'), '/open')).body).toEqual({ tenant: null })
    expect((await as(target, 'ada', at('acme'), '/open/')).body).toEqual({ tenant: null })
    expect((await as(target, '', at('acme'), '/OPEN')).status).toBe(401)
    expect(await trailOf(throughline, 'acme')).toMatchObject([
      { action: 'auth.refused' },
      { action: 'request.handled' },
    ])
    // What has no tenant is counted, per route and minute.
    expect(await trailOf(throughline)).toMatchObject([{ count: 2, context: { request: { route: '/open' } } }])
    const chosen = app({ tenant: host, tenantless: (found: LoggedIn) => found.path === '/open' })
    expect((await as(chosen, '', at('acme'), '/open')).status).toBe(200)
  })

  it('that are excluded leave no record, whichever middleware excludes them', async () => {
    for (const options of [
      { exclude: ['/whoami'] },
      { audit: { exclude: ['/whoami'] } },
      { audit: false, exclude: ['/whoami'] },
    ] as const) {
      expect((await as(app({ tenant: user, ...options }), 'ada@acme')).status).toBe(200)
    }
    expect(await trailOf(throughline, 'acme')).toEqual([])
    expect(await trailOf(throughline)).toEqual([])
  })

  it('that are excluded are billed all the same', async () => {
    const metered = createThroughline({ meters: { pings: { aggregate: 'count' } } })
    try {
      const target = express()
      target.use(login())
      const options = { tenant: user, actor: (found: LoggedIn) => found.user, exclude: ['/ping'] }
      target.use(tenantContext<LoggedIn>(metered, options))
      target.get('/ping', guard(metered.guards.meter('pings')), (_request, response) => void response.send('pong'))
      await as(target as never, 'ada@acme', {}, '/ping')
      await metered.run({ tenant: 'acme', actor: { id: 'ada' } }, async () => {
        expect((await metered.usage.totals()).totals).toEqual([{ meter: 'pings', quantity: 1, count: 1 }])
      })
    } finally {
      await metered.close()
    }
  })
})

describe('observe', () => {
  const observing = (mode: ThroughlineOptions['mode']) => open({ mode: mode as 'observe' })

  it('lets through what resolution would have refused, in the tenant’s context, and records it', async () => {
    const instance = observing({ resolution: 'observe' })
    try {
      const target = createApp(instance, { tenant: [host, user] })
      expect((await as(target, 'bob@globex', at('acme'))).body).toMatchObject({ tenant: 'globex' })
      expect((await as(target, 'eve@initech')).body).toMatchObject({ tenant: 'initech' })
      expect((await as(target, '', at('acme'), '/open')).body).toEqual({ tenant: null })
      const observed = (await trailOf(instance, 'globex')).filter(({ action }) => action === 'auth.refused')
      expect(observed).toMatchObject([{ metadata: { code: 'TENANT_DISAGREEMENT', observed: true } }])
      const suspended = (await trailOf(instance, 'initech')).filter(({ action }) => action === 'auth.refused')
      expect(suspended).toMatchObject([{ metadata: { code: 'TENANT_SUSPENDED', observed: true } }])
      // Membership is a layer of its own, and enforces.
      expect((await as(target, 'eve', at('acme'))).status).toBe(404)
    } finally {
      await instance.close()
    }
  })

  it('lets through who is no member, and records it', async () => {
    const instance = observing({ membership: 'observe' })
    try {
      const target = createApp(instance, { tenant: [host, user] })
      expect((await as(target, 'eve', at('acme'))).body).toMatchObject({ tenant: 'acme', actor: { id: 'eve' } })
      const events = await trailOf(instance, 'acme')
      expect(events).toMatchObject([
        { action: 'auth.refused', metadata: { reason: 'NOT_MEMBER', observed: true } },
        { action: 'request.handled', outcome: 'success' },
      ])
      expect((await as(target, 'bob@globex', at('acme'))).status).toBe(403)
    } finally {
      await instance.close()
    }
  })
})

describe('trace headers', () => {
  it('join the trace, and never choose a tenant', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
    const target = app({ tenant: [fromHeader('x-tenant-id'), user] })
    const response = await as(target, 'ada@acme', {
      traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
      baggage: 'tenant=globex,throughline.tenant=globex,x-tenant-id=globex',
      tracestate: 'throughline=globex',
    })
    expect(response.body).toMatchObject({ tenant: 'acme', traceId })
    expect((await trailOf(throughline, 'acme'))[0]?.context.traceId).toBe(traceId)
    for (const bad of [
      '',
      'x',
      `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
      `00-${traceId.toUpperCase()}-00f067aa0ba902b7-01`,
    ]) {
      const { body } = await as(target, 'ada@acme', { traceparent: bad })
      expect(body.traceId).toMatch(/^[0-9a-f]{32}$/)
      expect(body.traceId).not.toBe(traceId)
    }
  })
})

describe('what is revoked', () => {
  it('acts on requests 2 s later: a removed member, a new role, a suspended tenant', async () => {
    const target = app({ tenant: host })
    const status = async (path = '/whoami') => (await as(target, 'ada', at('acme'), path)).status
    expect(await status()).toBe(200)
    expect(await status('/admin')).toBe(403)
    memberships.set('ada@acme', ['admin'])
    now += 2_001
    expect(await status('/admin')).toBe(200)
    memberships.delete('ada@acme')
    now += 2_001
    expect(await status()).toBe(404)
    memberships.set('ada@acme', [])
    organizations.set('acme', { id: 'acme', status: 'suspended' })
    now += 2_001
    expect(await status()).toBe(403)
  })

  it('acts in a running context at its next guard', async () => {
    const target = express()
    target.set('env', 'test')
    target.use(login())
    target.use(tenantContext<LoggedIn>(throughline, { tenant: host, actor: (found) => found.user }))
    const later =
      (revoke: () => void): express.RequestHandler =>
      (_request, _response, next) => {
        revoke()
        now += 2_001
        next()
      }
    const done: express.RequestHandler = (_request, response) => void response.json({})
    memberships.set('ada@acme', ['admin'])
    const admin = guard(requireRole('admin'))
    target.get(
      '/stays',
      admin,
      later(() => undefined),
      admin,
      done,
    )
    target.get(
      '/removed',
      admin,
      later(() => void memberships.delete('ada@acme')),
      admin,
      done,
    )
    target.get(
      '/suspended',
      admin,
      later(() => void organizations.set('acme', { id: 'acme', status: 'suspended' })),
      admin,
      done,
    )
    target.use(problemDetails())
    expect((await as(target as never, 'ada', at('acme'), '/stays')).status).toBe(200)
    expect((await as(target as never, 'ada', at('acme'), '/removed')).status).toBe(404)
    memberships.set('ada@acme', ['admin'])
    now += 2_001
    expect((await as(target as never, 'ada', at('acme'), '/suspended')).status).toBe(403)
    expect((await refusals('acme')).map(({ metadata }) => metadata.code)).toEqual([
      'TENANT_SUSPENDED',
      'TENANT_NOT_FOUND',
    ])
  })
})

describe('enter', () => {
  const hooks = (instance: ReturnType<typeof open> = throughline) => {
    const target = express()
    target.set('env', 'test')
    target.use(requestAudit(instance), express.json())
    target.post('/hook', async (found, response, next) => {
      try {
        for (const tenant of found.body.tenants) {
          await enter(instance, found, { tenant, actor: { type: 'service', id: 'billing' } }, () =>
            instance.audit.record({ action: 'invoice.paid', metadata: { tenant } }),
          )
        }
        response.json({})
      } catch (error) {
        next(error)
      }
    })
    target.use(problemDetails())
    return target
  }

  it('puts a webhook on the trail of the tenant that its body names', async () => {
    expect(
      (
        await request(hooks())
          .post('/hook')
          .send({ tenants: ['acme', 'acme'] })
      ).status,
    ).toBe(200)
    expect((await trailOf(throughline, 'acme')).map(({ action }) => action).sort()).toEqual([
      'invoice.paid',
      'invoice.paid',
      'request.handled',
    ])
  })

  it('never lets one request be two tenants’', async () => {
    expect(
      (
        await request(hooks())
          .post('/hook')
          .send({ tenants: ['acme', 'globex'] })
      ).status,
    ).toBe(500)
    expect(JSON.stringify(await trailOf(throughline, 'acme'))).not.toContain('globex')
    expect(await trailOf(throughline, 'globex')).toEqual([])
  })

  it('refuses unknown and suspended tenants', async () => {
    expect(
      (
        await request(hooks())
          .post('/hook')
          .send({ tenants: ['made-up'] })
      ).status,
    ).toBe(404)
    expect(
      (
        await request(hooks())
          .post('/hook')
          .send({ tenants: ['$platform'] })
      ).status,
    ).toBe(404)
    expect(
      (
        await request(hooks())
          .post('/hook')
          .send({ tenants: ['initech'] })
      ).status,
    ).toBe(403)
  })
})
