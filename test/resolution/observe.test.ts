import type { ThroughlineOptions } from '@throughline/core'
import { fromApiKey } from '@throughline/core'
import { describe, expect, it } from 'vitest'
import { createApp, trailOf } from '../app.ts'
import { as, at, host, open, user, useWorld } from './world.ts'

useWorld()

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

  it('opens no way round membership, which enforces: a removed member can not come in by a host that disagrees', async () => {
    const instance = observing({ resolution: 'observe' })
    try {
      const target = createApp(instance, { tenant: [host, user] })
      const agreed = await as(target, 'mallory@globex', at('globex'))
      const disagreeing = await as(target, 'mallory@globex', at('acme'))
      expect([agreed.status, disagreeing.status]).toEqual([404, 404])
      expect(disagreeing.body).toEqual(agreed.body)
    } finally {
      await instance.close()
    }
  })

  it('lets a key in as its own tenant’s, beside a host that disagrees', async () => {
    const instance = observing({ resolution: 'observe' })
    try {
      const key = fromApiKey((found) => (found === 'k1' ? { tenant: 'globex', actor: { id: 'ci' } } : null))
      const target = createApp(instance, { tenant: [host, key] })
      const { body } = await as(target, '', { ...at('acme'), authorization: 'Bearer k1' })
      expect(body).toMatchObject({ tenant: 'globex', actor: { id: 'ci' } })
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
