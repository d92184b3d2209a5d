import { describe, expect, it } from 'vitest'
import type { ErrorCode } from '../../src/errors.ts'
import { ThroughlineError } from '../../src/errors.ts'
import { problemOf } from '../../src/http/problem-details.ts'

function bodyOf(error: unknown): Record<string, unknown> {
  return JSON.parse(problemOf(error)?.body ?? 'null')
}

describe('problemOf', () => {
  it('is problem details as RFC 9457 has them, kept by no cache', () => {
    const error = new ThroughlineError('LIMIT_EXCEEDED', {
      headers: { 'Retry-After': '30', 'Content-Type': 'text/html' },
      details: { retryAfter: 30, 'violated-policies': ['api'], limit: 100 },
    })
    expect(problemOf(error)).toMatchObject({
      status: 429,
      headers: { 'Retry-After': '30', 'Cache-Control': 'no-store', 'Content-Type': 'application/problem+json' },
    })
    expect(bodyOf(error)).toEqual({
      type: 'https://throughline.dev/problems/limit-exceeded',
      title: 'Too Many Requests',
      status: 429,
      detail: 'Too many requests.',
      code: 'LIMIT_EXCEEDED',
      retryAfter: 30,
      'violated-policies': ['api'],
    })
  })

  it('tells details only by name: nothing that says which tenants there are', () => {
    const details = { sources: ['host'], tenant: 'acme', roles: ['admin'], reason: 'NOT_MEMBER', id: 'acme', used: 3 }
    for (const code of ['TENANT_DISAGREEMENT', 'TENANT_NOT_FOUND', 'ROLE_REQUIRED', 'QUOTA_EXCEEDED'] as const) {
      const body = bodyOf(new ThroughlineError(code, { details }))
      expect(Object.keys(body)).toEqual(['type', 'title', 'status', 'detail', 'code'])
    }
  })

  it('keeps the remedy, the cause and the sentences of 5xx from clients', () => {
    const cause = new Error('connect ECONNREFUSED 10.0.0.7')
    for (const code of ['TENANT_REQUIRED', 'RECORDS_UNAVAILABLE', 'OPTIONS_INVALID'] as ErrorCode[]) {
      const error = new ThroughlineError(code, { cause, message: 'The inside of it.', details: { issues: ['inside'] } })
      expect(problemOf(error)?.body).not.toMatch(/inside|ECONN|Mount|Retry;|Mend/)
    }
    expect(problemOf(new ThroughlineError('TENANT_UNRESOLVED'))?.body).not.toContain('tenantless')
  })

  it('says how to authenticate where that is asked for', () => {
    expect(problemOf(new ThroughlineError('ACTOR_REQUIRED'))?.headers).toHaveProperty('WWW-Authenticate', 'Bearer')
    expect(problemOf(new ThroughlineError('FLAG_OFF'))?.headers).not.toHaveProperty('WWW-Authenticate')
  })

  it('leaves all other errors alone, and knows ours by name where the package is loaded twice', () => {
    for (const other of [new Error('x'), { code: 'LIMIT_EXCEEDED', status: 429 }, 'x', null, undefined]) {
      expect(problemOf(other)).toBeUndefined()
    }
    const theirs = Object.assign(new Error('x'), { ...new ThroughlineError('FLAG_OFF'), name: 'ThroughlineError' })
    expect(problemOf(theirs)).toMatchObject({ status: 404 })
  })
})
