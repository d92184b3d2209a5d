import { createThroughline, fromApiKey, fromClaim, fromHeader } from '@throughline/core'
import { problemDetails, tenantContext } from '@throughline/express'
import express from 'express'
import { describe, expect, it } from 'vitest'
import type { LoggedIn } from '../app.ts'
import { createApp, login, trailOf } from '../app.ts'
import { app, as, at, host, load, open, refusals, user, useWorld, world } from './world.ts'

useWorld()

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
    expect(await trailOf(world.throughline, 'acme')).toEqual([])
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
    world.memberships.set('ada@globex', [])
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

  it('let nobody in who sends the API key of an organization along that he does not belong to', async () => {
    const key = fromApiKey((found) => (found === 'sk_acme' ? { tenant: 'acme', actor: { id: 'ci' } } : null))
    const last = fromClaim<LoggedIn>('orgId', {
      claims: (found) => found.user,
      weak: true,
      actor: (claims) => claims as never,
    })
    const both = { authorization: 'Bearer sk_acme' }
    const bare = open({ tenants: { load } })
    const observing = open({ tenants: { load }, mode: { resolution: 'observe' } })
    try {
      const target = createApp(bare, { tenant: [last, key] })
      expect((await as(target, '', both)).body).toMatchObject({ tenant: 'acme', actor: { id: 'ci' } })
      expect((await as(target, 'bob@globex', both)).body).toMatchObject({ code: 'TENANT_SOURCE_UNTRUSTED' })
      // Nor where a disagreement is only observed.
      const observed = createApp(observing, { tenant: [last, key, host] })
      expect((await as(observed, 'bob@globex', { ...both, ...at('globex') }, '/open')).body).toEqual({ tenant: null })
    } finally {
      await Promise.all([bare.close(), observing.close()])
    }
    // Where membership decides, it is his own.
    const decided = app({ tenant: [last, key] })
    expect((await as(decided, 'ada@globex', both)).body).toMatchObject({ tenant: 'acme', actor: { id: 'ada' } })
    expect((await as(decided, 'bob@globex', both)).status).toBe(404)
  })

  it('of two tenantContext of one request are refused, and nothing goes to the other trail', async () => {
    const target = express()
    target.set('env', 'test')
    target.use(login())
    const options = { actor: (found: LoggedIn) => found.user, membership: 'claimed' as const }
    target.use(tenantContext<LoggedIn>(world.throughline, { ...options, tenant: user }))
    target.use('/same', tenantContext<LoggedIn>(world.throughline, { ...options, tenant: user }))
    target.use('/other', tenantContext<LoggedIn>(world.throughline, { ...options, tenant: () => 'globex' }))
    target.use((_request, response) => void response.json({}))
    target.use(problemDetails())
    expect((await as(target, 'ada@acme', {}, '/same')).status).toBe(200)
    expect((await as(target, 'ada@acme', {}, '/other')).status).toBe(403)
    expect(await refusals('acme')).toMatchObject([{ metadata: { code: 'TENANT_DISAGREEMENT' } }])
    expect(await trailOf(world.throughline, 'globex')).toEqual([])
  })
})

describe('a spoofed header alone', () => {
  const header = fromHeader('x-tenant-id')

  it('is refused where nothing says who belongs to whom', async () => {
    const bare = open({ tenants: { load } })
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

describe('trace headers', () => {
  it('join the trace, and never choose a tenant', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
    const target = app({ tenant: [fromHeader('x-tenant-id'), user] })
    const response = await as(target, 'ada@acme', {
      traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
      baggage: 'tenant=globex,world.throughline.tenant=globex,x-tenant-id=globex',
      tracestate: 'throughline=globex',
    })
    expect(response.body).toMatchObject({ tenant: 'acme', traceId })
    expect((await trailOf(world.throughline, 'acme'))[0]?.context.traceId).toBe(traceId)
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
