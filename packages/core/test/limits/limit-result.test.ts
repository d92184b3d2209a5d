import { describe, expect, it } from 'vitest'
import { type LimitResult, rateLimitError, rateLimitHeaders } from '../../src/limits/index.ts'

const refused: LimitResult = {
  allowed: false,
  remaining: 0,
  retryAfter: 30,
  limit: 100,
  resetAfter: 60,
  policies: [{ name: 'api', limit: 100, windowMs: 60_000, burst: 100, remaining: 0 }],
}

describe('rate limit headers', () => {
  it('are those of the IETF draft', () => {
    expect(rateLimitHeaders(refused)).toEqual({
      'RateLimit-Policy': '"api";q=100;w=60',
      RateLimit: '"api";r=0;t=30',
      'Retry-After': '30',
    })
  })

  it('ask for no retry of what passed', () => {
    const policies = [{ name: 'api', limit: 5, windowMs: 1_000, burst: 20, remaining: 7 }]
    expect(rateLimitHeaders({ ...refused, allowed: true, retryAfter: 0, resetAfter: 3, policies })).toEqual({
      'RateLimit-Policy': '"api";q=5;w=1;burst=20',
      RateLimit: '"api";r=7;t=3',
    })
  })
})

describe('rateLimitError', () => {
  it('is a 429 with everything a client needs', () => {
    const error = rateLimitError(refused)
    expect([error.code, error.status, error.expose]).toEqual(['LIMIT_EXCEEDED', 429, true])
    expect(error.headers['Retry-After']).toBe('30')
    expect(error.details).toEqual({ policy: 'api', limit: 100, retryAfter: 30, 'violated-policies': ['api'] })
  })

  it('promises nothing when waiting does not help', () => {
    const error = rateLimitError({ ...refused, retryAfter: Number.POSITIVE_INFINITY })
    expect(error.headers).toEqual({ 'RateLimit-Policy': '"api";q=100;w=60', RateLimit: '"api";r=0;t=60' })
    expect(error.details).not.toHaveProperty('retryAfter')
    expect(error.sentence).toBe('This costs more than the limit ever allows at once.')
  })
})
