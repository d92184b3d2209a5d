import { setImmediate } from 'node:timers/promises'
import type { Catalog, FlagConditions, FlagDefinition, FlagEvaluation, PlatformFlags } from '@throughline/core'
import { createThroughline } from '@throughline/core'
import type { Change, CommitResult, DocumentQuery, DocumentSet, Storage } from '@throughline/core/storage'
import { memoryStorage, PLATFORM } from '@throughline/core/storage'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FaultyRecords } from '../../../../test/faulty-records.ts'
import { catalog, OperatedApp, off } from './operated-app.ts'

let app: OperatedApp

beforeEach(async () => {
  app = new OperatedApp()
  await app.tenants(['acme', 'globex'])
})
afterEach(() => app.close())

/** What the change is refused with. */
async function invalid(change: Promise<unknown>): Promise<string> {
  const error = (await change.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )) as { code: string; message: string }
  expect(error?.code).toBe('FLAG_INVALID')
  return error.message
}

describe('a change of a flag', () => {
  it('acts at once, is a version, and says what it changed for whom', async () => {
    expect(await app.flags.get('reports')).toMatchObject({ version: 0, source: 'catalog', archived: false })
    const result = await app.flags.patch('reports', { percent: { ramp: 100 } })
    expect(result).toMatchObject({
      version: 1,
      changes: [{ path: 'rules.ramp.rollout.percent', before: 10, after: 100 }],
      cancelled: [],
    })
    const { affected } = result
    expect(affected).toMatchObject({ tenants: 2, complete: true, mayVary: 0 })
    expect(await app.evaluate('acme', 'reports')).toEqual({
      value: true,
      variant: 'on',
      reason: 'SPLIT',
      rule: 'ramp',
      version: 1,
    })
    const { events } = await app.throughline.run({ tenant: 'acme', actor: { id: 'ada' } }, () =>
      app.throughline.audit.list({ action: 'flag.evaluated' }),
    )
    expect(events[0]?.metadata).toMatchObject({ rule: 'ramp', version: 1 })
    expect(await app.flags.get('reports')).toMatchObject({
      version: 1,
      source: 'runtime',
      // Also how it draws, for releases that may know another way.
      definition: { rules: [{ id: 'pros' }, { id: 'ramp', rollout: { percent: 100 } }], default: false, algorithm: 1 },
    })
    const [event] = await app.events('flag.patched')
    expect(event).toMatchObject({
      actor: { id: 'olga' },
      targets: [{ type: 'flag', id: 'reports' }],
      metadata: { version: 1, changes: [{ path: 'rules.ramp.rollout.percent', before: 10, after: 100 }], affected },
    })
  })

  it('names the tenants that flip, and says unknown where none can be listed', async () => {
    const { affected } = await app.flags.define('exports', { default: true })
    expect(affected).toEqual({ tenants: 2, flipped: 2, ids: ['acme', 'globex'], mayVary: 0, complete: true })
    expect((await app.flags.define('exports', { default: true })).affected).toMatchObject({ flipped: 0, ids: [] })
  })

  it('names what it changes of flags that ask for it, whose own overrides stand before', async () => {
    const wide = { ...catalog.flags.layout, default: 'wide', prerequisites: [{ flag: 'reports', is: true }] } as const
    await app.flags.define('reports', {
      prerequisites: [{ flag: 'exports', is: true }],
      rules: [{ serve: true }],
      default: false,
    })
    await app.flags.define('layout', { ...wide, default: 'narrow', rules: [{ serve: 'wide' }] })
    await app.flags.override('globex', 'reports', true)
    const on = { default: true } as const
    const served = async () => [await app.evaluate('acme', 'layout'), await app.evaluate('globex', 'layout')]
    const { flipped, dependents } = await app.flags.preview('exports', { define: on })
    const was = await served()
    const { affected } = await app.flags.define('exports', on)
    const is = await served()
    const flips = [{ tenant: 'acme', from: was[0], to: is[0] }]
    expect(flipped).toBe(2)
    expect(dependents.map(({ key, flipped: many, mayVary }) => [key, many, mayVary])).toEqual([
      ['reports', 1, 0],
      ['layout', 1, 0],
    ])
    expect(dependents[1]?.flips).toEqual(flips)
    const one = { flipped: 1, ids: ['acme'] }
    expect(affected).toMatchObject({
      flipped: 2,
      dependents: [
        { key: 'reports', ...one },
        { key: 'layout', ...one },
      ],
    })
    expect((await app.flags.preview('layout', { patch: { enabled: false } })).dependents).toEqual([])
  })

  it('is one of a dense row of versions, in which reset and archive stand too', async () => {
    await app.flags.define('exports', { default: true })
    await app.flags.patch('exports', { enabled: false })
    await app.flags.archive('exports')
    await app.flags.reset('exports')
    await app.flags.rollback('exports', { to: 1 })
    const history = await app.flags.history('exports')
    expect(history.map(({ version, change, status }) => [version, change, status])).toEqual([
      [5, 'rolled_back', 'current'],
      [4, 'reset', 'past'],
      [3, 'archived', 'past'],
      [2, 'patched', 'past'],
      [1, 'defined', 'past'],
    ])
    expect(history[0]).toMatchObject({
      actor: { type: 'user', id: 'olga', name: 'Olga' },
      reason: 'TICKET-7',
      changedAt: '2026-11-24T12:00:00.000Z',
      definition: { default: true },
    })
    expect((await app.evaluate('acme', 'exports')).value).toBe(true)
    expect(await app.flags.history('layout')).toEqual([])
  })

  it('leaves an event of its own, whatever it is', async () => {
    await app.flags.define('exports', { default: true })
    await app.flags.patch('exports', { enabled: false })
    await app.flags.archive('exports')
    await app.flags.rollback('exports', { to: 1 })
    const { version } = await app.flags.reset('exports', { at: app.clock.time + 1_000 })
    await app.flags.cancel('exports', version)
    await app.flags.reset('exports')
    await app.flags.override('acme', 'exports', true)
    await app.flags.clearOverride('acme', 'exports')
    await app.flags.get('exports')
    await app.flags.list()
    await app.flags.history('exports')
    await app.flags.preview('exports', { reset: true })
    await app.flags.compare('acme', 'globex')
    await app.flags.report()
    const { events } = await app.operate((platform) => platform.audit.list({ limit: 1_000 }))
    const acts = new Set(events.map(({ action }) => action).filter((action) => action.startsWith('flag.')))
    expect([...acts].sort()).toEqual([
      'flag.archived',
      'flag.compared',
      'flag.defined',
      'flag.overridden',
      'flag.override_cleared',
      'flag.patched',
      'flag.previewed',
      'flag.read',
      'flag.reported',
      'flag.reset',
      'flag.rolled_back',
      'flag.schedule_cancelled',
    ])
  })

  it('is refused outside of `platform.run`, looking included', async () => {
    const { flags } = app.throughline.platform
    const calls = [
      () => flags.define('exports', off),
      () => flags.patch('exports', { enabled: false }),
      () => flags.archive('exports'),
      () => flags.rollback('exports', { to: 0 }),
      () => flags.reset('exports'),
      () => flags.cancel('exports', 1),
      () => flags.get('exports'),
      // Who may not look is not told what there is.
      () => flags.get('nothing' as 'exports'),
      () => flags.list(),
      () => flags.history('exports'),
      () => flags.preview('exports', { reset: true }),
      () => flags.compare('acme', 'globex'),
      () => flags.report(),
      () => flags.override('acme', 'exports', true),
      () => flags.overrides('acme'),
    ]
    for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'PLATFORM_REASON_REQUIRED' })
  })
})

