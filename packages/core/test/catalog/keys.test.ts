import { describe, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import type {
  BooleanFlagKey,
  Catalog,
  ConfigOutput,
  ConfigPath,
  ConfigValue,
  FlagKey,
  FlagValue,
  LimitName,
  MeterName,
  PlanName,
} from '../../src/catalog/index.ts'
import { defineCatalog, perMinute } from '../../src/catalog/index.ts'
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
})
