import { bind, checkGuards, createThroughline, guarded, perMinute } from '@throughline/core'
import { enter, guard, requestAudit, tenantContext } from '@throughline/express'
import express from 'express'
import request from 'supertest'
import { describe, expect, it } from 'vitest'
import type { LoggedIn } from '../app.ts'
import { login, trailOf } from '../app.ts'
import { app, as, at, host, refusals, user, useWorld, world } from './world.ts'

useWorld()

describe('a login of the app’s own that fails', () => {
  it('is auth.refused on the operator’s trail', async () => {
    expect((await as(app({ tenant: host }), 'wrong-password', at('acme'))).status).toBe(401)
    expect(await refusals()).toMatchObject([
      { action: 'auth.refused', outcome: 'refused', metadata: { code: '401' }, context: { request: { status: 401 } } },
    ])
    expect(await trailOf(world.throughline, 'acme')).toEqual([])
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
    target.use(requestAudit(world.throughline))
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
    expect(await trailOf(world.throughline, 'acme')).toMatchObject([
      { action: 'auth.refused' },
      { action: 'request.handled' },
    ])
    // What has no tenant is counted, per route and minute.
    expect(await trailOf(world.throughline)).toMatchObject([{ count: 2, context: { request: { route: '/open' } } }])
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
    expect(await trailOf(world.throughline, 'acme')).toEqual([])
    expect(await trailOf(world.throughline)).toEqual([])
  })

  it('that are excluded leave none of the limits that they pass', async () => {
    const limited = createThroughline({ limits: { api: perMinute(100) } })
    try {
      const target = express()
      target.use(login())
      const options = { tenant: user, actor: (found: LoggedIn) => found.user, exclude: ['/ping'] }
      target.use(tenantContext<LoggedIn>(limited, options))
      target.get('/ping', guard(limited.guards.rateLimit('api')), (_request, response) => void response.send('pong'))
      expect((await as(target as never, 'ada@acme', {}, '/ping')).status).toBe(200)
      expect(await trailOf(limited, 'acme')).toEqual([])
    } finally {
      await limited.close()
    }
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

  it.each(['a guarded function', 'what is entered', 'a guard that is late'])(
    'that are excluded are billed for %s',
    async (by) => {
      const metered = createThroughline({ meters: { pings: { aggregate: 'count' } } })
      const ada = { tenant: 'acme', actor: { id: 'ada' } }
      const meter = metered.guards.meter('pings')
      try {
        const target = express()
        target.use(login())
        const options = { tenant: user, actor: (found: LoggedIn) => found.user, exclude: ['/ping'] }
        target.use(tenantContext<LoggedIn>(metered, options))
        target.get('/ping', async (found, response) => {
          if (by === 'a guarded function') await guarded(() => undefined, meter)()
          if (by === 'what is entered') await enter(metered, found, ada, () => checkGuards([meter]))
          response.on(
            'finish',
            bind(() => {
              if (by === 'a guard that is late') void checkGuards([meter])
            }),
          )
          response.send('pong')
        })
        await as(target as never, 'ada@acme', {}, '/ping')
        await expect
          .poll(() => metered.run(ada, async () => (await metered.usage.totals()).totals))
          .toEqual([{ meter: 'pings', quantity: 1, count: 1 }])
        const events = await trailOf(metered, 'acme')
        expect(events.filter(({ context }) => context.request)).toMatchObject([{ action: 'usage.recorded' }])
      } finally {
        await metered.close()
      }
    },
  )
})
