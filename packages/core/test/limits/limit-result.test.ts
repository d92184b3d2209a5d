import { parseList } from 'structured-headers'
import { describe, expect, it } from 'vitest'
import type { LimitResult, PolicyResult } from '../../src/limits/index.ts'
import { rateLimitError } from '../../src/limits/limit-error.ts'
import { rateLimitHeaders } from '../../src/limits/limit-headers.ts'

const partition = { tenant: { id: 'acme' }, actor: { id: 'ada' } }

const policy: PolicyResult = {
  name: 'api',
  kind: 'rate',
  by: 'tenant',
  limit: 100,
  windowMs: 60_000,
  burst: 100,
  allowed: false,
  remaining: 0,
  retryAfter: 30,
  resetAfter: 60,
}

const refused: LimitResult = {
  allowed: false,
  outcome: 'refused',
  granted: 0,
  remaining: 0,
  retryAfter: 30,
  limit: 100,
  resetAfter: 60,
  policies: [policy],
  refusedBy: ['api'],
}

describe('rate limit headers', () => {
  it('are those of the IETF draft', () => {
    expect(rateLimitHeaders(refused, partition)).toEqual({
      'RateLimit-Policy': '"api";q=100;w=60;pk=:YWNtZQ==:',
      RateLimit: '"api";pk=:YWNtZQ==:;r=0;t=30',
      'Retry-After': '30',
    })
  })

  it('ask for no retry of what passed', () => {
    const passed = { ...policy, limit: 5, windowMs: 1_000, burst: 20, allowed: true, remaining: 7, resetAfter: 3 }
    const result: LimitResult = { ...refused, allowed: true, retryAfter: 0, policies: [passed] }
    expect(rateLimitHeaders(result, partition)).toEqual({
      'RateLimit-Policy': '"api";q=5;w=1;burst=20;pk=:YWNtZQ==:',
      RateLimit: '"api";pk=:YWNtZQ==:;r=7;t=3',
    })
  })

  it('tell several policies, which a parser of structured fields reads again', () => {
    const held = { ...policy, name: 'api/actor', kind: 'concurrency' as const, by: 'actor' as const, limit: 2 }
    const { windowMs: _window, burst: _burst, ...concurrency } = held
    const headers = rateLimitHeaders({ ...refused, policies: [policy, concurrency] }, partition)
    const [tenant, actor] = parseList(headers['RateLimit-Policy'] as string)
    expect(tenant?.[0]).toBe('api')
    expect(actor?.[0]).toBe('api/actor')
    expect([...(actor?.[1] ?? [])].map(([name]) => name)).toEqual(['q', 'qu', 'pk'])
    expect(actor?.[1].get('qu')).toBe('concurrent-requests')
    expect(parseList(headers.RateLimit as string).map(([name]) => name)).toEqual(['api', 'api/actor'])
  })

  it('keep within what structured fields can say', () => {
    const huge = { ...policy, limit: Number.MAX_SAFE_INTEGER, remaining: Number.MAX_SAFE_INTEGER }
    const headers = rateLimitHeaders({ ...refused, policies: [huge] }, partition)
    expect(parseList(headers.RateLimit as string)[0]?.[1].get('r')).toBe(999_999_999_999_999)
    expect(parseList(headers['RateLimit-Policy'] as string)[0]?.[1].get('q')).toBe(999_999_999_999_999)
  })

  it('are the older ones beside or instead, where that is asked', () => {
    const legacy = { 'X-RateLimit-Limit': '100', 'X-RateLimit-Remaining': '0', 'X-RateLimit-Reset': '30' }
    expect(rateLimitHeaders(refused, partition, 'legacy')).toEqual({ ...legacy, 'Retry-After': '30' })
    expect(rateLimitHeaders(refused, partition, 'both')).toMatchObject({ ...legacy, RateLimit: expect.any(String) })
    expect(rateLimitHeaders(refused, partition, 'none')).toEqual({ 'Retry-After': '30' })
  })
})

describe('rateLimitError', () => {
  it('is a 429 with everything a client needs', () => {
    const error = rateLimitError(refused, rateLimitHeaders(refused, partition))
    expect([error.code, error.status, error.expose]).toEqual(['LIMIT_EXCEEDED', 429, true])
    expect(error.headers['Retry-After']).toBe('30')
    expect(error.details).toEqual({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      policy: 'api',
      limit: 100,
      retryAfter: 30,
      'violated-policies': ['api'],
    })
  })

  it('promises nothing when waiting does not help', () => {
    const never = {
      ...refused,
      retryAfter: Number.POSITIVE_INFINITY,
      policies: [{ ...policy, retryAfter: Number.POSITIVE_INFINITY }],
    }
    const error = rateLimitError(never, rateLimitHeaders(never, partition))
    expect(error.headers).not.toHaveProperty('Retry-After')
    expect(error.headers.RateLimit).toContain(';t=60')
    expect(error.details).not.toHaveProperty('retryAfter')
    expect(error.sentence).toBe('This costs more than the limit ever allows at once.')
  })

  it('is a 503 where the store does not answer, or the process is saturated: that is no refusal of the limit', () => {
    const degraded = rateLimitError({ ...refused, outcome: 'degraded', degraded: 'closed' }, {})
    expect([degraded.code, degraded.status]).toEqual(['LIMIT_UNAVAILABLE', 503])
    expect(degraded.details.type).toBe('https://iana.org/assignments/http-problem-types#temporary-reduced-capacity')
    const shed = rateLimitError({ ...refused, shed: true, refusedBy: [] }, {})
    expect([shed.code, shed.status, shed.details['violated-policies']]).toEqual(['LOAD_SHED', 503, undefined])
  })
})