describe('archive', () => {
  it("serves the catalog's default, is in no list, keeps its history, and ends with a definition", async () => {
    await app.flags.define('exports', { default: true })
    await app.flags.override('acme', 'exports', true)
    await app.flags.archive('exports')
    expect(await app.evaluate('acme', 'exports')).toEqual({
      value: false,
      variant: 'off',
      reason: 'DISABLED',
      version: 2,
    })
    expect((await app.flags.list()).map(({ key }) => key)).toEqual(['reports', 'layout'])
    expect(await app.flags.get('exports')).toMatchObject({ archived: true, version: 2 })
    expect(await app.flags.history('exports')).toHaveLength(2)
    await expect(app.flags.patch('exports', { enabled: true })).rejects.toMatchObject({
      code: 'FLAG_INVALID',
      message: expect.stringContaining('is archived'),
    })
    await app.flags.define('exports', { default: false, rules: [{ serve: true }] })
    expect(await app.evaluate('globex', 'exports')).toMatchObject({ value: true })
    expect((await app.flags.list()).map(({ key }) => key)).toContain('exports')
  })
})

describe('rollback', () => {
  it('goes back to any version that is kept, 0 being the catalog', async () => {
    await app.flags.define('layout', { ...catalog.flags.layout, default: 'wide' })
    await app.flags.archive('layout')
    await app.flags.rollback('layout', { to: 1 })
    expect((await app.evaluate('acme', 'layout')).variant).toBe('wide')
    await app.flags.rollback('layout', { to: 2 })
    expect((await app.evaluate('acme', 'layout')).reason).toBe('DISABLED')
    await app.flags.rollback('layout', { to: 0 })
    expect(await app.flags.get('layout')).toMatchObject({ version: 5, source: 'catalog', archived: false })
    await expect(app.flags.rollback('layout', { to: 9 })).rejects.toMatchObject({ code: 'FLAG_INVALID' })
    await expect(app.flags.rollback('layout', { to: -1 })).rejects.toMatchObject({ code: 'FLAG_INVALID' })
  })

  it('keeps the last 100 versions, and no more', async () => {
    await app.operate(async (platform) => {
      for (let i = 0; i < 103; i++) await platform.flags.define('exports', { default: i % 2 === 0 })
    })
    const history = await app.flags.history('exports')
    expect([history.length, history[0]?.version, history.at(-1)?.version]).toEqual([100, 103, 4])
    await expect(app.flags.rollback('exports', { to: 3 })).rejects.toMatchObject({ code: 'FLAG_INVALID' })
    await app.flags.rollback('exports', { to: 5 })
    expect((await app.evaluate('acme', 'exports')).value).toBe(true)
  })
})

