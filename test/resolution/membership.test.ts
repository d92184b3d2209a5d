import type { Actor } from '@throughline/core'
import { currentContext, fromHeader, refresh, requireRole } from '@throughline/core'
import { guard, problemDetails, tenantContext } from '@throughline/express'
import express from 'express'
import { describe, expect, it } from 'vitest'
import type { LoggedIn } from '../app.ts'
import { createApp, login, trailOf } from '../app.ts'
import type { Answer } from '../http-client.ts'
import { Served } from '../http-client.ts'
import { app, as, at, host, load, open, refusals, useWorld, world } from './world.ts'

useWorld()

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
        load,
        isMember: () => Promise.reject(new Error('no database')),
      },
    })
    try {
      expect((await as(createApp(down, { tenant: host }), 'ada', at('acme'))).status).toBe(500)
    } finally {
      await down.close()
    }
  })

  it.each([
    ['a row', { org_id: 'acme', role: 'admin' }],
    ['a role', { roles: 'admin' }],
    ['a count', 1],
  ])('gets no further where the look-up answers with %s: the program says so', async (_what, answer) => {
    const told: unknown[] = []
    const unclear = open({ tenants: { load, isMember: () => answer as never } })
    const target = createApp(unclear, { tenant: host })
    try {
      expect((await as(target, 'ada', at('acme'))).body).toMatchObject({ status: 500, code: 'OPTIONS_INVALID' })
      await unclear.run({ tenant: 'acme', actor: { id: 'test' } }, async () => {
        for (const { metadata } of (await unclear.audit.list({ action: 'error' })).events) told.push(metadata['code'])
      })
      expect(told).toEqual(['OPTIONS_INVALID'])
    } finally {
      await unclear.close()
    }
  })

  it('has an answer of his own, and equal attempts of a minute are one event with a count', async () => {
    const target = app({ tenant: host })
    for (let i = 0; i < 20; i++) await as(target, 'eve', at('acme'))
    await as(target, 'mallory', at('acme'))
    world.now += 60_000
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
      const unknown = (await trailOf(world.throughline)).filter(({ action }) => action === 'tenant.unknown')
      expect(unknown).toMatchObject([{ count: 10_000, actor: { id: 'mallory' } }])
      expect((await asked('ada', 'acme')).status).toBe(200)
    } finally {
      await served.close()
    }
  })
})

