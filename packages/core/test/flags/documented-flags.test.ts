import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Catalog, FlagConditions, FlagDefinition } from '../../src/catalog/definitions.ts'
import { flagProblems } from '../../src/catalog/index.ts'
import { compileFlags, createFlags, flagsView } from '../../src/flags/index.ts'
import { RankCounter } from '../../src/flags/rank-bound.ts'
import type { Among } from '../../src/flags/share.ts'
import type { Tenant } from '../../src/vocabulary.ts'
import { documentedFlag } from './documented-flags.ts'

const NOW = Date.parse('2026-06-15T12:00:00Z')
const DAY = 86_400_000
const KEYS = ['a', 'b', 'c'] as const
type Key = (typeof KEYS)[number]

const text = fc.constantFrom('', 'pro', 'free', 'eu', '7', '2026-06-01', '2.2.0', '2.2', '10.1.2.3', '2001:db8::1')
const scalar = fc.oneof(text, fc.constantFrom(0, 7, 50, -1.5, NOW), fc.boolean(), fc.constant(null))
const attribute = fc.oneof(
  scalar,
  fc.constantFrom(Number.NaN, undefined, new Date(NOW - 14 * DAY), new Date(Number.NaN), { a: 'pro' }, { a: [7] }),
  fc.array(scalar, { maxLength: 3 }),
)
const time = fc.constantFrom(
  '2026-06-01',
  '2026-06-15T14:00:00+02:00',
  { ago: '14d' },
  { ago: '1w' },
  { ago: '20160m' },
)
const order = fc.oneof(text, fc.constantFrom(0, 7, 50))
const operators = fc.record(
  {
    eq: scalar,
    not: scalar,
    in: fc.array(scalar, { maxLength: 3 }),
    notIn: fc.array(scalar, { maxLength: 3 }),
    exists: fc.boolean(),
    gt: order,
    gte: order,
    lt: order,
    lte: order,
    before: time,
    after: time,
    startsWith: text,
    endsWith: text,
    contains: text,
    matches: fc.constantFrom('^p', 'r.$', '^\\d+$', '(e|f).*'),
    semver: fc.constantFrom('^2', '>=1.2.0 <2', '*'),
    cidr: fc.constantFrom('10.0.0.0/8', ['2001:db8::/32', '10.1.2.3/32']),
  },
  { requiredKeys: [] },
)
/** One or two of them: all at once hold for nobody. */
const few = fc.tuple(operators, fc.nat(), fc.nat()).map(([all, ...picks]) => {
  const members = Object.entries(all)
  return Object.fromEntries(picks.flatMap((pick) => members.slice(pick % (members.length || 1)).slice(0, 1)))
})
const path = fc.constantFrom(
  'org.id',
  'org.plan',
  'org.created_at',
  'org.x',
  'org.x.a',
  'org.toString',
  'context.y',
  'context.y.a',
)
const whose = fc.constantFrom('actor.type', 'actor.roles', 'request.ip')
const condition = fc.oneof(scalar, fc.array(scalar, { maxLength: 3 }), few)
const conditions = fc.letrec<{ all: FlagConditions }>((tie) => ({
  all: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    fc.dictionary(fc.oneof({ weight: 3, arbitrary: path }, whose), condition, { maxKeys: 2 }),
    fc.constantFrom({ 'org.plan': 'pro' }, { segment: 'new' }, { segment: ['new', 'paying'] }),
    fc.record({ 'org.plan': fc.constantFrom('pro', 'free'), or: fc.array(tie('all'), { minLength: 1, maxLength: 2 }) }),
    fc.record({ and: fc.array(tie('all'), { minLength: 1, maxLength: 2 }), not: tie('all') }),
    fc.record({ not: tie('all') }),
  ),
})).all

const percent = fc.constantFrom(0, 0.001, 30, 50, 70, 99.999, 100)
const unit = fc.constantFrom('tenant', 'actor')
const rule = (serve: fc.Arbitrary<unknown>) =>
  fc
    .record(
      {
        if: conditions,
        rings: fc.tuple(conditions, conditions).map((all) => all.map((one, i) => ({ name: `${i}`, if: one }))),
        from: fc.constantFrom('2026-06-15T12:00:00Z', '2026-06-15T12:00:00.001Z'),
        until: fc.constantFrom('2026-06-16', '2026-06-15T12:00:00.002Z'),
        layer: fc.record({ by: unit, from: fc.constantFrom(0, 30), to: fc.constantFrom(50, 100) }),
        rollout: fc.oneof(
          fc.record({ percent, by: unit, seed: fc.constantFrom('s', 't') }, { requiredKeys: ['percent'] }),
          fc.record({ exactly: fc.nat(6), seed: fc.constant('s') }, { requiredKeys: ['exactly'] }),
        ),
        serve,
      },
      { requiredKeys: ['serve'] },
    )
    // A layer has one unit.
    .map(({ layer, rings, ...one }) => ({
      ...one,
      ...(rings && { rings, upTo: '0' }),
      ...(layer && { layer: { name: layer.by, ...layer } }),
    }))