describe('what is wrong', () => {
  it('is told with its path, and changes nothing', async () => {
    const percent = { default: false, rules: [{ rollout: { percent: 101 }, serve: true }] } as const
    expect(await invalid(app.flags.define('reports', percent))).toContain('reports.rules.0.rollout.percent:')
    expect(await invalid(app.flags.patch('reports', { percent: { rampe: 5 } }))).toMatch(
      /reports\.percent\.rampe: .*Did you mean "ramp"\?/,
    )
    expect(await invalid(app.flags.patch('reports', { percent: { pros: 5 } }))).toContain('reports.percent.pros:')
    expect(await invalid(app.flags.patch('reports', { enable: true } as object))).toContain('Did you mean "enabled"?')
    expect(await invalid(app.flags.patch('reports', { rules: { no: null } }))).toContain('reports.rules.no:')
    // @ts-expect-error which does not compile
    expect(await invalid(app.flags.patch('reports', { default: 'on' }))).toContain('reports.default:')
    // @ts-expect-error nor does a variant that is misspelt,
    expect(await invalid(app.flags.patch('layout', { default: 'widde' }))).toContain('Did you mean "wide"')
    // @ts-expect-error whether it is the default or served by a rule
    const served = app.flags.patch('layout', { default: 'wide', rules: { all: { serve: 'narow' } } })
    expect(await invalid(served)).toContain('Did you mean "narrow"')
    // @ts-expect-error nor does the same as a preview
    expect(await invalid(app.flags.preview('reports', { patch: { default: 'on' } }))).toContain('reports.default:')
    // @ts-expect-error and a flag with variants is no boolean one
    expect(await invalid(app.flags.preview('layout', { define: off }))).toContain('stays what it was declared')
    expect(await invalid(app.flags.patch('reports', 7 as never))).toContain('must be a patch')
    expect(await invalid(app.flags.define('reports', undefined as never))).toContain('reports:')
    // @ts-expect-error which does not compile
    expect(await invalid(app.flags.define('layout', off))).toContain('stays what it was declared')
    for (const at of ['soon', '2027-02-30', '2027-01-01T00:00:00', Number.NaN]) {
      expect(await invalid(app.flags.reset('reports', { at }))).toContain('"at" is no time: give a Date, milliseconds')
      const ending = app.flags.override('acme', 'exports', true, { until: at })
      expect(await invalid(ending)).toContain('"until" is no time: give a Date, milliseconds')
    }
    const misspelt = { expectVersion: 7 } as object
    expect(await invalid(app.flags.patch('reports', { enabled: false }, misspelt))).toContain(
      'options.expectVersion: is not known. Did you mean "expectedVersion"?',
    )
    expect(await invalid(app.flags.cancel('reports', 1, misspelt))).toContain('options.expectVersion')
    for (const reason of ['', ' ', 'x'.repeat(501)]) {
      expect(await invalid(app.flags.override('acme', 'exports', true, { reason }))).toContain('1 to 500 characters')
    }
    expect(await invalid(app.flags.override('acme', 'exports', true, { untill: 'x' } as object))).toContain(
      'options.untill: is not known. Did you mean "until"?',
    )
    for (const expectedVersion of ['0', null, -1, 0.5, Number.NaN]) {
      expect(await invalid(app.flags.reset('reports', { expectedVersion } as object))).toContain('"expectedVersion" is')
    }
    // @ts-expect-error it has to say which version
    expect(await invalid(app.flags.rollback('reports'))).toContain('"to" is undefined')
    expect(await invalid(app.flags.patch('reports', { percent: 50 } as object))).toContain(
      'reports.percent: must name the rule, as in { "pros": 50 }.',
    )
    expect(await invalid(app.flags.reset('reports', { at: app.clock.time }))).toContain('not in the future')
    expect(await invalid(app.flags.cancel('reports', 1))).toMatch(
      /No scheduled change .* `get` answers those that wait/,
    )
    expect(await invalid(app.flags.preview('reports', {} as never))).toContain('A change is one of')
    for (const wide of [3, null, [{ columns: 3 }], { column: 3 }, { columns: '3' }, { columns: null }]) {
      const { narrow } = catalog.flags.layout.variants
      const message = await invalid(app.flags.define('layout', { variants: { narrow, wide }, default: 'narrow' }))
      expect(message).toMatch(
        /layout\.variants\.wide: is .*, which is no value such as "wide" of the catalog has \(an object/,
      )
    }
    const texts = Array.from({ length: 100 }, (_, i) => [`v${i}`, { columns: i, name: 'x'.repeat(3_000) }])
    const huge = { variants: Object.fromEntries(texts), default: 'v0' }
    expect(await invalid(app.flags.define('layout', huge))).toContain('layout: takes')
    expect(await app.flags.get('reports')).toMatchObject({ version: 0 })
    // @ts-expect-error a typo does not compile
    const unknown = app.flags.get('report')
    await expect(unknown).rejects.toThrow(/FLAG_NOT_FOUND.*Did you mean "reports"/)
    // The operator's page asked for it: no failure of the server.
    await expect(unknown).rejects.toMatchObject({ status: 404, expose: true })
  })

  it('of two that change one version, one is refused; patches without a version are both made', async () => {
    await app.flags.define('exports', { default: true }, { expectedVersion: 0 })
    await expect(app.flags.define('exports', off, { expectedVersion: 0 })).rejects.toMatchObject({
      code: 'FLAG_CONFLICT',
      status: 409,
      details: { key: 'exports', version: 1 },
      remedy: expect.stringContaining('flags.get'),
    })
    const both = await Promise.allSettled([
      app.flags.define('exports', { default: false }, { expectedVersion: 1 }),
      app.flags.define('exports', { default: true }, { expectedVersion: 1 }),
    ])
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    await Promise.all([
      app.flags.patch('reports', { percent: { ramp: 40 } }),
      app.flags.patch('reports', { description: 'ours' }),
      app.flags.patch('reports', { rules: { eu: { if: { 'org.region': 'eu' }, serve: true } } }),
    ])
    const { version, definition } = await app.flags.get('reports')
    const rules: FlagDefinition['rules'] = definition.rules
    expect(version).toBe(3)
    expect(definition.description).toBe('ours')
    expect(rules?.map(({ id }) => id)).toEqual(['pros', 'ramp', 'eu'])
    expect(rules?.[1]?.rollout).toEqual({ percent: 40 })
  })
})

describe('what was stored', () => {
  type Loose = { readonly flags: Readonly<Record<string, FlagDefinition>> }
  type Segmented = Loose & { readonly segments: Readonly<Record<string, FlagConditions>> }
  const over = async (
    flags: Catalog['flags'],
    fn: (flags: PlatformFlags<Loose>, evaluation: FlagEvaluation) => unknown,
  ) => {
    const storage: Storage = app.storage
    const other = createThroughline({ catalog: { flags: flags ?? {} }, tenants: 'ours', storage })
    const evaluation = await other.run({ tenant: 'acme', actor: { id: 'ada' } }, () => other.flags.evaluate('layout'))
    await other.platform.run({ actor: { id: 'olga' }, reason: 'x' }, (platform) => fn(platform.flags, evaluation))
    await other.close()
  }

  it('and is not valid beside the catalog of a newer deploy serves the default of that', async () => {
    await app.flags.define('layout', { ...catalog.flags.layout, default: 'wide' })
    await over({ layout: { default: true } }, (_, evaluation) => {
      expect(evaluation).toEqual({ value: true, variant: 'on', reason: 'DISABLED', version: 1 })
    })
    await over({ layout: { variants: { wide: 1, tall: 2 }, default: 'tall' } }, (_, evaluation) => {
      expect(evaluation).toMatchObject({ value: 2, reason: 'DISABLED' })
    })
    const tall = { columns: 2 }
    await over({ layout: { variants: { wide: { columns: 9 }, tall }, default: 'tall' } }, async (flags, { value }) => {
      expect(value).toEqual({ columns: 3 })
      await flags.define('layout', { variants: { tall }, default: 'tall' })
      await expect(flags.rollback('layout', { to: 1 })).resolves.toMatchObject({ version: 3 })
    })
  })

  it('and names what a deploy took away can be switched off all the same, and says what is wrong', async () => {
    const storage = memoryStorage()
    const after = async <R>(segments: Catalog['segments'], fn: (flags: PlatformFlags<Segmented>) => Promise<R>) => {
      const flags = { exports: { default: false }, layout: { default: false } } as Loose['flags']
      const other = createThroughline({ catalog: { segments: segments ?? {}, flags }, tenants: 'ours', storage })
      const found = await other.platform.run({ actor: { id: 'olga' }, reason: 'x' }, (platform) => fn(platform.flags))
      await other.close()
      return found
    }
    const europe = [{ if: { segment: 'eu' }, serve: true }]
    await after({ eu: { 'org.region': 'eu' } }, (flags) => flags.define('exports', { rules: europe, default: false }))
    await after({}, async (flags) => {
      const problems = [{ path: 'exports.rules.0.if.segment', message: expect.stringContaining('names no segment') }]
      expect(await flags.get('exports')).toMatchObject({ source: 'runtime', problems })
      expect((await flags.list())[0]).toMatchObject({ key: 'exports', problems })
      await expect(flags.patch('exports', { description: 'x' })).rejects.toThrow('names no segment')
      await expect(flags.patch('exports', { enabled: false, default: 'x' })).rejects.toThrow('exports.default')
      await expect(flags.patch('exports', { enabled: false })).resolves.toMatchObject({ version: 2 })
    })
    const found = await after({ eu: { 'org.region': 'eu' } }, (flags) => flags.get('exports'))
    expect(found).not.toHaveProperty('problems')
    expect(found.definition).toMatchObject({ enabled: false, rules: europe })
  })

  it('and asks for a flag that a deploy took away serves the default of that deploy, and says what is wrong', async () => {
    const { layout } = catalog.flags
    await app.flags.define('layout', { ...layout, prerequisites: [{ flag: 'exports', is: false }], default: 'wide' })
    await over({ layout }, async (flags, evaluation) => {
      expect(evaluation).toMatchObject({ variant: layout.default, reason: 'DISABLED' })
      const message = expect.stringContaining('names no flag, "exports"')
      const problems = [{ path: 'layout.prerequisites.0.flag', message }]
      expect(await flags.get('layout')).toMatchObject({ source: 'runtime', problems })
      await expect(flags.patch('layout', { enabled: false })).resolves.toMatchObject({ version: 2 })
    })
    await over({ layout, exports: catalog.flags.exports }, async (flags) => {
      expect(await flags.get('layout')).not.toHaveProperty('problems')
    })
  })

  it('and leads back to itself since a deploy serves its own default, and says what is wrong', async () => {
    const { layout } = catalog.flags
    const defined = { ...layout, prerequisites: [{ flag: 'exports', is: false }], default: 'wide' } as const
    await app.flags.define('layout', { ...defined, rules: [{ serve: 'narrow' }] })
    const exports = { default: false, prerequisites: [{ flag: 'layout', is: 'narrow' }] }
    await over({ layout, exports }, async (flags, evaluation) => {
      expect(evaluation).toMatchObject({ variant: 'wide', reason: 'DEFAULT', rule: 'prerequisite:exports' })
      const message = 'must not lead back to the flag itself: layout → exports → layout.'
      const problems = [{ path: 'layout.prerequisites', message }]
      expect(await flags.get('layout')).toMatchObject({ source: 'runtime', problems })
      expect(await flags.list()).toMatchObject([{ key: 'layout', problems }, { key: 'exports' }])
    })
  })

  it('by an earlier release, which kept the definition itself, is version 1', async () => {
    const write = { kind: 'flags', tenant: PLATFORM, key: 'layout', value: { default: false } } as const
    await app.storage.records.commit({ writer: 'w', lane: 0, writes: [write], quotas: [], body: '[]' })
    await over({ layout: { default: true } }, async (flags, evaluation) => {
      expect(evaluation).toMatchObject({ value: false, reason: 'STATIC' })
      expect(await flags.get('layout')).toMatchObject({ version: 1, source: 'runtime' })
      expect((await flags.patch('layout', { enabled: false })).version).toBe(2)
    })
  })
})

/** Answers a turn of the event loop later, as a database does. */
class Distant extends FaultyRecords {
  override async read(query: DocumentQuery): Promise<DocumentSet> {
    const found = await super.read(query)
    await setImmediate()
    return found
  }
}

it('many patches that meet are all made', async () => {
  const storage = memoryStorage()
  const distant = new OperatedApp({ ...storage, records: new Distant(storage.records) })
  const ids = Array.from({ length: 40 }, (_, i) => `rule${i + 10}`)
  // More than one of them could try on its own.
  const others = Array.from({ length: 80 }, (_, i) => distant.flags.patch('exports', { description: `no. ${i}` }))
  await Promise.all([
    ...others,
    ...ids.map((id) => distant.flags.patch('exports', { rules: { [id]: { serve: false } } })),
  ])
  const { definition, version } = await distant.flags.get('exports')
  expect([definition.rules?.map(({ id }) => id).sort(), version]).toEqual([ids, 120])
  await distant.close()
})

/** Has others be faster at first; then one change of a flag is never answered. */
class Silent extends FaultyRecords {
  #asked = 0

  override async commit(change: Change): Promise<CommitResult> {
    if (!change.writes.some(({ kind }) => kind === 'flags')) return super.commit(change)
    this.#asked++
    if (this.#asked <= 4) return { status: 'conflict', write: 0, version: 0 }
    return this.#asked === 5 ? new Promise(() => undefined) : super.commit(change)
  }
}

it('one that is never answered holds up the others for a while at the most', async () => {
  const storage = memoryStorage()
  const distant = new OperatedApp({ ...storage, records: new Silent(storage.records) })
  await distant.flags.get('exports')
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const made: number[] = []
  for (const description of ['one', 'other'])
    void distant.flags.patch('exports', { description }).then(({ version }) => made.push(version))
  await vi.advanceTimersByTimeAsync(9_000)
  expect(made).toEqual([])
  await vi.advanceTimersByTimeAsync(2_000)
  vi.useRealTimers()
  await expect.poll(() => made).toEqual([1])
})

describe('overrides', () => {
  it('are refused for a flag that is archived, which they would change once it is back; those it has can be taken away', async () => {
    await app.flags.override('acme', 'exports', true)
    await app.flags.archive('exports')
    expect(await invalid(app.flags.override('globex', 'exports', true))).toContain('"exports" is archived: define it')
    expect(await app.flags.overrides('globex')).toEqual([])
    await app.flags.clearOverride('acme', 'exports')
    await app.flags.rollback('exports', { to: 0 })
    expect(await app.evaluate('acme', 'exports')).toMatchObject({ value: false })
    await app.flags.override('globex', 'exports', true)
    expect(await app.evaluate('globex', 'exports')).toMatchObject({ value: true })
  })

  it('are not told of a flag that a deploy took away', async () => {
    const { exports, reports } = catalog.flags
    const operator = { actor: { id: 'olga' }, reason: 'TICKET-7' }
    const storage = memoryStorage()
    const withFlags = (flags: Record<string, typeof exports | typeof reports>) =>
      createThroughline({ flags, tenants: { load: (id) => ({ id }) }, storage })
    const before = withFlags({ exports, reports })
    await before.platform.run(operator, async ({ flags }) => {
      await flags.override('acme', 'exports', true)
      await flags.override('acme', 'reports', true)
    })
    const after = withFlags({ reports })
    const told = await after.platform.run(operator, ({ flags }) => flags.overrides('acme'))
    expect(told.map(({ key }) => key)).toEqual(['reports'])
    await after.close()
  })

  it('end when they say, and keep their reason', async () => {
    await app.flags.override('acme', 'exports', true, { until: app.clock.time + 5_000, reason: 'trial' })
    expect(await app.evaluate('acme', 'exports')).toMatchObject({ value: true, rule: 'override' })
    const until = app.clock.time + 5_000
    expect(await app.flags.overrides('acme')).toEqual([{ key: 'exports', value: true, until, reason: 'trial' }])
    app.clock.time += 5_000
    expect(await app.evaluate('acme', 'exports')).toMatchObject({ value: false })
    expect(await app.flags.overrides('acme')).toEqual([])
    await app.flags.override('globex', 'exports', true)
    const of = (tenant: string) =>
      app.operate((platform) => platform.audit.list({ tenant, action: 'flag.overridden' })).then(({ events }) => events)
    expect((await of('acme'))[0]?.metadata).toMatchObject({ value: true, reason: 'trial' })
    expect((await of('globex'))[0]?.metadata).toMatchObject({ value: true, reason: 'TICKET-7' })
    await app.flags.clearOverride('acme', 'exports')
    const whose = (await app.events('flag.overridden', 'flag.override_cleared')).map(({ targets }) => targets)
    const exported = { type: 'flag', id: 'exports' }
    expect(whose).toEqual(['acme', 'globex', 'acme'].map((id) => [exported, { type: 'tenant', id }]))
    expect((await of('acme'))[0]?.targets).toEqual([exported])
    await expect(app.flags.override('acme', 'exports', true, { reason: 'x'.repeat(501) })).rejects.toMatchObject({
      code: 'FLAG_INVALID',
    })
  })

  it('do not end before they begin', async () => {
    const ending = (until: number) => app.flags.override('acme', 'exports', true, { until })
    await expect(ending(app.clock.time)).rejects.toMatchObject({ code: 'FLAG_INVALID' })
    await ending(app.clock.time + 1)
  })

  it('name a variant that the flag has now, not one that the catalog gave it', async () => {
    await app.flags.define('layout', {
      variants: { narrow: { columns: 1 }, huge: { columns: 5 } },
      default: 'narrow',
    })
    // A text may name it; what is written out must be in the catalog.
    const override = (value: string) => app.flags.override('acme', 'layout', value)
    await override('huge')
    const size: string = 'ge'
    await app.flags.override('acme', 'layout', `hu${size}`)
    await app.flags.override('acme', 'layout', 'huge' as string & { readonly isVariant: true })
    // @ts-expect-error the catalog has no such variant
    await app.flags.override('acme', 'layout', 'huge')
    // @ts-expect-error a typo does not compile
    await expect(app.flags.override('acme', 'layout', 'widde')).rejects.toMatchObject({ code: 'FLAG_INVALID' })
    expect(await app.evaluate('acme', 'layout')).toMatchObject({ value: { columns: 5 }, rule: 'override' })
    await expect(override('wide')).rejects.toMatchObject({ code: 'FLAG_INVALID' })
    // @ts-expect-error a flag with variants is not on or off
    await expect(app.flags.override('acme', 'layout', true)).rejects.toMatchObject({ code: 'FLAG_INVALID' })
    // @ts-expect-error a boolean flag has no variants
    await expect(app.flags.override('acme', 'exports', 'on')).rejects.toMatchObject({ code: 'FLAG_INVALID' })
  })
})
