import { enter, problemDetails, requestAudit } from '@throughline/express'
import * as koa from '@throughline/koa'
import type { Express } from 'express'
import express from 'express'
import request from 'supertest'
import { describe, expect, it } from 'vitest'
import { trailOf } from '../app.ts'
import { useWorld, world } from './world.ts'

useWorld()

/** A webhook whose tenants are in its body: entered one after another, or at once. */
function hooks(): Express {
  const { throughline } = world
  const app = express()
  app.set('env', 'test')
  app.use(requestAudit(throughline), express.json())
  app.post('/hook', async ({ body }, response, next) => {
    const paid = (tenant: string): Promise<void> =>
      enter(throughline, response.req, { tenant, actor: { type: 'service', id: 'billing' } }, () =>
        throughline.audit.record({ action: 'invoice.paid', metadata: { tenant } }),
      )
    try {
      if (body.atOnce) await Promise.all(body.tenants.map(paid))
      else for (const tenant of body.tenants) await paid(tenant)
      response.json({})
    } catch (error) {
      next(error)
    }
  })
  app.use(problemDetails())
  return app
}

async function post(tenants: readonly string[], atOnce = false): Promise<number> {
  return (await request(hooks()).post('/hook').send({ tenants, atOnce })).status
}

describe('enter', () => {
  it('puts a webhook on the trail of the tenant that its body names', async () => {
    expect(await post(['acme', 'acme'])).toBe(200)
    const actions = (await trailOf(world.throughline, 'acme')).map(({ action }) => action)
    expect(actions.sort()).toEqual(['invoice.paid', 'invoice.paid', 'request.handled'])
  })

  it('never lets one request be two tenants’, one after the other or at once', async () => {
    for (const atOnce of [false, true]) {
      expect(await post(['acme', 'globex'], atOnce)).toBe(500)
      expect(JSON.stringify(await trailOf(world.throughline, 'acme'))).not.toContain('globex')
      expect(await trailOf(world.throughline, 'globex')).toEqual([])
    }
  })

  it('refuses unknown and suspended tenants', async () => {
    expect(await post(['made-up'])).toBe(404)
    expect(await post(['$platform'])).toBe(404)
    expect(await post(['initech'])).toBe(403)
  })

  it.each([
    ['Express', enter],
    ['Koa', koa.enter],
  ])('called wrongly in %s, rejects with what is wrong', async (_framework, given) => {
    const call = given as (...given: unknown[]) => Promise<unknown>
    const input = { tenant: 'acme', actor: { id: 'billing' } }
    const fn = (): void => undefined
    for (const wrong of [[], [undefined, {}, input, fn], [{}, {}, input, fn]]) {
      await expect(call(...wrong)).rejects.toMatchObject({
        code: 'OPTIONS_INVALID',
        message: expect.stringContaining('enter: the first parameter must be what createThroughline() returned'),
      })
    }
    for (const request of [undefined, null, 7, {}]) {
      await expect(call(world.throughline, request, input, fn)).rejects.toMatchObject({
        code: 'OPTIONS_INVALID',
        message: expect.stringContaining('enter: the second parameter must be'),
      })
    }
  })
})
