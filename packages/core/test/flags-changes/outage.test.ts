import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FaultyRecords } from '../../../../test/faulty-records.ts'
import { until } from '../../../../test/until.ts'
import { createThroughline } from '../../src/index.ts'
import type { Change, CommitResult } from '../../src/storage/index.ts'
import { memoryStorage } from '../../src/storage/index.ts'
import { OperatedApp, START } from './operated-app.ts'

/** May stop answering at the moment at which a change is committed. */
class Faulty extends FaultyRecords {
  breakAfterCommit = false

  override async commit(change: Change): Promise<CommitResult> {
    const result = await super.commit(change)
    if (this.breakAfterCommit) this.break('fail', 'read', 'versions')
    return result
  }
}

let app: OperatedApp
let other: OperatedApp
let records: Faulty

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const storage = memoryStorage()
  records = new Faulty(storage.records)
  app = new OperatedApp({ ...storage, records })
  other = new OperatedApp(storage, app.clock)
  await app.tenants(['acme', 'globex'])
  await app.flags.patch('reports', { percent: { ramp: 100 } })
  await app.flags.override('acme', 'exports', true, { until: app.clock.time + 60_000 })
})
afterEach(async () => {
  vi.useRealTimers()
  records.heal()
  await Promise.all([app.close(), other.close()])
})

const notices = (): string[] => {
  const seen: string[] = []
  app.throughline.flags.watch(({ type }) => seen.push(type))
  return seen
}

describe('while the records can not be read', () => {
  it('flags go on as they were last known, and say so', async () => {
    const before = await app.evaluate('acme', 'reports')
    expect(before.reason).toBe('SPLIT')
    await app.evaluate('acme', 'exports')
    records.break('fail', 'read', 'versions')
    app.clock.time += 1_000
    expect(await app.evaluate('acme', 'reports')).toEqual(before)
    app.clock.time += 1_001
    expect(await app.evaluate('acme', 'reports')).toEqual({ ...before, reason: 'STALE' })
    expect(await app.evaluate('acme', 'exports')).toMatchObject({ value: true, rule: 'override', reason: 'STALE' })
    // What ends by itself ends in an outage too.
    app.clock.time += 60_000
    expect(await app.evaluate('acme', 'exports')).toMatchObject({ value: false, reason: 'STALE' })
    records.heal()
    expect(await app.evaluate('acme', 'reports')).toEqual(before)
  })

  it('no tenant is behind once the records answer again, also where they were looked at before the tenant was', async () => {
    const before = await app.evaluate('acme', 'reports')
    records.break('fail', 'read', 'versions')
    app.clock.time += 2_001
    expect(await app.evaluate('acme', 'reports')).toMatchObject({ reason: 'STALE' })
    records.heal()
    await vi.advanceTimersByTimeAsync(1_000)
    const reads = records.calls.get('read') ?? 0
    for (let i = 0; i < 5; i++) expect(await app.evaluate('acme', 'reports')).toEqual(before)
    expect((records.calls.get('read') ?? 0) - reads).toBeLessThanOrEqual(2)
  })

  it('only the first context waits for records that have fallen silent, and none once they answer', async () => {
    vi.useRealTimers()
    const before = await app.evaluate('acme', 'reports')
    records.break('hang', 'read', 'versions')
    app.clock.time += 2_001
    const first = app.evaluate('acme', 'reports')
    await until(() => records.hanging > 0)
    // As a storage does that gives up.
    records.break('fail', 'read')
    expect(await first).toEqual({ ...before, reason: 'STALE' })
    records.break('hang', 'read')
    for (let i = 0; i < 3; i++) expect(await app.evaluate('acme', 'reports')).toEqual({ ...before, reason: 'STALE' })
    expect(records.hanging).toBeGreaterThan(0)
    records.heal()
    await until(async () => (await app.evaluate('acme', 'reports')).reason === 'SPLIT')
  })

  it('one event says that it began, and one that it ended, on the operator’s trail', async () => {
    const seen = notices()
    for (const tenant of ['acme', 'globex']) await app.evaluate(tenant, 'reports')
    records.break('fail', 'read', 'versions')
    app.clock.time += 2_001
    for (let i = 0; i < 5; i++) {
      for (const tenant of ['acme', 'globex']) await app.evaluate(tenant, 'reports')
      app.clock.time += 1_000
    }
    expect(seen).toEqual(['stale'])
    records.heal()
    app.clock.time += 5_000
    await vi.advanceTimersByTimeAsync(1_000)
    expect(seen).toEqual(['stale'])
    app.clock.time += 4_000
    await vi.advanceTimersByTimeAsync(1_000)
    expect(seen).toEqual(['stale', 'fresh'])
    vi.useRealTimers()
    const events = () => app.events('flags.stale', 'flags.fresh')
    await until(async () => (await events()).length > 1)
    // As it was seen: from the first context that was served the last known state to the first look that succeeded.
    expect(await events()).toMatchObject([
      { action: 'flags.fresh', actor: { type: 'system' }, metadata: { lastedMs: 10_000 } },
      { action: 'flags.stale' },
    ])
  })

  it('it lasted until it ended, however long nobody had asked for a flag', async () => {
    const seen = notices()
    await app.evaluate('acme', 'reports')
    records.break('fail', 'read', 'versions')
    app.clock.time += 2_001
    await app.evaluate('acme', 'reports')
    app.clock.time += 3_600_000
    await vi.advanceTimersByTimeAsync(1_000)
    records.heal()
    await vi.advanceTimersByTimeAsync(1_000)
    expect(seen).toEqual(['stale', 'fresh'])
    vi.useRealTimers()
    // The other process may hold the lease of what is to be projected.
    app.clock.time += 1_000
    await until(async () => (await app.events('flags.fresh')).length > 0)
    expect(await app.events('flags.fresh')).toMatchObject([{ metadata: { lastedMs: 3_600_000 } }])
  })

  it('a kill switch that this process has seen acts, though the tenant can not be read', async () => {
    expect(await app.evaluate('acme', 'reports')).toMatchObject({ value: true })
    await app.flags.patch('reports', { enabled: false })
    records.break('fail', 'read', 'versions')
    expect(await app.evaluate('acme', 'reports')).toMatchObject({ value: false, reason: 'STALE' })
  })

  it('a change that was committed does not fail because it can not be read back', async () => {
    records.breakAfterCommit = true
    expect((await app.flags.patch('reports', { enabled: false })).version).toBe(2)
    expect((await other.flags.get('reports')).version).toBe(2)
  })
})

