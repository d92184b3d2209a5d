import { describe, expect, it } from 'vitest'
import { concurrent, perDay, perMinute, perSecond, slidingWindow } from '../../src/catalog/index.ts'
import { LimitsBench } from './bench.ts'

describe('several policies of one limit', () => {
  const catalog = {
    api: [perMinute(10), perMinute(4, { by: 'actor' }), perMinute(3, { by: 'route' })],
    bulk: perMinute(5),
  }

  it('are decided together: when one refuses, none has been taken from', () => {
    const bench = new LimitsBench(catalog)
    expect(bench.limits.consume('api', { cost: 3 })).toMatchObject({ allowed: true, remaining: 0 })
    const refused = bench.limits.consume('api')
    expect(refused).toMatchObject({ allowed: false, outcome: 'refused', refusedBy: ['api/route'], retryAfter: 20 })
    expect(bench.limits.peek('api')).toMatchObject({
      policies: [
        { name: 'api', remaining: 7, allowed: true },
        { name: 'api/actor', remaining: 1, allowed: true },
        { name: 'api/route', remaining: 0, allowed: false },
      ],
    })
    bench.enter({ route: 'GET /other' })
    expect(bench.limits.consume('api', { cost: 2 })).toMatchObject({ allowed: false, refusedBy: ['api/actor'] })
    bench.enter({ route: 'GET /other', actor: 'bob' })
    expect(bench.limits.consume('api', { cost: 3 })).toMatchObject({ allowed: true })
    bench.enter({ actor: 'cleo', route: 'GET /third' })
    expect(bench.limits.consume('api', { cost: 3 })).toMatchObject({ allowed: true })
    bench.enter({ actor: 'dan', route: 'GET /fourth' })
    expect(bench.limits.consume('api', { cost: 3 })).toMatchObject({ allowed: false, refusedBy: ['api'] })
  })

  it('stand on the record with the names of those that refused', () => {
    const bench = new LimitsBench(catalog)
    bench.limits.consume('api', { cost: 3 })
    bench.limits.consume('api')
    expect(bench.scope.noted).toEqual([
      {
        action: 'limit.refused',
        outcome: 'refused',
        notable: true,
        targets: [{ type: 'limit', id: 'api' }],
        metadata: { limit: 3, windowMs: 60_000, retryAfter: 20, refusedBy: ['api/route'] },
      },
    ])
  })

  it('of several limits are one decision, too', () => {
    const bench = new LimitsBench(catalog)
    expect(bench.limits.consume(['api', 'bulk'], { cost: 3 })).toMatchObject({ allowed: true })
    bench.enter({ route: 'GET /other', actor: 'bob' })
    expect(bench.limits.consume(['api', 'bulk'], { cost: 3 })).toMatchObject({ allowed: false, refusedBy: ['bulk'] })
    expect(bench.limits.peek('api')).toMatchObject({ policies: [{ remaining: 7 }, { remaining: 4 }, { remaining: 3 }] })
    expect(() => bench.limits.consume([])).toThrow(/LIMIT_UNKNOWN/)
    expect(() => bench.limits.consume(['api', 'bulc'])).toThrow(/Did you mean "bulk"/)
  })

  it('are not more than a store decides at once', () => {
    const many = Array.from({ length: 16 }, () => perMinute(5))
    const bench = new LimitsBench({ a: many, b: many, c: perMinute(5) })
    expect(bench.limits.consume(['a', 'b'])).toMatchObject({ allowed: true })
    expect(() => bench.limits.consume(['a', 'b', 'c'])).toThrow(/LIMIT_INVALID: a, b, c: 33 policies .* 32 policies/)
  })

  it('keep an API key apart from a user of the same id', () => {
    const bench = new LimitsBench({ api: perMinute(1, { by: 'actor' }) })
    expect(bench.limits.consume('api')).toMatchObject({ allowed: true })
    const key = { ...bench.scope, actor: { id: 'ada', type: 'api_key' as const } }
    bench.scope = key
    expect(bench.limits.consume('api')).toMatchObject({ allowed: true })
    expect(bench.limits.consume('api')).toMatchObject({ allowed: false })
  })

  it('take what each of them costs', () => {
    const bench = new LimitsBench({ api: [perMinute(100, { cost: 10 }), perMinute(50, { by: 'actor' })] })
    expect(bench.limits.consume('api', { cost: 2 })).toMatchObject({
      policies: [{ remaining: 80 }, { remaining: 48 }],
    })
    expect(bench.limits.tryConsume('api', { cost: 30, partial: true })).toMatchObject({ granted: 8 })
  })
})

describe('what a limit grants in part', () => {
  it('is as much as all of its policies have', () => {
    const bench = new LimitsBench({ api: [perMinute(10), perMinute(4, { by: 'actor' })] })
    expect(bench.limits.tryConsume('api', { cost: 9, partial: true })).toMatchObject({ allowed: true, granted: 4 })
    expect(bench.limits.tryConsume('api', { cost: 9, partial: true })).toMatchObject({ allowed: false, granted: 0 })
    expect(bench.scope.noted).toHaveLength(1)
  })
})

