import type { BooleanFlag, FlagDefinition, TenantRow } from '@throughline/core'
import { createThroughline, defineCatalog } from '@throughline/core'
import { memoryStorage } from '@throughline/core/storage'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { until } from '../../../../test/until.ts'
import { turnsWhile } from '../turns.ts'
import { OperatedApp } from './operated-app.ts'

const closing: { close(): Promise<unknown> }[] = []
afterEach(async () => {
  vi.useRealTimers()
  await Promise.all(closing.splice(0).map((app) => app.close()))
})

const catalog = defineCatalog({
  plans: { free: {}, pro: { features: ['exports'] } },
  flags: {
    exports: { default: false },
    reports: { default: false },
    layout: { variants: { wide: 3, narrow: 1 }, default: 'narrow' },
  },
})
const operator = { actor: { id: 'olga' }, reason: 'TICKET-7' }

/** An app that keeps its tenants itself. */
function appWith(rows: readonly TenantRow[], listed: 'rows' | 'ids' | 'stream' | 'unlisted' = 'rows') {
  const list = {
    rows: async () => rows,
    ids: () => rows.map(({ id }) => String(id)),
    async *stream() {
      yield* rows
    },
  }
  const app = createThroughline({
    catalog,
    tenants: {
      load: (id) => rows.find((row) => row.id === id),
      ...(listed !== 'unlisted' && { list: list[listed] }),
    },
  })
  closing.push(app)
  return app
}

const rows = (count: number): readonly TenantRow[] =>
  Array.from({ length: count }, (_, i) => ({
    id: `t${i}`,
    plan: i % 3 === 0 ? 'pro' : 'free',
    region: i % 2 ? 'eu' : 'us',
  }))

