import type { Guard } from '@throughline/core'
import { ThroughlineError } from '@throughline/core'
import type { Request, Response } from 'express'
import express from 'express'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { guard } from '../src/guard.ts'

const passes: Guard = { name: 'passes', check: () => undefined }

describe('guard', () => {
  it('leaves an inline handler after it all that Express knows of the request', () => {
    const app = express()
    app.get('/orgs/:org/reports/:id', guard(passes), (request, response) => {
      expectTypeOf<keyof typeof request.params>().toEqualTypeOf<'org' | 'id'>()
      expectTypeOf(request.params.id).toEqualTypeOf<string>()
      response.json(request.params.org)
    })
    app.post(
      '/reports/:id',
      guard(passes, passes),
      (request: Request<{ id: string }, { ok: boolean }, { name: string }, { page?: string }>, response) => {
        expectTypeOf(request.body).toEqualTypeOf<{ name: string }>()
        expectTypeOf(request.query).toEqualTypeOf<{ page?: string }>()
        response.json({ ok: true })
      },
    )
    const named = (request: Request<{ id: string }>, response: Response): void => void response.send(request.params.id)
    app.get('/named/:id', guard(passes), guard(passes), named)
    app.use(guard(passes))
    app.use('/below', guard(passes), named)
    express.Router().use(guard(passes)).get('/x/:id', guard(passes), named)
    expectTypeOf<[]>().not.toExtend<Parameters<typeof guard>>()
  })

  it('takes three parameters: with a fourth Express would call it for errors only', () => {
    expect(guard(passes)).toHaveLength(3)
  })

  it('refuses where no middleware opened a tenant context, and says which is missing', () => {
    const errors: unknown[] = []
    guard(passes)({} as Request, {} as Response, (error) => errors.push(error))
    expect(errors).toHaveLength(1)
    expect(errors[0]).toBeInstanceOf(ThroughlineError)
    expect(errors[0]).toMatchObject({ code: 'TENANT_REQUIRED' })
    expect(String(errors[0])).toContain('tenantContext(throughline')
  })
})