/** A flag may ask the one before it. */
const flag = (key: Key): fc.Arbitrary<FlagDefinition> => {
  const common = {
    enabled: fc.constantFrom(true, true, true, false),
    seed: fc.constantFrom('s', 't'),
    prerequisites: key === 'a' ? fc.constant([]) : fc.constant([{ flag: 'a', is: true }]),
    metadata: fc.constant({ owner: 'growth' }),
  }
  const boolean = fc.record(
    { ...common, rules: fc.array(rule(fc.boolean()), { maxLength: 3 }), default: fc.boolean() },
    { requiredKeys: ['default'] },
  )
  const name = fc.constantFrom('z', 'y')
  const weights = fc.constantFrom({ z: 1, y: 3 }, { z: 1, y: 0 })
  const variants = fc.record(
    { ...common, rules: fc.array(rule(fc.oneof(name, weights)), { maxLength: 3 }), default: name },
    { requiredKeys: ['default'] },
  )
  const made =
    key === 'a'
      ? boolean
      : fc.oneof(
          boolean,
          variants.map((one) => ({ ...one, variants: { z: [1], y: null } })),
        )
  return made as fc.Arbitrary<FlagDefinition>
}

const tenant = (id: string): fc.Arbitrary<Tenant> =>
  fc
    .record({ plan: fc.constantFrom('pro', 'free', undefined), age: fc.constantFrom(0, 13, 14, 20), x: attribute })
    .map(({ plan, age, x }) => {
      const createdAt = new Date(NOW - age * DAY).toISOString()
      return { id, status: 'active', ...(plan && { plan }), createdAt, attributes: { x } }
    })
const actor = fc.record({
  id: fc.constantFrom('anonymous', 'anonymous', 'u1', 'u2'),
  type: fc.constantFrom('user', 'user', 'service'),
  roles: fc.subarray(['pro', 'eu']),
})

it('flags are evaluated as the docs tell of them', () => {
  const reached = new Map<string, number>()
  const segments: Record<string, FlagConditions> = {
    paying: { 'org.plan': { in: ['pro'] } },
    new: { segment: 'paying', 'org.created_at': { after: { ago: '14d' } } },
  }
  const all = fc.record({
    flags: fc.record({ a: flag('a'), b: flag('b'), c: flag('c') }),
    tenants: fc.tuple(...['t1', 't2', 't3', 't4', 't5', 't6'].map(tenant)),
    actor,
    y: attribute,
    ip: fc.constantFrom('10.1.2.3', '2001:db8::1', undefined),
    forced: fc.option(fc.boolean(), { nil: undefined }),
    features: fc.constantFrom([], [], ['a']),
  })
  fc.assert(
    fc.property(all, ({ flags, tenants, actor: by, y, ip, forced, features }) => {
      for (const key of KEYS)
        expect(flagProblems(flags[key], key, { key, flags, segments: Object.keys(segments) })).toEqual([])
      const bounds = (seed: string, count: number, among?: Among) => {
        const counter = new RankCounter(seed, count)
        for (const one of tenants) if (!among || among.has(one)) counter.add(one.id)
        return counter.bound
      }
      const compiled = compileFlags(flags, { segments, bounds, now: () => NOW })
      const overrides = new Map(forced === undefined ? [] : [['a', forced]])
      for (const one of tenants) {
        const own = one.plan === 'pro' ? features : []
        const snapshot = { flags: flagsView(compiled, overrides, { plan: 'pro', features: own }) }
        const request = ip === undefined ? undefined : { method: 'GET', path: '/', ip }
        const scope = { tenant: one, actor: by, request, asOf: NOW, snapshot, fold() {} }
        const face = createFlags<Catalog>({ scope: () => scope })
        const world = { flags, segments, tenants, overrides, features: own }
        for (const key of KEYS) {
          const wanted = documentedFlag(key, { ...scope, attributes: { y } }, world)
          const { evaluation, steps } = face.explain(key, { attributes: { y } })
          expect(evaluation).toEqual(wanted)
          expect(steps.filter(({ decided }) => decided)).toEqual(steps.slice(-1))
          const end = wanted.reason
          reached.set(end, (reached.get(end) ?? 0) + 1)
        }
      }
    }),
    { numRuns: 300 },
  )
  for (const end of ['STATIC', 'TARGETING_MATCH', 'SPLIT', 'DEFAULT', 'DISABLED', 'TARGETING_KEY_MISSING'])
    expect(reached.get(end)).toBeGreaterThan(0)
})
