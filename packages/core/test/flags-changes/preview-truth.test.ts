import type { FlagDefinition, FlagPreview } from '@throughline/core'
import { createThroughline, defineCatalog } from '@throughline/core'
import fc from 'fast-check'
import { expect, it } from 'vitest'

const KEYS = ['a', 'b', 'c', 'd'] as const
type Key = (typeof KEYS)[number]
const operator = { actor: { id: 'olga' }, reason: 'TICKET-7' }
const rows = Array.from({ length: 10 }, (_, i) => ({
  id: `t${i}`,
  plan: i % 3 === 0 ? 'pro' : 'free',
  region: i % 2 ? 'eu' : 'us',
}))

const conditions = fc.constantFrom(
  { segment: 'eu' },
  { 'org.plan': 'pro' },
  { not: { segment: 'eu' } },
  {
    'org.id': { in: ['t1', 't4', 't9'] },
  },
)
const rollout = fc.oneof(
  fc.record({ percent: fc.integer({ min: 0, max: 100 }) }),
  fc.record({ exactly: fc.integer({ min: 0, max: 11 }) }),
)
const rule = fc.oneof(
  fc.record({ if: conditions, serve: fc.boolean() }),
  fc.record({ if: conditions, rollout, serve: fc.boolean() }),
  fc.record({ rollout, serve: fc.boolean() }),
)
/** Flags may ask those that come before them: no circles. */
const definitionOf = (key: Key) => {
  const before = KEYS.slice(0, KEYS.indexOf(key))
  const prerequisites = before.length > 0 ? [fc.record({ flag: fc.constantFrom(...before), is: fc.boolean() })] : []
  return fc.record(
    {
      default: fc.boolean(),
      enabled: fc.constantFrom(true, true, false),
      rules: fc.array(rule, { maxLength: 2 }),
      prerequisites: fc.tuple(...prerequisites),
    },
    { requiredKeys: ['default'] },
  ) as fc.Arbitrary<FlagDefinition>
}
const change = (key: Key) =>
  fc.oneof(
    definitionOf(key).map((define) => ({ define })),
    fc.constant({ reset: true } as const),
    fc.constant({ archive: true } as const),
    fc.constant({ rollback: 0 } as const),
    fc.boolean().map((enabled) => ({ patch: { enabled } })),
  )
const changes = fc.constantFrom(...KEYS).chain((key) => fc.record({ key: fc.constant(key), made: change(key) }))

/** One instance for one case, whose clock is turned by hand. */
function appWith(flags: Readonly<Record<Key, FlagDefinition>>, clock: { time: number }) {
  const catalog = defineCatalog({
    segments: { eu: { 'org.region': 'eu' } },
    flags: { ...flags, gift: { default: false } },
    plans: { free: {}, pro: { features: ['gift'] } },
  })
  const app = createThroughline({
    catalog: catalog as typeof catalog & { readonly flags: Readonly<Record<Key, FlagDefinition>> },
    tenants: { load: (id) => rows.find((row) => row.id === id), list: () => rows },
    clock: { now: () => clock.time },
  })
  const make = ({ key, made }: { key: Key; made: object }, how = {}) =>
    app.platform.run(operator, async ({ flags: operated }) => {
      if ('define' in made) return operated.define(key, made.define as never, how)
      if ('archive' in made) return operated.archive(key, how)
      if ('patch' in made) return operated.patch(key, made.patch as never, how)
      return 'reset' in made ? operated.reset(key, how) : operated.rollback(key, { to: 0, ...how })
    })
  const served = async () => {
    const found = new Map<string, Record<string, string>>()
    for (const { id } of rows)
      await app.run({ tenant: id, actor: { id: 'ada' } }, () => {
        found.set(id, Object.fromEntries(KEYS.map((key) => [key, app.flags.evaluate(key).variant])))
      })
    return found
  }
  return { app, make, served }
}

/** Whose timer was set before this one's has counted the tenants by then, for their list is there at once. */
const counted = () => new Promise((resolve) => setTimeout(resolve, 1))

const flipsOf = ({ flips }: Pick<FlagPreview, 'flips'>) =>
  flips.map(({ tenant, from, to }) => `${tenant}: ${from.variant} -> ${to.variant}`)

it('a preview is what happens, of the flag and of all that ask it', async () => {
  const flags = fc.record({ a: definitionOf('a'), b: definitionOf('b'), c: definitionOf('c'), d: definitionOf('d') })
  const overrides = fc.array(
    fc.record({ tenant: fc.constantFrom('t0', 't1', 't4'), key: fc.constantFrom(...KEYS), on: fc.boolean() }),
    { maxLength: 4 },
  )
  const all = fc.record({ flags, overrides, before: fc.array(changes, { maxLength: 3 }), scheduled: changes, changes })
  await fc.assert(
    fc.asyncProperty(all, async ({ flags, overrides, before, scheduled, changes: change }) => {
      const clock = { time: Date.parse('2026-11-24T12:00:00Z') }
      const { app, make, served } = appWith(flags, clock)
      try {
        await app.platform.run(operator, async ({ flags: operated }) => {
          for (const { tenant, key, on } of overrides)
            await operated.override(tenant, key, on, { until: clock.time + (on ? 60_000 : 120_000) })
        })
        for (const each of before) await make(each).catch(() => undefined)
        await make(scheduled, { at: clock.time + 60_000 }).catch(() => undefined)
        clock.time += 90_000
        // Whoever is in for exactly so many is counted.
        await served()
        await counted()
        const was = await served()
        const refusedOr = await app.platform
          .run(operator, ({ flags: operated }) => operated.preview(change.key, change.made as never))
          .catch((error: unknown) => error)
        const result = await make(change).catch((error: unknown) => error)
        if (refusedOr instanceof Error) {
          expect(result).toBeInstanceOf(Error)
          return
        }
        const preview = refusedOr as FlagPreview
        await served()
        await counted()
        const is = await served()
        const truth = (key: string) =>
          [...was].flatMap(([id, by]) =>
            by[key] === is.get(id)?.[key] ? [] : [`${id}: ${by[key]} -> ${is.get(id)?.[key]}`],
          )
        expect(flipsOf(preview)).toEqual(truth(change.key))
        for (const key of KEYS) {
          if (key === change.key) continue
          const dependent = preview.dependents.find((one) => one.key === key)
          expect([key, dependent ? flipsOf(dependent) : []]).toEqual([key, truth(key)])
        }
      } finally {
        await app.close()
      }
    }),
    { numRuns: 25 },
  )
})
