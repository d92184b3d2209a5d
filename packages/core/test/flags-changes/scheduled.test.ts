import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FaultyRecords } from '../../../../test/faulty-records.ts'
import { memoryStorage } from '../../src/storage/index.ts'
import { OperatedApp, START } from './operated-app.ts'

let here: OperatedApp
let there: OperatedApp
let records: FaultyRecords

/** Two processes on one storage and clock; the second one's storage can be cut off. */
beforeEach(async () => {
  const storage = memoryStorage()
  records = new FaultyRecords(storage.records)
  here = new OperatedApp(storage)
  there = new OperatedApp({ ...storage, records }, here.clock)
  await here.tenants(['acme', 'globex'])
})
afterEach(async () => {
  vi.useRealTimers()
  records.heal()
  await Promise.all([here.close(), there.close()])
})

const MINUTE = 60_000
const value = async (app: OperatedApp): Promise<unknown> => (await app.evaluate('acme', 'exports')).value

describe('a scheduled change', () => {
  it('holds in every process from its time on, and not before', async () => {
    const at = new Date(START + MINUTE).toISOString()
    const result = await here.flags.define('exports', { default: true }, { at })
    expect(result).toMatchObject({ version: 1, at, affected: { flipped: 2 } })
    expect(await here.flags.get('exports')).toMatchObject({
      version: 1,
      definition: { default: false },
      scheduled: [{ version: 1, at, definition: { default: true } }],
    })
    expect((await here.flags.history('exports'))[0]).toMatchObject({ status: 'scheduled', at })
    here.clock.time = START + MINUTE - 1
    expect([await value(here), await value(there)]).toEqual([false, false])
    expect(await there.evaluate('acme', 'exports')).toEqual({ value: false, variant: 'off', reason: 'STATIC' })
    here.clock.time = START + MINUTE
    expect([await value(here), await value(there)]).toEqual([true, true])
    expect(await here.flags.get('exports')).toMatchObject({ definition: { default: true }, scheduled: [] })
    expect((await here.flags.history('exports'))[0]).toMatchObject({ status: 'current' })
  })

  it('affects whom it will affect then: who has an override until then as well', async () => {
    await here.flags.override('acme', 'exports', false, { until: START + MINUTE })
    await here.flags.override('globex', 'exports', false, { until: START + MINUTE + 1 })
    const { affected } = await here.flags.define('exports', { default: true }, { at: START + MINUTE })
    expect(affected).toMatchObject({ flipped: 1, ids: ['acme'] })
  })

  it('begins while the storage does not answer', async () => {
    await here.flags.patch('exports', { rules: { all: { serve: true } } }, { at: START + MINUTE })
    // By then every process knows of it.
    here.clock.time = START + 2_001
    expect(await value(there)).toBe(false)
    records.break('fail', 'read', 'versions')
    here.clock.time = START + MINUTE - 1
    expect(await there.evaluate('acme', 'exports')).toMatchObject({ value: false, reason: 'STALE' })
    here.clock.time = START + MINUTE
    expect(await there.evaluate('acme', 'exports')).toMatchObject({ value: true, reason: 'STALE', rule: 'all' })
  })

  it('is one step of several, each on top of the one before', async () => {
    await here.flags.patch('reports', { percent: { ramp: 25 } }, { at: START + MINUTE })
    await here.flags.patch('reports', { percent: { ramp: 50 } }, { at: START + 2 * MINUTE })
    await here.flags.patch('reports', { description: 'all by now' }, { at: START + 3 * MINUTE })
    const percentAt = async (time: number): Promise<unknown> => {
      here.clock.time = time
      const { definition } = await here.flags.get('reports')
      return [definition.rules?.[1]?.rollout, definition.description]
    }
    expect(await percentAt(START)).toEqual([{ percent: 10 }, undefined])
    expect(await percentAt(START + MINUTE)).toEqual([{ percent: 25 }, undefined])
    expect(await percentAt(START + 2 * MINUTE)).toEqual([{ percent: 50 }, undefined])
    expect(await percentAt(START + 3 * MINUTE)).toEqual([{ percent: 50 }, 'all by now'])
    // What has begun is not undone by the next change.
    await here.flags.patch('reports', { percent: { ramp: 60 } })
    expect(await percentAt(START + 3 * MINUTE)).toEqual([{ percent: 60 }, 'all by now'])
  })

  it('is cancelled by whatever changes the flag before it, so that what is switched off stays off', async () => {
    await here.flags.patch('exports', { default: true }, { at: START + MINUTE })
    await here.flags.patch('exports', { rules: { no: { serve: false } } }, { at: START + 2 * MINUTE })
    const killed = await here.flags.patch('exports', { enabled: false })
    expect(killed.cancelled).toEqual([1, 2])
    here.clock.time = START + 3 * MINUTE
    expect(await here.evaluate('acme', 'exports')).toMatchObject({ value: false, reason: 'DISABLED' })
    const history = await here.flags.history('exports')
    expect(history.map(({ version, status }) => [version, status])).toEqual([
      [3, 'current'],
      [2, 'cancelled'],
      [1, 'cancelled'],
    ])
  })

  it('can be taken back, with what was scheduled on top of it', async () => {
    const first = await here.flags.define('exports', { default: true }, { at: START + MINUTE })
    const second = await here.flags.patch('exports', { enabled: false }, { at: START + 2 * MINUTE })
    const third = await here.flags.patch('exports', { description: 'x' }, { at: START + 3 * MINUTE })
    await expect(here.flags.cancel('exports', second.version, { expectedVersion: 1 })).rejects.toMatchObject({
      code: 'FLAG_CONFLICT',
    })
    expect((await here.flags.cancel('exports', second.version)).cancelled).toEqual([second.version, third.version])
    const { scheduled, version } = await here.flags.get('exports')
    expect([scheduled.map((waiting) => waiting.version), version]).toEqual([[first.version], 4])
    here.clock.time = START + 3 * MINUTE
    expect(await here.evaluate('acme', 'exports')).toMatchObject({ value: true, reason: 'STATIC' })
    await expect(here.flags.cancel('exports', first.version)).rejects.toMatchObject({ code: 'FLAG_INVALID' })
  })

  it('is told to those who watch when it begins, after a restart too', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { version } = await here.flags.define('exports', { default: true }, { at: START + MINUTE })
    await here.flags.patch('exports', { enabled: false }, { at: START + 2 * MINUTE })
    const late = new OperatedApp(here.storage, here.clock)
    await late.throughline.ready()
    const seen: unknown[] = []
    for (const app of [here, late]) app.throughline.flags.watch((notice) => seen.push(notice))
    const pass = async (ms: number) => {
      here.clock.time += ms
      await vi.advanceTimersByTimeAsync(ms)
    }
    await pass(MINUTE - 1)
    expect(seen).toEqual([])
    await pass(1)
    expect(seen).toEqual(Array(2).fill({ type: 'changed', keys: ['exports'] }))
    await pass(MINUTE)
    expect(seen).toHaveLength(4)
    await late.close()
    vi.useRealTimers()
    expect(version).toBe(1)
  })

  it('takes the place of one that was to begin at the same time, and says all that begins then', async () => {
    const at = START + MINUTE
    await here.flags.patch('reports', { percent: { ramp: 100 } }, { at })
    const second = await here.flags.patch('reports', { description: 'all' }, { at })
    expect(second).toMatchObject({ cancelled: [1], affected: { flipped: 2 } })
    expect(second.changes.map(({ path }) => path).sort()).toEqual(['description', 'rules.ramp.rollout.percent'])
    here.clock.time = at
    const { definition } = await here.flags.get('reports')
    expect(definition).toMatchObject({ description: 'all', rules: [{}, { rollout: { percent: 100 } }] })
  })

  it('waits with at most 19 others', async () => {
    await here.operate(async (platform) => {
      for (let i = 1; i <= 20; i++) await platform.flags.patch('exports', { default: i % 2 === 0 }, { at: START + i })
    })
    await expect(here.flags.reset('exports', { at: START + 21 })).rejects.toThrow(
      /20 changes are scheduled already, .* cancel one of them/,
    )
    // In the place of others there is room.
    await here.flags.reset('exports', { at: START + 20 })
  })
})
