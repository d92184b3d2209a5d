import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  type Catalog,
  concurrent,
  defineCatalog,
  perDay,
  perHour,
  perMinute,
  perSecond,
  quotaPerDay,
  quotaPerMonth,
  validateCatalog,
} from '../../src/catalog/index.ts'

/** Path and sentence of each problem, one a line. */
function complaints(catalog: unknown): string[] {
  return validateCatalog(catalog).map(({ path, message }) => `${path}: ${message}`)
}

describe('constructors', () => {
  it('say units, window and burst', () => {
    expect(perSecond(5)).toEqual({ kind: 'rate', limit: 5, windowMs: 1_000, burst: 5 })
    expect(perMinute(100, { burst: 200 })).toEqual({ kind: 'rate', limit: 100, windowMs: 60_000, burst: 200 })
    expect(perHour(1).windowMs).toBe(3_600_000)
    expect(perDay(1).windowMs).toBe(86_400_000)
    expect(quotaPerDay(3)).toEqual({ kind: 'quota', limit: 3, period: 'day', hard: false })
    expect(quotaPerMonth(3, { hard: true })).toEqual({ kind: 'quota', limit: 3, period: 'month', hard: true })
  })
})

describe('validateCatalog', () => {
  it('accepts a catalog that uses everything', () => {
    const catalog = defineCatalog({
      flags: {
        'new-reports': {
          description: 'Reports, written anew',
          rules: [
            { id: 'big', if: { 'org.plan': 'enterprise', 'actor.roles': ['admin', 'owner'] }, serve: true },
            {
              if: { 'org.created_at': { after: '2026-01-01' }, 'org.address.country': { in: ['DE', 'AT'] } },
              serve: false,
            },
            { rollout: { percent: 12.5, by: 'actor', seed: 's' }, serve: true },
          ],
          default: false,
        },
        theme: { variants: { old: { colour: 'grey' }, new: null }, rules: [{ serve: 'new' }], default: 'old' },
      },
      limits: { api: perMinute(100, { burst: 10 }) },
      meters: { reports: { aggregate: 'count', unit: 'report' } },
      plans: {
        free: {
          limits: { api: perSecond(1) },
          quotas: { reports: quotaPerMonth(0, { hard: true }) },
          features: ['new-reports'],
          config: { 'webhooks.retries': 3 },
        },
      },
      config: z.object({ webhooks: z.object({ retries: z.number().optional() }).optional() }),
    })
    expect(complaints(catalog)).toEqual([])
    expect(complaints({})).toEqual([])
  })

  it('lists every problem at once, each with its path and the nearest name', () => {
    const wrong = {
      flag: {},
      flags: {
        a: { rules: [{ if: { 'org.plan': { equal: 'x' } }, serv: true, serve: 'yes' }], default: 1 },
        b: { variants: { red: 1, blue: 2 }, rules: [{ rollout: { percent: 101 }, serve: 'read' }], default: 'green' },
        c: { default: true, enabld: false },
        d: { rules: [{ if: { 'user.role': 'x' }, serve: true }], default: false },
        e: { rules: [{ if: { 'org.created_at': { before: 'soon' } }, serve: true }], default: false },
      },
      limits: {
        zero: perMinute(0),
        nan: perMinute(Number.NaN),
        fraction: perMinute(1.5),
        burst: perMinute(5, { burst: 0 }),
        plain: 100,
        typo: perMinute(5, { brust: 10 } as object),
        'a "b"': perMinute(1),
      },
      meters: { reports: { aggregate: 'total' } },
      plans: {
        free: {
          quotas: { report: quotaPerMonth(-1) },
          limits: { bursts: perMinute(1) },
          features: ['aa', 'b'],
          confg: {},
          config: { 'a.b': 1 },
        },
      },
      config: {},
    }
    expect(complaints(wrong)).toMatchInlineSnapshot(`
      [
        "flag: is not known. Did you mean "flags"?",
        "flags.a.default: must be true or false, not 1.",
        "flags.a.rules.0.serv: is not known. Did you mean "serve"?",
        "flags.a.rules.0.serve: must be true or false, not "yes". Name the values under "variants" to serve them.",
        "flags.a.rules.0.if["org.plan"].equal: is no operator. There are eq, not, in, notIn, gt, gte, lt, lte, before, after, startsWith, endsWith, contains, matches, semver, cidr, exists.",
        "flags.b.default: must name a variant, not "green".",
        "flags.b.rules.0.serve: must name a variant, not "read". Did you mean "red"?",
        "flags.b.rules.0.rollout.percent: must be a number from 0 to 100, not 101.",
        "flags.c.enabld: is not known. Did you mean "enabled"?",
        "flags.d.rules.0.if["user.role"]: must address "org.…", "actor.…", "request.…", "context.…". Did you mean "actor.roles"?",
        "flags.e.rules.0.if["org.created_at"].before: must be an ISO 8601 date, or a time with its zone, not "soon".",
        "limits.zero: must have a limit that is a whole number above 0, not 0.",
        "limits.nan: must have a limit that is a whole number above 0, not NaN.",
        "limits.fraction: must have a limit that is a whole number above 0, not 1.5.",
        "limits.burst: must have a burst that is a whole number above 0, not 0.",
        "limits.plain: must be made by perSecond, perMinute, perHour, perDay, slidingWindow or concurrent, not 100.",
        "limits.typo.brust: is not known. Did you mean "burst"?",
        "limits.a "b": must be a name of letters, digits and _ . : / - (it is sent in headers).",
        "meters.reports.aggregate: must be "count" or "sum", not "total".",
        "config: must be a Standard Schema (zod, valibot, arktype …), not an object.",
        "plans.free.confg: is not known. Did you mean "config"?",
        "plans.free.limits.bursts: names no limit of the catalog. Did you mean "burst"?",
        "plans.free.quotas.report: names no meter of the catalog. Did you mean "reports"?",
        "plans.free.quotas.report: must have a limit that is a whole number, 0 or more, not -1.",
        "plans.free.features.0: names no flag of the catalog, "aa". Did you mean "a"?",
        "plans.free.features.1: must be a boolean flag; "b" has variants.",
      ]
    `)
  })

  it('asks the config schema about the plans', () => {
    const config = z.object({
      seats: z.number().min(1).default(5),
      webhooks: z.object({ url: z.url() }).partial().optional(),
    })
    const plans = {
      free: { config: { seats: 0 } },
      pro: { config: { 'webhook.url': 'https://example.com' } },
      team: { config: { 'webhooks.url': 'https://example.com', seats: 50 } },
    }
    expect(complaints({ config, plans })).toMatchInlineSnapshot(`
      [
        "plans.free.config.seats: is refused by the config schema: Too small: expected number to be >=1",
        "plans.pro.config["webhook.url"]: is not known to the config schema.",
      ]
    `)
    expect(complaints({ plans: { free: { config: { seats: 1 } } } })).toEqual([
      'plans.free.config["seats"]: is set, but the catalog has no config schema.',
    ])
  })

  it('refuses a config schema that a tenant without values does not meet', () => {
    expect(complaints({ config: z.object({ seats: z.number() }) })).toEqual([
      expect.stringMatching(/^config\.seats: must be optional or have a default/),
    ])
  })

  it('leaves a schema that answers later to the loading of a tenant', () => {
    const config = z.object({ seats: z.number().default(1) }).refine(async () => true)
    expect(complaints({ config, plans: { free: { config: { seats: 2 } } } })).toEqual([])
  })

  it('knows the options of limits, and the flags that they ask', () => {
    const flags = { 'api-rate': { variants: { usual: 0, more: 500 }, default: 'usual' } }
    expect(complaints({ flags, limits: { api: perMinute(5, { flag: 'api-rate' }) } })).toEqual([])
    const limits = {
      flag: perMinute(5, { flag: 'api-rat' }),
      list: [perMinute(5), perMinute(5, { by: 'user' as 'actor' })],
      empty: [],
      near: perMinute(5, { nearAt: 1 }),
      lease: perMinute(5, { lease: { ms: 0, unit: 3 } as never }),
      held: concurrent(2, { ttlMs: 1.5, lease: { ms: 5 } } as never),
      fair: perMinute(5, { by: 'actor', fairShare: true }),
      huge: perDay(1e12 + 1, { burst: 1e15 }),
    }
    expect(complaints({ flags, limits })).toMatchInlineSnapshot(`
      [
        "limits.flag: asks a flag that is not declared: "api-rat". Did you mean "api-rate"?",
        "limits.list.1: must have a by that is tenant, actor, route, platform, not "user".",
        "limits.empty: must have 1 to 16 policies, not 0.",
        "limits.near: must have a nearAt above 0 and below 1, not 1.",
        "limits.lease.lease.unit: is not known. Did you mean "units"?",
        "limits.lease: must have a lease of ms that is a whole number from 1 to 60000, not 0.",
        "limits.held.lease: is not known.",
        "limits.held: must have a ttlMs that is a whole number from 1 to 86400000, not 1.5.",
        "limits.fair: can share fairly only what is the tenant's: fairShare goes with by: 'tenant'.",
        "limits.huge: must have a smaller limit, or a shorter window: so many units can not be counted exactly.",
      ]
    `)
  })

  it('refuses names that reach a prototype', () => {
    const flags = JSON.parse('{ "__proto__": { "default": true }, "constructor": { "default": true } }')
    expect(complaints({ flags })).toEqual([
      'flags.__proto__: is a name that is not allowed.',
      'flags.constructor: is a name that is not allowed.',
    ])
    const variants = { a: JSON.parse('{ "x": { "__proto__": 1 } }') }
    expect(complaints({ flags: { f: { variants, default: 'a' } } })).toEqual([
      'flags.f.variants.a: must not have a member "__proto__".',
    ])
  })

  it('is bounded in depth and in what it says', () => {
    let deep: unknown = 1
    for (let i = 0; i < 100_000; i++) deep = { deep }
    expect(complaints({ flags: { f: { variants: { a: deep }, default: 'a' } } })).toEqual([
      'flags.f.variants.a: must have at most 10 levels.',
    ])
    const cyclic: Record<string, unknown> = {}
    cyclic.self = cyclic
    expect(complaints({ flags: { f: { variants: { a: cyclic }, default: 'a' } } })).toHaveLength(1)
    const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`l${i}`, 0]))
    expect(complaints({ limits: many })).toHaveLength(100)
  })

  it('never throws, whatever it is given', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withNullPrototype: true,
    })
    const part = fc.oneof(anything, fc.dictionary(fc.string(), anything))
    const catalog = fc.record(
      { flags: part, limits: part, meters: part, plans: fc.dictionary(fc.string(), part), config: part },
      { requiredKeys: [] },
    )
    fc.assert(
      fc.property(fc.oneof(anything, catalog), (value) => {
        for (const problem of validateCatalog(value)) {
          expect(typeof problem.path).toBe('string')
          expect(typeof problem.message).toBe('string')
        }
      }),
      { numRuns: 500 },
    )
    const trap = Object.defineProperty({}, 'flags', {
      enumerable: true,
      get() {
        throw new Error('no')
      },
    })
    expect(complaints(trap)).toEqual([': can not be read: no'])
  })

  it('finds nothing wrong in what the types allow', () => {
    const name = fc.stringMatching(/^[a-z]{1,8}$/).filter((text) => !['constructor', 'prototype'].includes(text))
    const rate = fc
      .record({
        limit: fc.integer({ min: 1, max: 1e6 }),
        burst: fc.option(fc.integer({ min: 1, max: 1e9 }), { nil: undefined }),
      })
      .map(({ limit, burst }) => perHour(limit, burst === undefined ? {} : { burst }))
    const catalog: fc.Arbitrary<Catalog> = fc.record({
      limits: fc.dictionary(name, rate),
      flags: fc.dictionary(
        name,
        fc.record({
          default: fc.boolean(),
          rules: fc.array(
            fc.record({
              rollout: fc.record({ percent: fc.double({ min: 0.001, max: 100, noNaN: true }) }),
              serve: fc.boolean(),
            }),
            { maxLength: 5 },
          ),
        }),
      ),
    })
    fc.assert(
      fc.property(catalog, (value) => {
        expect(complaints(value)).toEqual([])
      }),
    )
  })
})
