import type { RequestListener } from 'node:http'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import Router from '@koa/router'
import {
  concurrent,
  createThroughline,
  type Guard,
  perMinute,
  rateLimit,
  requireRole,
  ThroughlineError,
  type ThroughlineOptions,
} from '@throughline/core'
import type { LimitsStore } from '@throughline/core/storage'
import { combine, memoryStorage } from '@throughline/core/storage'
import * as onExpress from '@throughline/express'
import * as onKoa from '@throughline/koa'
import express from 'express'
import Koa from 'koa'
import { parseList } from 'structured-headers'
import { afterEach, describe, expect, it } from 'vitest'

const catalog = {
  limits: {
    api: [perMinute(5), perMinute(3, { by: 'actor' })],
    exports: concurrent(1),
    search: perMinute(1, { by: 'route' }),
    critical: perMinute(1, { priority: 'critical' }),
  },
} as const

type Handler = () => Promise<string> | string
type Routes = Readonly<Record<string, readonly [guards: readonly [Guard, ...Guard[]], handler: Handler]>>

/** The same routes on a framework. */
type Mount = (throughline: ReturnType<typeof createThroughline>, routes: Routes) => RequestListener

const onBoth: Readonly<Record<string, Mount>> = {
  express: (throughline, routes) => {
    const app = express()
    app.set('env', 'test')
    app.use(
      onExpress.tenantContext(throughline, {
        tenant: (request) => request.get('x-tenant'),
        actor: (request) => ({ id: request.get('x-actor') ?? 'ada' }),
        membership: 'claimed',
      }),
    )
    for (const [path, [guards, handler]] of Object.entries(routes)) {
      app.get(path, onExpress.guard(...guards), async (_request, response) => void response.send(await handler()))
    }
    app.use(onExpress.problemDetails())
    return app
  },
  koa: (throughline, routes) => {
    const app = new Koa()
    app.silent = true
    app.use(onKoa.problemDetails())
    app.use(
      onKoa.tenantContext(throughline, {
        tenant: (context: Koa.Context) => context.get('x-tenant'),
        actor: (context: Koa.Context) => ({ id: context.get('x-actor') || 'ada' }),
        membership: 'claimed',
      }),
    )
    const router = new Router()
    for (const [path, [guards, handler]] of Object.entries(routes)) {
      router.get(path, onKoa.guard(...guards), async (context) => {
        context.body = await handler()
      })
    }
    app.use(router.routes())
    return app.callback()
  },
}