describe('a row that load finds under another id than the one asked for', () => {
  it('is no tenant: its overrides and limits are kept under its own id, and it would be without them', async () => {
    const said: unknown[] = []
    // As of a column that does not tell upper from lower case.
    const instance = open({
      tenants: { load: (id) => load(id.toLowerCase()), isMember: () => true },
      logger: { warn: (...parts) => said.push(parts.join(' ')) },
    })
    try {
      const target = createApp(instance, { tenant: fromHeader('x-tenant-id') })
      expect((await as(target, 'ada', { 'x-tenant-id': 'acme' })).body).toMatchObject({ tenant: 'acme' })
      const response = await as(target, 'ada', { 'x-tenant-id': 'ACME' })
      expect(response.status).toBe(404)
      expect(response.body.code).toBe('TENANT_NOT_FOUND')
      expect(said).toEqual([expect.stringContaining('tenants.load("ACME") answered with a tenant whose id is "acme"')])
    } finally {
      await instance.close()
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

describe('what is revoked', () => {
  it('acts on requests 2 s later: a removed member, a new role, a suspended tenant', async () => {
    const target = app({ tenant: host })
    const status = async (path = '/whoami') => (await as(target, 'ada', at('acme'), path)).status
    expect(await status()).toBe(200)
    expect(await status('/admin')).toBe(403)
    world.memberships.set('ada@acme', ['admin'])
    world.now += 2_001
    expect(await status('/admin')).toBe(200)
    world.memberships.delete('ada@acme')
    world.now += 2_001
    expect(await status()).toBe(404)
    world.memberships.set('ada@acme', [])
    world.organizations.set('acme', { id: 'acme', status: 'suspended' })
    world.now += 2_001
    expect(await status()).toBe(403)
  })

  it('acts in a running context at its next guard', async () => {
    const target = express()
    target.set('env', 'test')
    target.use(login())
    target.use(tenantContext<LoggedIn>(world.throughline, { tenant: host, actor: (found) => found.user }))
    const later =
      (revoke: () => void): express.RequestHandler =>
      (_request, _response, next) => {
        revoke()
        world.now += 2_001
        next()
      }
    const done: express.RequestHandler = (_request, response) => void response.json({})
    world.memberships.set('ada@acme', ['admin'])
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
      later(() => void world.memberships.delete('ada@acme')),
      admin,
      done,
    )
    target.get(
      '/demoted',
      admin,
      later(() => void world.memberships.set('ada@acme', ['viewer'])),
      admin,
      done,
    )
    target.get(
      '/suspended',
      admin,
      later(() => void world.organizations.set('acme', { id: 'acme', status: 'suspended' })),
      admin,
      done,
    )
    target.use(problemDetails())
    expect((await as(target as never, 'ada', at('acme'), '/stays')).status).toBe(200)
    const demoted = await as(target as never, 'ada', at('acme'), '/demoted')
    expect(demoted.body).toMatchObject({ status: 403, code: 'ROLE_REQUIRED' })
    world.memberships.set('ada@acme', ['admin'])
    world.now += 2_001
    expect((await as(target as never, 'ada', at('acme'), '/removed')).status).toBe(404)
    world.memberships.set('ada@acme', ['admin'])
    world.now += 2_001
    expect((await as(target as never, 'ada', at('acme'), '/suspended')).status).toBe(403)
    expect((await refusals('acme')).map(({ metadata }) => metadata.code)).toEqual([
      'TENANT_SUSPENDED',
      'TENANT_NOT_FOUND',
      'ROLE_REQUIRED',
    ])
  })

  it('takes the roles along that a membership brought, where it says nothing of roles any more', async () => {
    let membership: true | { readonly roles: readonly string[] } = { roles: ['admin'] }
    const instance = open({ tenants: { load, isMember: () => membership } })
    const target = express()
    target.set('env', 'test')
    target.use(tenantContext(instance, { tenant: host, actor: () => ({ id: 'ada', roles: ['viewer'] }) }))
    const demoted: express.RequestHandler = (_request, _response, next) => {
      membership = true
      world.now += 2_001
      next()
    }
    const roles: string[][] = []
    const look: express.RequestHandler = (_request, _response, next) => {
      roles.push([...(currentContext().actor.roles ?? [])])
      next()
    }
    target.get('/', look, demoted, guard(requireRole('viewer')), look, guard(requireRole('admin')))
    target.use(problemDetails())
    try {
      const response = await as(target, 'ada', at('acme'), '/')
      expect(response.body).toMatchObject({ status: 403, code: 'ROLE_REQUIRED' })
      expect(roles).toEqual([['admin'], ['viewer']])
    } finally {
      await instance.close()
    }
  })

  it('is decided by what the login says each time, not by what the membership brought', async () => {
    const isMember = ({ roles }: Actor) => (roles?.includes('staff') ? { roles: ['admin'] } : false)
    const instance = open({ tenants: { load, isMember } })
    const target = express()
    target.set('env', 'test')
    target.use(tenantContext(instance, { tenant: host, actor: () => ({ id: 'ada', roles: ['staff'] }) }))
    const later: express.RequestHandler = (_request, _response, next) => {
      world.now += 2_001
      next()
    }
    target.get('/', later, guard(requireRole('admin')), async (_request, response) => {
      await refresh()
      response.json(currentContext().actor.roles)
    })
    target.use(problemDetails())
    try {
      const response = await as(target, 'ada', at('acme'), '/')
      expect([response.status, response.body]).toEqual([200, ['admin']])
    } finally {
      await instance.close()
    }
  })
})
