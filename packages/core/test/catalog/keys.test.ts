import { describe, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import type {
  BooleanFlagKey,
  Catalog,
  CheckedCatalog,
  ConfigOutput,
  ConfigPath,
  ConfigValue,
  FlagConditions,
  FlagDefinition,
  FlagKey,
  FlagRule,
  FlagValue,
  LimitName,
  MeterName,
  PlanDefinition,
  PlanName,
} from '../../src/catalog/index.ts'
import { defineCatalog, perMinute, quotaPerDay } from '../../src/catalog/index.ts'
import type { ThroughlineOptions } from '../../src/options.ts'
import { createThroughline } from '../../src/throughline.ts'
import type { Json } from '../../src/vocabulary.ts'

const catalog = defineCatalog({
  flags: {
    'new-reports': { default: false },
    theme: { variants: { old: 'grey', new: 'blue' }, default: 'old' },
    sizes: { variants: { small: { rows: 10 }, large: { rows: 50 } }, default: 'small' },
  },
  limits: { api: perMinute(100) },
  plans: { free: {}, pro: { features: ['new-reports'] } },
  config: z.object({
    seats: z.number().default(5),
    webhooks: z.object({ url: z.url(), events: z.array(z.object({ name: z.string() })) }).optional(),
    labels: z.record(z.string(), z.string()).default({}),
  }),
})
type C = typeof catalog

// Checked by the compiler: `npm run check:types` fails where these no longer hold.
describe('keys of a catalog', () => {
  it('are its own names', () => {
    expectTypeOf<FlagKey<C>>().toEqualTypeOf<'new-reports' | 'theme' | 'sizes'>()
    expectTypeOf<BooleanFlagKey<C>>().toEqualTypeOf<'new-reports'>()
    expectTypeOf<LimitName<C>>().toEqualTypeOf<'api'>()
    expectTypeOf<PlanName<C>>().toEqualTypeOf<'free' | 'pro'>()
    expectTypeOf<MeterName<C>>().toEqualTypeOf<never>()
    // @ts-expect-error a typo does not compile
    const typo: FlagKey<C> = 'new-report'
    void typo
  })

  it('know the values', () => {
    expectTypeOf<FlagValue<C, 'new-reports'>>().toEqualTypeOf<boolean>()
    expectTypeOf<FlagValue<C, 'theme'>>().toEqualTypeOf<'grey' | 'blue'>()
    expectTypeOf<FlagValue<C, 'sizes'>['rows']>().toEqualTypeOf<10 | 50>()
  })

  it('are dotted paths in the config', () => {
    expectTypeOf<ConfigPath<C>>().toEqualTypeOf<
      'seats' | 'webhooks' | 'webhooks.url' | 'webhooks.events' | 'labels' | `labels.${string}`
    >()
    expectTypeOf<ConfigValue<C, 'seats'>>().toEqualTypeOf<number>()
    expectTypeOf<ConfigValue<C, 'webhooks.url'>>().toEqualTypeOf<string | undefined>()
    expectTypeOf<ConfigValue<C, 'webhooks.events'>>().toEqualTypeOf<{ name: string }[] | undefined>()
    expectTypeOf<ConfigOutput<C>['seats']>().toEqualTypeOf<number>()
  })

  it('are any string when the catalog is not known', () => {
    expectTypeOf<FlagKey<Catalog>>().toEqualTypeOf<string>()
    expectTypeOf<BooleanFlagKey<Catalog>>().toEqualTypeOf<string>()
    expectTypeOf<MeterName<Catalog>>().toEqualTypeOf<string>()
    expectTypeOf<FlagValue<Catalog, string>>().toEqualTypeOf<Json>()
    expectTypeOf<ConfigPath<Catalog>>().toEqualTypeOf<string>()
    expectTypeOf<ConfigValue<Catalog, string>>().toEqualTypeOf<Json | undefined>()
  })

  it('are what plans name', () => {
    const flags = { a: { default: false }, b: { variants: { small: 1 }, default: 'small' } } as const
    const limits = { api: perMinute(1) }
    const meters = { calls: { aggregate: 'count' } } as const
    const quotas = { calls: quotaPerDay(1) }
    defineCatalog({ flags, limits, meters, plans: { pro: { features: ['a'], limits, quotas } } })
    // @ts-expect-error no flag
    defineCatalog({ flags, plans: { pro: { features: ['c'] } } })
    // @ts-expect-error no boolean flag
    defineCatalog({ flags, plans: { pro: { features: ['b'] } } })
    // @ts-expect-error no limit
    defineCatalog({ limits, plans: { pro: { limits: { apis: perMinute(1) } } } })
    // @ts-expect-error no meter
    defineCatalog({ meters, plans: { pro: { quotas: { call: quotaPerDay(1) } } } })
    // @ts-expect-error no part of a plan
    defineCatalog({ flags, plans: { pro: { feature: ['a'] } } })
    const loose: Readonly<Record<string, PlanDefinition>> = { pro: { features: ['c'] } }
    defineCatalog({ flags, plans: loose })
  })
})

describe('names in a catalog', () => {
  it('are those of its variants, segments and flags', () => {
    const right = defineCatalog({
      segments: {
        eu: { 'org.region': 'eu' },
        big: { segment: 'eu', or: [{ 'org.seats': { gt: 100 } }, { not: { segment: ['eu'] } }] },
      },
      flags: {
        base: { default: false },
        size: {
          variants: { small: 1, large: 2 },
          rules: [
            { if: { or: [{ segment: 'big' }, { 'org.plan': 'pro' }] }, serve: { small: 1, large: 3 } },
            { if: { segment: ['eu', 'big'] }, serve: 'large' },
          ],
          default: 'small',
        },
        next: {
          prerequisites: [
            { flag: 'base', is: true },
            { flag: 'size', is: 'large' },
          ],
          default: false,
        },
      },
    })
    expectTypeOf<FlagValue<typeof right, 'size'>>().toEqualTypeOf<1 | 2>()
    const segments = { eu: { 'org.region': 'eu' } } as const
    // @ts-expect-error no segment
    defineCatalog({ segments, flags: { a: { rules: [{ if: { segment: 'us' }, serve: true }], default: false } } })
    defineCatalog({
      segments,
      // @ts-expect-error no segment, within a group
      flags: { a: { rules: [{ if: { or: [{ segment: 'us' }] }, serve: true }], default: false } },
    })
    // @ts-expect-error no segment, within a segment
    defineCatalog({ segments: { a: { not: { segment: 'b' } } } })
    const variants = { small: 1, large: 2 } as const
    // @ts-expect-error no variant
    defineCatalog({ flags: { a: { variants, default: 'medium' } } })
    // @ts-expect-error no variant is served
    defineCatalog({ flags: { a: { variants, rules: [{ serve: 'medium' }], default: 'small' } } })
    // @ts-expect-error no variant has weight
    defineCatalog({ flags: { a: { variants, rules: [{ serve: { small: 1, medium: 1 } }], default: 'small' } } })
    // @ts-expect-error no flag
    defineCatalog({ flags: { a: { prerequisites: [{ flag: 'b', is: true }], default: false } } })
    // @ts-expect-error itself
    defineCatalog({ flags: { a: { prerequisites: [{ flag: 'a', is: true }], default: false } } })
    defineCatalog({
      // @ts-expect-error no variant of the other flag
      flags: { a: { prerequisites: [{ flag: 'b', is: 'medium' }], default: false }, b: { variants, default: 'small' } },
    })
    const loose: Record<string, FlagDefinition> = { a: { default: false }, b: { variants, default: 'small' } }
    defineCatalog({ flags: loose })
    const one: FlagDefinition = { default: false }
    defineCatalog({ flags: { one, two: { prerequisites: [{ flag: 'one', is: true }], default: false } } })
    // @ts-expect-error no operator
    defineCatalog({ flags: { a: { rules: [{ if: { 'org.plan': { equals: 'x' } }, serve: true }], default: false } } })
    // @ts-expect-error no such member of a rollout
    defineCatalog({ flags: { a: { rules: [{ rollout: { percent: 5, sede: 'x' }, serve: true }], default: false } } })
    const slice = { name: 'l', from: 0, to: 5 } as const
    // @ts-expect-error no such member of a layer
    defineCatalog({ flags: { a: { rules: [{ layer: { ...slice, bye: 'actor' }, serve: true }], default: false } } })
    const ringed = <const If>(conditions: If) => {
      return { rings: [{ name: 'inner', if: conditions }], upTo: 'inner', serve: true } as const
    }
    defineCatalog({ segments, flags: { a: { rules: [ringed({ segment: 'eu' })], default: false } } })
    // @ts-expect-error no segment, within a ring
    defineCatalog({ segments, flags: { a: { rules: [ringed({ segment: 'us' })], default: false } } })
    const rings = [{ name: 'inner', if: { 'org.plan': 'pro' } }] as const
    // @ts-expect-error no ring
    defineCatalog({ flags: { a: { rules: [{ rings, upTo: 'outer', serve: true }], default: false } } })
    const unset: string | undefined = process.env.NOBODY_SETS_IT
    // @ts-expect-error a condition that may not be there would hold for everybody
    defineCatalog({ flags: { a: { rules: [{ if: { 'org.id': unset }, serve: true }], default: false } } })
    // @ts-expect-error nor may an operand be missing
    defineCatalog({ flags: { a: { rules: [{ if: { 'org.id': { eq: unset } }, serve: true }], default: false } } })
    // What is not known member by member is left to the check at run time.
    const conditions: FlagConditions = { 'org.plan': 'pro' }
    const rule: FlagRule<boolean> = { if: conditions, serve: true }
    const loosely = { and: [conditions, { segment: 'eu' }] } as const
    defineCatalog({
      segments: { ...segments, paying: conditions },
      flags: { a: { rules: [rule, { if: conditions, serve: true }, { if: loosely, serve: true }], default: false } },
    })
    // @ts-expect-error no such root
    defineCatalog({ flags: { a: { rules: [{ if: { 'tenant.plan': 'x' }, serve: true }], default: false } } })
  })

  it('are looked at wherever they stand in a flag, whatever else of it is right', () => {
    const segments = { eu: { 'org.region': 'eu' } } as const
    const variants = { small: 1, large: 2 } as const
    const fine = { if: { 'org.plan': 'pro' }, serve: 'small' } as const
    const flag = <const Rule>(rule: Rule) => ({ variants, rules: [fine, rule], default: 'small' }) as const
    defineCatalog({ segments, flags: { a: flag({ if: { not: { segment: 'eu' } }, serve: 'large' }) } })
    // @ts-expect-error no variant, in a later rule
    defineCatalog({ flags: { a: flag({ serve: 'medium' }) } })
    // @ts-expect-error no variant has weight, in a later rule
    defineCatalog({ flags: { a: flag({ serve: { large: 1, medium: 0 } }) } })
    // @ts-expect-error no such member of a flag
    defineCatalog({ flags: { a: { variants, rules: [fine], default: 'small', enable: false } } })
    // @ts-expect-error no such member of a rule
    defineCatalog({ flags: { a: flag({ iff: { 'org.plan': 'pro' }, serve: 'large' }) } })
    // @ts-expect-error no such member of a ring
    defineCatalog({ flags: { a: flag({ rings: [{ name: 'x', if: {}, when: {} }], upTo: 'x', serve: 'large' }) } })
    const rings = [
      { name: 'x', if: {} },
      { name: 'y', if: { plan: 1 } },
    ] as const
    // @ts-expect-error no such root, in a second ring
    defineCatalog({ flags: { a: flag({ rings, serve: 'large' }) } })
    // @ts-expect-error no segment among several
    defineCatalog({ segments, flags: { a: flag({ if: { segment: ['eu', 'us'] }, serve: 'large' }) } })
    // @ts-expect-error no segment, within what is not
    defineCatalog({ segments, flags: { a: flag({ if: { not: { segment: 'us' } }, serve: 'large' }) } })
    // @ts-expect-error no such root, in the second of a group
    defineCatalog({ flags: { a: flag({ if: { and: [{ 'org.a': 1 }, { plan: 1 }] }, serve: 'large' }) } })
    // @ts-expect-error no operator, within a group within a group
    defineCatalog({ flags: { a: flag({ if: { or: [{ not: { 'org.a': { ge: 1 } } }] }, serve: 'large' }) } })
    // @ts-expect-error no operator beside one that is
    defineCatalog({ flags: { a: flag({ if: { 'org.a': { gt: 1, less: 2 } }, serve: 'large' }) } })
    const maybe = Math.random() < 0.5
    const wrong = { if: { plan: 'pro' }, serve: true } as const
    // Inline: of what is kept in variables the compiler itself leaves away the one that says more.
    defineCatalog({
      flags: {
        // @ts-expect-error no such root, in one of two lists
        a: { rules: maybe ? [{ serve: true }] : [{ if: { plan: 'pro' }, serve: true }], default: false },
        // @ts-expect-error no such root, in one of two groups
        b: { rules: [{ if: { or: maybe ? [{ 'org.a': 1 }] : [{ 'org.a': 1, p: 2 }] }, serve: true }], default: false },
        // @ts-expect-error no such root, in one of two groups
        c: { rules: [{ if: { and: maybe ? [{ 'org.a': 1 }] : [{ 'org.a': 1, p: 2 }] }, serve: true }], default: false },
      },
    })
    const inner = [{ name: 'x', if: {} }] as const
    const outer = [
      { name: 'x', if: {}, whn: 1 },
      { name: 'y', if: {} },
    ] as const
    // @ts-expect-error no such member of a ring, in one of two lists
    defineCatalog({ flags: { a: { rules: [{ rings: maybe ? inner : outer, serve: true }], default: false } } })
    const plain = { default: false, description: 'plain' } as const
    const ruled = { rules: [wrong], default: false } as const
    // @ts-expect-error no such root, in one of two flags
    defineCatalog({ flags: { a: maybe ? plain : ruled } })
    const percent = { percent: 5 } as const
    const exactly = { exactly: 5, sede: 'x' } as const
    // @ts-expect-error no such member, of one of two rollouts
    defineCatalog({ flags: { a: { rules: [{ rollout: maybe ? percent : exactly, serve: true }], default: false } } })
    const perhaps: { readonly rules?: readonly [typeof wrong]; readonly default: false } = { default: false }
    // @ts-expect-error no such root, in rules that may be there
    defineCatalog({ flags: { a: perhaps } })
    const grouped: { readonly and?: readonly [{ readonly plan: 'pro' }] } = {}
    // @ts-expect-error no such root, in a group that may be there
    defineCatalog({ flags: { a: { rules: [{ if: grouped, serve: true }], default: false } } })
    const b = { default: false } as const
    const prerequisites = [
      { flag: 'b', is: true },
      { flag: 'b', is: 'on' },
    ] as const
    // @ts-expect-error no value, in the second
    defineCatalog({ flags: { a: { prerequisites, default: false }, b } })
  })

  it('are checked in a catalog that stands in the options, too', () => {
    const options = <const O extends ThroughlineOptions>(given: O & CheckedCatalog<O>) => given
    const variants = { small: 1, large: 2 } as const
    options({ catalog: { flags: { a: { variants, default: 'small' } } }, tenants: 'ours' })
    options({ catalog: catalog as Catalog })
    options({} as ThroughlineOptions)
    // @ts-expect-error no variant
    options({ catalog: { flags: { a: { variants, default: 'medium' } } } })
    // @ts-expect-error no part of a catalog
    options({ catalog: { flags: { a: { default: false } }, limts: {} } })
    // @ts-expect-error no option
    options({ flags: { a: { default: false } }, tenant: 'ours' })
    // @ts-expect-error no part of a catalog
    defineCatalog({ flags: { a: { default: false } }, limts: {} })
  })

  it('are passed on by functions that take whatever they are given', () => {
    const start = <const O extends ThroughlineOptions>(options: O & CheckedCatalog<O>) => createThroughline<O>(options)
    const startWith = <const C extends Catalog>(given: C & CheckedCatalog<C>) =>
      createThroughline<{ readonly catalog: C }>({ catalog: given })
    const variants = { small: 1, large: 2 } as const
    const { flags } = start({ flags: { a: { variants, default: 'small' } } })
    const { flags: others } = startWith({ flags: { a: { variants, default: 'small' } } })
    expectTypeOf([flags.value<'a'>, others.value<'a'>]).items.returns.toEqualTypeOf<1 | 2>()
    // @ts-expect-error no variant
    const faulty = () => startWith({ flags: { a: { variants, default: 'medium' } } })
    expectTypeOf(faulty).toBeFunction()
  })

  it('are told from any text, and say what to do about it', () => {
    const plain = {
      segments: { eu: { 'org.region': 'eu' } },
      flags: {
        size: { variants: { small: 1, large: 2 }, default: 'small' },
        next: { rules: [{ if: { segment: 'eu' }, serve: true }], default: false },
      },
    }
    type Flags = CheckedCatalog<typeof plain>['flags']
    type Said = 'may be any text: declare the object "as const", or within defineCatalog'
    expectTypeOf<Flags['size']['default']['throughline']>().toEqualTypeOf<Said>()
    expectTypeOf<Flags['next']['rules'][0]['if']['segment']['throughline']>().toEqualTypeOf<Said>()
    // @ts-expect-error names are lost
    defineCatalog(plain)
    type Lone = CheckedCatalog<{ flags: { a: { rules: [{ if: { segment: 'eu' }; serve: true }]; default: false } } }>
    expectTypeOf<
      Lone['flags']['a']['rules'][0]['if']['segment']['throughline']
    >().toEqualTypeOf<'the catalog has no segments'>()
    // Where projects do not compile with exactOptionalPropertyTypes, nothing else would find it.
    type Unset = CheckedCatalog<{
      flags: { a: { rules: [{ if: { 'org.id': { eq: string | undefined } }; serve: true }]; default: false } }
    }>
    expectTypeOf<
      Unset['flags']['a']['rules'][0]['if']['org.id']['eq']['throughline']
    >().toEqualTypeOf<'may be undefined, and would hold for everybody'>()
  })
})