describe.each(Object.keys(onBoth))('limits on %s', (framework) => {
  const closing: (() => Promise<unknown>)[] = []

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close()
  })

  async function serve(routes: Routes, options: Partial<ThroughlineOptions> = {}) {
    const throughline = createThroughline({ tenants: { load: (id: string) => ({ id }) }, catalog, ...options })
    const app = (onBoth[framework] as Mount)(throughline as ReturnType<typeof createThroughline>, routes)
    const server = http.createServer(app)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closing.push(
      () => throughline.close(),
      () => new Promise((resolve) => server.close(resolve)),
    )
    const { port } = server.address() as AddressInfo
    const get = (path: string, headers: Record<string, string> = {}, signal: AbortSignal | null = null) =>
      fetch(`http://127.0.0.1:${port}${path}`, { headers: { 'x-tenant': 'acme', ...headers }, signal })
    return { throughline, get }
  }

  it('are told on what passes, and on what is refused with a problem of the draft', async () => {
    const { get } = await serve({ '/api': [[rateLimit('api')], () => 'ok'] })
    const passed = await get('/api')
    expect(passed.status).toBe(200)
    expect(passed.headers.get('ratelimit-policy')).toBe('"api";q=5;w=60;pk=:YWNtZQ==:, "api/actor";q=3;w=60;pk=:YWRh:')
    expect(parseList(passed.headers.get('ratelimit') as string).map(([name, of]) => [name, of.get('r')])).toEqual([
      ['api', 4],
      ['api/actor', 2],
    ])
    expect(passed.headers.get('retry-after')).toBeNull()
    for (let i = 0; i < 2; i++) await get('/api')
    const refused = await get('/api')
    expect(refused.status).toBe(429)
    expect(refused.headers.get('content-type')).toBe('application/problem+json')
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(parseList(refused.headers.get('ratelimit') as string)).toHaveLength(2)
    expect(await refused.json()).toMatchObject({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      status: 429,
      code: 'LIMIT_EXCEEDED',
      'violated-policies': ['api/actor'],
    })
    expect((await get('/api', { 'x-actor': 'bob' })).status).toBe(200)
  })

  it('give back what was taken for a call that a later guard refused, and not for one that failed', async () => {
    let fails = false
    const { get } = await serve({
      '/admin': [[rateLimit('api'), requireRole('admin')], () => 'ok'],
      '/api': [
        [rateLimit('api')],
        () => {
          if (fails) throw new Error('broken')
          return 'ok'
        },
      ],
    })
    for (let i = 0; i < 4; i++) expect((await get('/admin')).status).toBe(403)
    expect((await get('/api')).headers.get('ratelimit')).toContain('r=4')
    fails = true
    expect((await get('/api')).status).toBe(500)
    fails = false
    expect((await get('/api')).headers.get('ratelimit')).toContain('r=2')
  })

  it('hold what runs at once until the answer has left', async () => {
    let finish: () => void = () => undefined
    let running = 0
    const { get } = await serve({
      '/export': [
        [rateLimit('exports')],
        () =>
          new Promise((resolve) => {
            running += 1
            finish = () => resolve('done')
          }),
      ],
    })
    const first = get('/export')
    await expect.poll(() => running).toBe(1)
    const second = await get('/export')
    expect(second.status).toBe(429)
    expect(second.headers.get('ratelimit-policy')).toContain('qu="concurrent-requests"')
    finish()
    expect((await first).status).toBe(200)
    const third = get('/export')
    await expect.poll(() => running).toBe(2)
    finish()
    expect((await third).status).toBe(200)
  })

  it.each(['the tenant', 'the limit'])('are free of a client that has gone while %s was looked up', async (what) => {
    let found: (() => void) | undefined
    const lookUp = (of: string) => (of === what ? new Promise<void>((resolve) => (found = resolve)) : undefined)
    const log: string[] = []
    const hold = { keep: () => void log.push('kept'), release: () => void log.push('released') }
    const held: Guard = { name: 'held', check: async () => lookUp('the limit')?.then(() => hold) ?? hold }
    const load = async (id: string) => {
      await lookUp('the tenant')
      return { id }
    }
    const { get, throughline } = await serve({ '/export': [[held], () => 'ok'] }, { tenants: { load } })
    const client = new AbortController()
    const asked = get('/export', {}, client.signal)
    await expect.poll(() => found).toBeDefined()
    client.abort()
    await expect(asked).rejects.toThrow()
    const tenant = what === 'the tenant' ? {} : { tenant: 'acme' }
    await expect
      .poll(() =>
        throughline.platform.run({ actor: { id: 'olga' }, reason: 'test' }, async ({ audit }) => {
          const { events } = await audit.list({ ...tenant, action: 'request.handled' })
          return events.map(({ metadata }) => metadata.aborted)
        }),
      )
      .toEqual([true])
    expect(log).toEqual([])
    found?.()
    await expect.poll(() => log).toEqual(['released'])
  })

  it.each([200, 400])(
    'are no reason to fail what can’t be decided after it ended with %d: the log is told',
    async (status) => {
      const warned: unknown[] = []
      const log: string[] = []
      const decide = (): void => void log.push(status < 400 ? 'kept' : 'released')
      const fails = (): never => {
        throw new Error('out of reach')
      }
      const guards: readonly [Guard, Guard] = [
        { name: 'failing', check: () => ({ keep: fails, release: fails }) },
        { name: 'sound', check: () => ({ keep: decide, release: decide }) },
      ]
      const handler = (): string => {
        if (status < 400) return 'ok'
        throw new ThroughlineError('QUERY_INVALID')
      }
      const logger = { warn: (message: string) => void warned.push(message) }
      const { get, throughline } = await serve({ '/export': [guards, handler] }, { logger })
      expect((await get('/export')).status).toBe(status)
      expect(log).toEqual([status < 400 ? 'kept' : 'released'])
      expect(warned).toEqual(['throughline: Error: out of reach'])
      const { events } = await throughline.run({ tenant: 'acme', actor: { id: 'ada' } }, () =>
        throughline.audit.list({ action: 'request.handled' }),
      )
      expect(events.map(({ context }) => context.request?.status)).toEqual([status])
    },
  )

  it('count by route', async () => {
    const { get } = await serve({
      '/search': [[rateLimit('search')], () => 'ok'],
      '/lookup': [[rateLimit('search')], () => 'ok'],
    })
    expect([(await get('/search')).status, (await get('/lookup')).status]).toEqual([200, 200])
    expect((await get('/search?q=1')).status).toBe(429)
  })

  it('answer 503 where the store is closed to them, or the process is saturated', async () => {
    const down: LimitsStore = {
      name: 'down',
      decide: () => Promise.reject(new Error('down')),
      refund: async () => undefined,
      renew: async () => true,
      close: async () => undefined,
    }
    const routes: Routes = { '/api': [[rateLimit('closed' as 'api')], () => 'ok'] }
    const closed = await serve(routes, {
      catalog: { limits: { closed: perMinute(5, { whenUnavailable: 'closed' }) } },
      storage: combine(memoryStorage(), { limits: down }),
      logger: { warn: () => undefined },
    })
    const refused = await closed.get('/api')
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1'])
    expect(await refused.json()).toMatchObject({
      type: 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity',
      code: 'LIMIT_UNAVAILABLE',
      'violated-policies': ['closed'],
    })
    const busy = await serve(
      { '/api': [[rateLimit('api')], () => 'ok'], '/critical': [[rateLimit('critical')], () => 'ok'] },
      { loadShedding: { maxDelayMs: 10, delayMs: () => 1_000 } },
    )
    const shed = await busy.get('/api')
    expect(shed.status).toBe(503)
    expect(await shed.json()).toMatchObject({ code: 'LOAD_SHED' })
    expect((await busy.get('/critical')).status).toBe(200)
  })

  it('are told as they were of old, or not at all, where that is asked', async () => {
    const legacy = await serve({ '/api': [[rateLimit('api')], () => 'ok'] }, { limiting: { headers: 'legacy' } })
    const { headers } = await legacy.get('/api')
    expect([headers.get('x-ratelimit-limit'), headers.get('x-ratelimit-remaining')]).toEqual(['3', '2'])
    expect(headers.get('ratelimit')).toBeNull()
    const none = await serve({ '/api': [[rateLimit('api')], () => 'ok'] }, { limiting: { headers: 'none' } })
    expect((await none.get('/api')).headers.get('ratelimit-policy')).toBeNull()
  })

  it('of several guards are one list, or the last one’s where there is no list', async () => {
    const guards = [rateLimit('critical'), rateLimit('api')] as const
    const { get } = await serve({ '/api': [guards, () => 'ok'] }, { limiting: { headers: 'both' } })
    const { headers } = await get('/api')
    const names = [...parseList(headers.get('ratelimit') ?? '')].map(([name]) => name)
    expect(names).toEqual(['critical', 'api', 'api/actor'])
    expect([...parseList(headers.get('ratelimit-policy') ?? '')]).toHaveLength(3)
    expect(headers.get('x-ratelimit-limit')).toBe('3')
  })

  it('stand on the tenant’s timeline: what was refused, what was near, and how many passed', async () => {
    const { get, throughline } = await serve(
      { '/api': [[rateLimit('near' as 'api')], () => 'ok'] },
      { catalog: { limits: { near: perMinute(2, { nearAt: 0.9 }) } } },
    )
    for (let i = 0; i < 4; i++) await get('/api')
    await throughline.run({ tenant: 'acme', actor: { id: 'ada' } }, async () => {
      const { events } = await throughline.audit.list({ last: '1h' })
      const count = (action: string) =>
        events.filter((event) => event.action === action).reduce((sum, event) => sum + event.count, 0)
      expect([count('limit.passed'), count('limit.near'), count('limit.refused')]).toEqual([2, 1, 2])
    })
  })
})