describe('a sliding window', () => {
  it('lets no more pass in any two halves of windows', () => {
    const bench = new LimitsBench({ api: slidingWindow(10, { windowMs: 10_000 }) })
    bench.now += 9_000
    expect(bench.limits.consume('api', { cost: 10 })).toMatchObject({ allowed: true, remaining: 0 })
    bench.now += 2_000
    expect(bench.limits.consume('api', { cost: 2 })).toMatchObject({ allowed: false, retryAfter: 1 })
    bench.now += 1_000
    expect(bench.limits.consume('api', { cost: 2 })).toMatchObject({ allowed: true, remaining: 0 })
  })
})

describe('a flag on a policy', () => {
  const catalog = { api: perMinute(10, { flag: 'api-rate', burst: 20 }), plain: perMinute(1) }

  it('has the last word where it serves a number, and what was used counts on', () => {
    const bench = new LimitsBench(catalog)
    bench.enter({ plan: { api: perMinute(30, { flag: 'api-rate' }) } })
    expect(bench.limits.consume('api', { cost: 20 })).toMatchObject({ limit: 30, remaining: 10 })
    bench.flags = { 'api-rate': 50 }
    expect(bench.limits.consume('api')).toMatchObject({ limit: 50, remaining: 29 })
    bench.flags = { 'api-rate': 'many' }
    expect(bench.limits.consume('api')).toMatchObject({ limit: 30, remaining: 8 })
  })

  it('closes a limit by 0', () => {
    const bench = new LimitsBench(catalog)
    bench.flags = { 'api-rate': 0 }
    expect(bench.limits.consume('api')).toMatchObject({ allowed: false, retryAfter: Number.POSITIVE_INFINITY })
    bench.flags = {}
    expect(bench.limits.consume('api')).toMatchObject({ allowed: true, remaining: 19 })
  })
})

describe('a limit that is nearly used up', () => {
  it('says so once in its window', () => {
    const bench = new LimitsBench({ api: perMinute(10, { nearAt: 0.8 }) })
    bench.limits.consume('api', { cost: 7 })
    expect(bench.scope.noted).toEqual([])
    bench.limits.consume('api')
    bench.limits.consume('api')
    expect(bench.scope.noted).toEqual([
      {
        action: 'limit.near',
        notable: true,
        targets: [{ type: 'limit', id: 'api' }],
        metadata: { limit: 10, remaining: 2, nearAt: 0.8 },
      },
    ])
    bench.now += 60_000
    bench.limits.consume('api', { cost: 8 })
    expect(bench.scope.noted).toHaveLength(2)
  })
})

describe('a fair share', () => {
  it('is all of it for who is alone, and equal parts once others are there', () => {
    const bench = new LimitsBench({ api: perMinute(12, { fairShare: true }) })
    bench.enter({ actor: 'greedy' })
    for (let i = 0; i < 12; i++) expect(bench.limits.consume('api')).toMatchObject({ allowed: true })
    expect(bench.limits.consume('api')).toMatchObject({ allowed: false })
    bench.now += 10_000
    bench.enter({ actor: 'bob' })
    expect(bench.limits.consume('api')).toMatchObject({ allowed: true })
    bench.enter({ actor: 'greedy' })
    expect(bench.limits.consume('api')).toMatchObject({ allowed: false, refusedBy: ['api/fair-share'] })
    bench.enter({ actor: 'bob' })
    expect(bench.limits.consume('api')).toMatchObject({ allowed: true })
  })

  it('is not less for those who only look', () => {
    const bench = new LimitsBench({ api: perMinute(12, { fairShare: true }) })
    for (const actor of ['bob', 'cleo']) {
      bench.enter({ actor })
      bench.limits.peek('api')
    }
    bench.enter({ actor: 'ada' })
    bench.limits.peek('api')
    expect(bench.limits.consume('api', { cost: 12 })).toMatchObject({ allowed: true })
    bench.limits.peek('api')
    bench.enter({ actor: 'bob' })
    expect(bench.limits.peek('api')).toMatchObject({ policies: [{}, { name: 'api/fair-share', limit: 6 }] })
  })

  it('is whole again when the others have gone', () => {
    const bench = new LimitsBench({ api: perSecond(4, { fairShare: true }) })
    for (const actor of ['bob', 'cleo', 'dan']) {
      bench.enter({ actor })
      bench.limits.consume('api')
    }
    bench.now += 5_000
    bench.enter({ actor: 'ada' })
    expect(bench.limits.consume('api', { cost: 4 })).toMatchObject({ allowed: true })
  })
})

describe('names', () => {
  it('tell policies of one kind apart, and numbers that change keep their keys', () => {
    const bench = new LimitsBench({ api: [perSecond(5), perDay(100)] })
    expect(bench.limits.consume('api')).toMatchObject({ policies: [{ name: 'api' }, { name: 'api/2' }] })
    bench.enter({ plan: { api: [perSecond(50), perDay(1_000)] } })
    expect(bench.limits.peek('api')).toMatchObject({ policies: [{ remaining: 49 }, { remaining: 999 }] })
  })

  it('of what is held are refused where it would only be consumed', () => {
    const bench = new LimitsBench({ exports: concurrent(1) })
    expect(() => bench.limits.consume('exports')).toThrow(/LIMIT_NOT_HELD.*`limits.hold/)
    expect(() => bench.limits.tryConsume('exports', { partial: true })).toThrow(/LIMIT_NOT_HELD/)
  })
})