describe('preview', () => {
  it('names exactly the tenants that flip once the change is made', async () => {
    const condition = fc.constantFrom({ 'org.region': 'eu' }, { 'org.plan': 'pro' }, { 'org.id': ['t1', 't4'] })
    const rule = fc.oneof(
      fc.record({ if: condition, serve: fc.boolean() }),
      fc.record({ rollout: fc.record({ percent: fc.integer({ min: 0, max: 100 }) }), serve: fc.boolean() }),
    )
    const definition = fc.record({
      default: fc.boolean(),
      enabled: fc.boolean(),
      rules: fc.array(rule, { maxLength: 3 }),
    }) as fc.Arbitrary<BooleanFlag>
    const overrides = fc.dictionary(fc.constantFrom('t0', 't1', 't2'), fc.boolean())
    await fc.assert(
      fc.asyncProperty(definition, definition, overrides, async (before, after, overridden) => {
        const app = appWith(rows(12))
        const served = async () => {
          const found = new Map<string, unknown>()
          for (const { id } of rows(12)) {
            const run = { tenant: String(id), actor: { id: 'ada' } }
            found.set(run.tenant, await app.run(run, () => app.flags.evaluate('exports')))
          }
          return found
        }
        await app.platform.run(operator, async ({ flags }) => {
          await flags.define('exports', before)
          for (const [tenant, value] of Object.entries(overridden)) await flags.override(tenant, 'exports', value)
        })
        const was = await served()
        const preview = await app.platform.run(operator, ({ flags }) => flags.preview('exports', { define: after }))
        const { affected } = await app.platform.run(operator, ({ flags }) => flags.define('exports', after))
        const is = await served()
        const flipped = [...was].filter(([id, evaluation]) => servedBy(evaluation) !== servedBy(is.get(id)))
        expect(preview.flips.map(({ tenant }) => tenant)).toEqual(flipped.map(([id]) => id))
        for (const { tenant, from, to } of preview.flips) expect([from, to]).toEqual([was.get(tenant), is.get(tenant)])
        expect(preview).toMatchObject({ flipped: flipped.length, tenants: 12, mayVary: 0 })
        expect(affected).toMatchObject({ flipped: flipped.length, ids: flipped.map(([id]) => id), complete: true })
        await app.close()
      }),
      { numRuns: 10 },
    )
  })

  it('makes no change, and needs none of the tenants to be there', async () => {
    const app = appWith(rows(4))
    const { flips } = await app.platform.run(operator, ({ flags }) =>
      flags.preview('layout', { patch: { default: 'wide' } }),
    )
    expect(flips).toHaveLength(4)
    expect(flips[0]).toEqual({
      tenant: 't0',
      from: { value: 1, variant: 'narrow', reason: 'STATIC' },
      to: { value: 3, variant: 'wide', reason: 'STATIC', version: 1 },
    })
    const { version } = await app.platform.run(operator, ({ flags }) => flags.get('layout'))
    expect(version).toBe(0)
  })

  it.each(['rows', 'ids', 'stream'] as const)('reads the app’s tenants as %s', async (listed) => {
    const app = appWith(rows(6), listed)
    const preview = await app.platform.run(operator, ({ flags }) =>
      flags.preview('reports', { patch: { rules: { eu: { if: { 'org.region': 'eu' }, serve: true } } } }, { limit: 2 }),
    )
    expect(preview.flips.map(({ tenant }) => tenant)).toEqual(['t1', 't3'])
    expect(preview).toMatchObject({ flipped: 3, tenants: 6, mayVary: 0 })
  })

  it('says who is in for so many tenants exactly', async () => {
    const app = appWith(rows(40))
    const change = { define: { default: false, rules: [{ rollout: { exactly: 7 }, serve: true }] } } as const
    const { flips } = await app.platform.run(operator, ({ flags }) => flags.preview('reports', change))
    expect(flips).toHaveLength(7)
    const { affected } = await app.platform.run(operator, ({ flags }) => flags.define('reports', change.define))
    expect(affected).toMatchObject({ flipped: 7 })
    const enabled = (id: string) => app.run({ tenant: id, actor: { id: 'ada' } }, () => app.flags.isEnabled('reports'))
    await until(async () => (await Promise.all(flips.map(({ tenant }) => enabled(tenant)))).every(Boolean))
    const others = rows(40)
      .map(({ id }) => String(id))
      .filter((id) => !flips.some(({ tenant }) => tenant === id))
    expect((await Promise.all(others.map(enabled))).some(Boolean)).toBe(false)
  })

  it('looks through prerequisites, and their overrides', async () => {
    const app = appWith(rows(4))
    await app.platform.run(operator, ({ flags }) => flags.override('t2', 'exports', false))
    const define = { default: false, prerequisites: [{ flag: 'exports', is: true }], rules: [{ serve: true }] } as const
    const { flips } = await app.platform.run(operator, async ({ flags }) => {
      await flags.define('exports', { default: true })
      return flags.preview('reports', { define })
    })
    expect(flips.map(({ tenant }) => tenant)).toEqual(['t0', 't1', 't3'])
  })

  it('goes by what was changed at run time, not by the catalog that it was changed from', async () => {
    const app = appWith(rows(4))
    const { flips } = await app.platform.run(operator, async ({ flags }) => {
      await flags.define('layout', { variants: { narrow: 1, huge: 5 }, default: 'huge' })
      await flags.define('exports', {
        default: false,
        prerequisites: [{ flag: 'layout', is: 'huge' }],
        rules: [{ serve: true }],
      })
      const prerequisites = [{ flag: 'exports', is: true }]
      return flags.preview('reports', { define: { default: false, prerequisites, rules: [{ serve: true }] } })
    })
    expect(flips.map(({ tenant }) => tenant)).toEqual(['t0', 't1', 't2', 't3'])
  })

  it('takes what a newer deploy can not use for what it serves', async () => {
    const storage = memoryStorage()
    const tenants = { load: (id: string) => ({ id }), list: () => ['t0', 't1'] }
    const asks = { default: false, prerequisites: [{ flag: 'layout', is: 'wide' }], rules: [{ serve: true }] } as const
    const older = createThroughline({ catalog, tenants, storage })
    const newer = createThroughline({
      flags: {
        layout: { variants: { wide: { columns: 3 }, narrow: { columns: 1 } }, default: 'narrow' },
        reports: asks,
      },
      tenants,
      storage,
    })
    closing.push(older, newer)
    await older.platform.run(operator, ({ flags }) => flags.patch('layout', { default: 'wide' }))
    const run = { tenant: 't0', actor: { id: 'ada' } }
    expect(await newer.run(run, () => newer.flags.evaluate('layout'))).toMatchObject({ variant: 'narrow' })
    const { preview, affected } = await newer.platform.run(operator, async ({ flags }) => ({
      preview: await flags.preview('layout', { reset: true }),
      affected: (await flags.archive('layout')).affected,
    }))
    expect(preview).toMatchObject({ flipped: 0, dependents: [{ key: 'reports', flipped: 0 }] })
    expect(affected).toMatchObject({ flipped: 0 })
  })

  it('and a change of what much depends on keep nobody waiting, however many tenants a list has', async () => {
    const dependents = Array.from({ length: 40 }, (_, i) => [
      `d${i}`,
      {
        prerequisites: [{ flag: 'base', is: true }],
        rules: [{ rollout: { percent: 50 }, serve: true }],
        default: false,
      },
    ])
    const flags: Readonly<Record<string, FlagDefinition>> = Object.fromEntries([
      ['base', { default: true }],
      ...dependents,
    ])
    const app = createThroughline({ flags, tenants: { load: (id) => ({ id }), list: () => rows(2_000) } })
    closing.push(app)
    await app.ready()
    const off = { enabled: false, default: false }
    await app.platform.run(operator, async ({ flags }) => {
      const looked = await turnsWhile(() => flags.preview('base', { patch: off }))
      const changed = await turnsWhile(() => flags.patch('base', off))
      expect(Math.min(looked, changed)).toBeGreaterThan(2)
    })
  })

  it('counts a tenant once that the list names twice, and names as many flips as it is asked for', async () => {
    const app = appWith([...rows(3), ...rows(2)])
    const preview = (options?: object) =>
      app.platform.run(operator, ({ flags }) => flags.preview('reports', { define: { default: true } }, options))
    expect(await preview()).toMatchObject({ tenants: 3, flipped: 3, flips: { length: 3 } })
    expect(await preview({ limit: 0 })).toMatchObject({ flipped: 3, flips: { length: 0 } })
    expect(await preview({ limit: 2.9 })).toMatchObject({ flipped: 3, flips: { length: 2 } })
    for (const options of [{ limit: Number.NaN }, { limit: -1 }, { limit: null }, { limit: '5' }, { limt: 5 }])
      await expect(preview(options)).rejects.toMatchObject({ code: 'FLAG_INVALID' })
  })

  it('of several at once, each names its own', async () => {
    const app = appWith(rows(40))
    const exactly = (count: number) => ({
      define: { default: false, rules: [{ rollout: { exactly: count }, serve: true }] },
    })
    const counts = await app.platform.run(operator, ({ flags }) =>
      Promise.all([3, 5, 9].map(async (count) => (await flags.preview('reports', exactly(count))).flipped)),
    )
    expect(counts).toEqual([3, 5, 9])
  })

  it('says for whom it depends on who acts, and does not take them for flips', async () => {
    const app = appWith(rows(6))
    const change = {
      define: {
        default: false,
        rules: [
          { if: { 'org.region': 'eu' }, serve: true },
          { if: { 'org.plan': 'pro', 'actor.roles': 'admin' }, serve: true },
        ],
      },
    } as const
    const preview = await app.platform.run(operator, ({ flags }) => flags.preview('reports', change))
    // t1, t3, t5 are in the EU; of the others only t0 is on the plan that goes on to ask who acts.
    expect(preview.flips.map(({ tenant }) => tenant)).toEqual(['t1', 't3', 't5'])
    expect(preview).toMatchObject({ flipped: 3, tenants: 6, mayVary: 1 })
  })

  it('asks who acts only where the tenant does not decide, however conditions are written', async () => {
    const app = appWith(rows(6))
    const mixed = [
      { 'actor.roles': 'admin', 'org.plan': 'pro' },
      { and: [{ 'request.ip': '10.0.0.1' }, { 'org.plan': 'pro' }] },
      { not: { or: [{ 'context.beta': true }, { not: { 'org.plan': 'pro' } }] } },
      { and: [{ not: { 'actor.id': 'x' } }, { 'org.plan': 'pro' }] },
      { and: [{ or: [{ 'actor.id': 'x' }, { 'actor.id': 'y' }] }, { 'org.plan': 'pro' }] },
      { and: [{ and: [{ 'actor.id': 'x' }, { 'request.ip': '10.0.0.1' }] }, { 'org.plan': 'pro' }] },
      { 'actor.roles': 'admin', 'org.created_at': { after: { ago: '14d' } } },
    ] as const
    const counts = await app.platform.run(operator, ({ flags }) =>
      Promise.all(
        mixed.map(async (conditions) => {
          const rules = [
            { if: conditions, serve: false },
            { if: { 'org.region': 'eu' }, serve: true },
          ]
          const { flips, mayVary } = await flags.preview('reports', { define: { default: false, rules } })
          return [flips.map(({ tenant }) => tenant), mayVary]
        }),
      ),
    )
    // t0 and t3 are on the plan, t1, t3 and t5 in the EU; nobody's day of creation is known.
    const ofPlan = mixed.slice(0, -1).map(() => [['t1', 't5'], 2])
    expect(counts).toEqual([...ofPlan, [['t1', 't3', 't5'], 0]])
  })

  it('says for whom it depends on the request, or on the call', async () => {
    const app = appWith(rows(6))
    for (const attribute of ['actor.id', 'request.ip', 'context.beta'] as const) {
      const change = { define: { default: false, rules: [{ if: { [attribute]: 'x' }, serve: true }] } } as const
      const preview = await app.platform.run(operator, ({ flags }) => flags.preview('reports', change))
      expect([attribute, preview.flipped, preview.mayVary]).toEqual([attribute, 0, 6])
    }
  })

  it('is refused where nobody can list tenants, and changes say that they do not know', async () => {
    const app = appWith(rows(2), 'unlisted')
    const preview = app.platform.run(operator, ({ flags }) => flags.preview('reports', { reset: true }))
    await expect(preview).rejects.toMatchObject({ code: 'TENANTS_UNLISTED', remedy: expect.stringContaining('list') })
    const wrong = app.platform.run(operator, ({ flags }) => flags.preview('reports', { ptch: {} } as never))
    await expect(wrong).rejects.toMatchObject({ code: 'FLAG_INVALID' })
    const { affected } = await app.platform.run(operator, ({ flags }) => flags.define('reports', { default: true }))
    expect(affected).toBe('unknown')
  })

  it('names the tenant that could not be loaded, rather than leave it out', async () => {
    const down = new Error('connection lost')
    const load = (id: string) => (id === 't1' ? Promise.reject(down) : { id })
    const app = createThroughline({ catalog, tenants: { load, list: () => ['t0', 't1', 't2'] } })
    closing.push(app)
    const preview = app.platform.run(operator, ({ flags }) => flags.preview('reports', { patch: { default: true } }))
    await expect(preview).rejects.toMatchObject({ message: expect.stringContaining('load("t1")'), cause: down })
  })

  it('a list that fails or never ends keeps no change from being made', async () => {
    for (const list of [
      () => {
        throw new Error('down')
      },
      async function* () {
        yield { id: 't0' }
        await new Promise(() => undefined)
      },
    ]) {
      const app = createThroughline({ catalog, tenants: { load: (id) => ({ id }), list } })
      closing.push(app)
      await app.ready()
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      const changed = app.platform.run(operator, ({ flags }) => flags.patch('reports', { default: true }))
      await vi.advanceTimersByTimeAsync(1_000)
      const { affected } = await changed
      vi.useRealTimers()
      expect(affected === 'unknown' || affected.complete === false).toBe(true)
      expect(await app.run({ tenant: 't0', actor: { id: 'ada' } }, () => app.flags.isEnabled('reports'))).toBe(true)
    }
  })
})

