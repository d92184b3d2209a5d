import { describe, expect, it } from 'vitest'
import { perMinute, perSecond } from '../../src/catalog/index.ts'
import { limitOverrideValue, limitsView, newLimitOverride, readLimitOverride } from '../../src/limits/index.ts'

const catalog = { api: perMinute(60), bulk: perSecond(10) }

describe('limitsView', () => {
  it('takes the override before the plan before the catalog', () => {
    const view = limitsView({
      tenant: 'acme',
      catalog,
      plan: { api: perMinute(100), bulk: perSecond(20) },
      overrides: new Map([['api', { limit: perMinute(500) }]]),
      now: 0,
    })
    expect([view.get('api')?.policies[0]?.policy.limit, view.get('api')?.source]).toEqual([500, 'override'])
    expect([view.get('bulk')?.policies[0]?.policy.limit, view.get('bulk')?.source]).toEqual([20, 'plan'])
    expect(limitsView({ tenant: 'acme', catalog, overrides: new Map(), now: 0 }).get('api')?.source).toBe('catalog')
  })

  it('keeps an override until it expires, also within one view', () => {
    const overrides = new Map([['api', { limit: perMinute(500), until: 1_000 }]])
    const before = limitsView({ tenant: 'acme', catalog, overrides, now: 999 }).get('api')
    expect([before?.policies[0]?.policy.limit, before?.until, before?.next?.policies[0]?.policy.limit]).toEqual([
      500, 1_000, 60,
    ])
    expect(limitsView({ tenant: 'acme', catalog, overrides, now: 1_000 }).get('api')?.source).toBe('catalog')
  })

  it('takes no notice of overrides of limits that are gone', () => {
    const overrides = new Map([['gone', { limit: perMinute(1) }]])
    expect([...limitsView({ tenant: 'acme', catalog, overrides, now: 0 }).keys()]).toEqual(['api', 'bulk'])
  })

  it('tells of each limit by its name, also where two have one definition', () => {
    const shared = perMinute(5)
    const view = limitsView({ tenant: 'acme', catalog: { a: shared, b: shared }, overrides: new Map(), now: 0 })
    const open = (name: string): unknown => JSON.parse(`${view.get(name)?.passed.open}}`).targets
    expect([open('a'), open('b')]).toEqual([[{ type: 'limit', id: 'a' }], [{ type: 'limit', id: 'b' }]])
  })

  it('makes what it tells once for all tenants of a definition', () => {
    const passed = (tenant: string) => limitsView({ tenant, catalog, overrides: new Map(), now: 0 }).get('api')?.passed
    expect(passed('a')).toBe(passed('b'))
  })

  it('keeps what is asked ready for each actor, and for all where none makes a difference', () => {
    const limits = { api: perMinute(5), own: perMinute(5, { by: 'actor' }), route: perMinute(5, { by: 'route' }) }
    const view = limitsView({ tenant: 'acme', catalog: limits, overrides: new Map(), now: 0 })
    const user = { id: 'ada', type: 'user' } as const
    const key = { id: 'ada', type: 'api_key' } as const
    const own = view.get('own')?.steady
    expect(own?.of(user)).toBe(own?.of({ ...user }))
    const keys = [user, key, user, { ...user, id: 'bob' }].map((actor) => own?.of(actor).request.operations[0]?.key)
    expect(keys.map((it) => it?.split('\u0000').at(-1))).toEqual(['user:ada', 'api_key:ada', 'user:ada', 'user:bob'])
    const all = view.get('api')?.steady
    expect(all?.of(user)).toBe(all?.of({ ...user, id: 'bob' }))
    expect(view.get('route')?.steady).toBeUndefined()
  })

  it('names a key for each tenant and limit', () => {
    const key = (tenant: string) =>
      limitsView({ tenant, catalog, overrides: new Map(), now: 0 }).get('api')?.steady?.of({ id: 'ada', type: 'user' })
        .request.operations[0]?.key
    expect(key('a')).not.toBe(key('b'))
    expect(key('a')).toBe('a\u0000api\u0000r')
  })
})

describe('an override', () => {
  it('is stored and read again', () => {
    for (const override of [
      newLimitOverride(perMinute(7, { burst: 9 }), {}, { reason: 'TICKET-7', now: 0 }),
      newLimitOverride(perSecond(3), { reason: '', until: '2027-01-01' }, { reason: 'x', now: 0 }),
      newLimitOverride(perSecond(3), { until: new Date(5) }, { reason: 'why', now: 4 }),
    ]) {
      expect(readLimitOverride(JSON.parse(JSON.stringify(limitOverrideValue(override))))).toEqual(override)
    }
  })

  it('is refused when it is none, with everything that is wrong', () => {
    const given = { reason: 'why', now: 0 }
    const options = { reason: 'x'.repeat(501), until: 'some day', untill: 1 }
    expect(() => newLimitOverride(perMinute(5), null as never, given)).toThrow('must be an object, not null')
    expect(() => newLimitOverride(perMinute(0, { burst: 1.5 }), options, given)).toThrow(
      /LIMIT_INVALID: The limit must have a limit .* The limit must have a burst .* "untill" is no option of an override\. Did you mean "until"\? "until" is no time: give .* "reason" must be/,
    )
  })

  it('is refused when its end is over: it would hold for nobody', () => {
    expect(() => newLimitOverride(perMinute(5), { until: 5 }, { reason: 'why', now: 5 })).toThrow(
      /LIMIT_INVALID: "until" must be in the future/,
    )
  })

  it('counts for nothing when it can not be read', () => {
    const ofNoKind = { kind: 'constructor', limit: 1 }
    for (const value of [null, 1, 'x', [], {}, { limit: 0, windowMs: 1, burst: 1 }, { limit: ofNoKind }]) {
      expect(readLimitOverride(value)).toBeUndefined()
    }
  })
})