describe('while the app can not load its own tenants', () => {
  const clock = { time: START, now: () => clock.time }
  let load: () => { plan?: string } | Promise<{ plan?: string }>
  let throughline: ReturnType<typeof opened>

  function opened() {
    const tenants = { load: async (id: string) => ({ id, ...(await load()) }) }
    return createThroughline({ clock, logger: { warn() {} }, tenants, flags: { reports: { default: true } } })
  }
  const reason = () =>
    throughline.run({ tenant: 'acme', actor: { id: 'ada' } }, () => throughline.flags.evaluate('reports').reason)
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      clock.time += 1_000
      await vi.advanceTimersByTimeAsync(1_000)
    }
  }

  beforeEach(async () => {
    clock.time = START
    load = () => ({})
    throughline = opened()
    await throughline.ready()
    expect(await reason()).toBe('STATIC')
  })
  afterEach(async () => {
    vi.useRealTimers()
    await throughline.close()
  })

  it('it is one outage, however seldom somebody asks for a flag, and over once they can be loaded', async () => {
    const seen: string[] = []
    throughline.flags.watch(({ type }) => seen.push(type))
    load = () => Promise.reject(new Error('no connection'))
    for (let asked = 0; asked < 4; asked++) {
      await pass(15)
      expect([await reason(), seen]).toEqual(['STALE', ['stale']])
    }
    load = () => ({})
    await pass(15)
    expect(seen).toEqual(['stale', 'fresh'])
  })

  it('one that is never answered for does not keep the next answer out', async () => {
    let answer: (row: object) => void = () => undefined
    load = () =>
      new Promise((resolve) => {
        answer = resolve
      })
    await pass(3)
    const first = reason()
    await vi.advanceTimersByTimeAsync(0)
    load = () => ({})
    await pass(3)
    expect(await reason()).toBe('STATIC')
    answer({})
    await first
  })
})