describe('compare', () => {
  it('names the flags that differ between two tenants, and why', async () => {
    const app = new OperatedApp()
    closing.push(app)
    await app.tenants(['acme'], 'pro')
    await app.tenants(['globex'])
    await app.flags.override('globex', 'layout', 'wide')
    expect(await app.flags.compare('acme', 'globex')).toEqual([
      {
        key: 'exports',
        a: { value: true, variant: 'on', reason: 'TARGETING_MATCH', rule: 'plan:pro' },
        b: { value: false, variant: 'off', reason: 'STATIC' },
      },
      {
        key: 'reports',
        a: { value: true, variant: 'on', reason: 'TARGETING_MATCH', rule: 'pros' },
        b: { value: false, variant: 'off', reason: 'DEFAULT' },
      },
      {
        key: 'layout',
        a: { value: { columns: 1 }, variant: 'narrow', reason: 'STATIC' },
        b: { value: { columns: 3 }, variant: 'wide', reason: 'TARGETING_MATCH', rule: 'override' },
      },
    ])
    for (const [a, b] of [
      ['acme', 'nobody'],
      ['nobody', 'acme'],
    ] as const) {
      await expect(app.flags.compare(a, b)).rejects.toMatchObject({
        code: 'TENANT_NOT_FOUND',
        sentence: 'No tenant has the id "nobody".',
      })
    }
    // Nothing was served by looking.
    const { events } = await app.throughline.run({ tenant: 'acme', actor: { id: 'ada' } }, () =>
      app.throughline.audit.list({ action: 'flag.evaluated' }),
    )
    expect(events).toEqual([])
  })
})

function servedBy(evaluation: unknown): unknown {
  return (evaluation as { readonly value: unknown }).value
}
