import assert from 'node:assert/strict'
import type { JournalEvent } from '../../storage/journal-record.ts'
import { encodeBatch } from '../../storage/journal-record.ts'
import type { Bench, Cases } from './bench.ts'
import { HOUR, START } from './bench.ts'

const PERIOD = '2026-11-01'
/** All hours of the ledger, and none. */
const ALL = { from: 0, to: 9e15 }
const NONE = { from: 0, to: 0 }
const MOVE = { tenant: 'acme', meter: 'reports', period: PERIOD, delta: 1 } as const

/** What is limited is what is billed: counters, ledger and roll-ups agree. */
export const usageCases: Cases = {
  'takes from a quota until its limit, and says how much is used': async (bench) => {
    assert.deepEqual(await take(bench, { limit: 2 }), { status: 'uncounted', quota: 0 })
    await record(bench, 'reports', 1)
    assert.deepEqual(await take(bench, { limit: 2, seed: ALL }), { status: 'committed', versions: [], used: [2] })
    assert.deepEqual(await take(bench, { limit: 2, seed: NONE }), { status: 'refused', quota: 0, used: 2 })
    assert.deepEqual(await take(bench, { delta: -1 }), { status: 'committed', versions: [], used: [1] })
    assert.deepEqual(await take(bench, { delta: -9 }), { status: 'committed', versions: [], used: [0] })
    assert.deepEqual(await take(bench, { delta: 9 }), { status: 'committed', versions: [], used: [9] })
    assert.deepEqual(await take(bench, { period: '2026-12-01' }), { status: 'uncounted', quota: 0 })
    assert.deepEqual(await take(bench, { tenant: 'globex' }), { status: 'uncounted', quota: 0 })
  },

  'keeps nothing of a refused move, not even its seed': async (bench) => {
    await record(bench, 'reports', 2)
    assert.deepEqual(await take(bench, { limit: 2, seed: ALL }), { status: 'refused', quota: 0, used: 2 })
    assert.deepEqual(await take(bench, { limit: 2 }), { status: 'uncounted', quota: 0 })
  },

  'starts a counter from the hours of the ledger that it is given, and no other': async (bench) => {
    const hour = Math.floor(START / HOUR) * HOUR
    const spans = {
      early: { from: hour - HOUR, to: hour + HOUR },
      late: { from: hour + HOUR, to: hour + 3 * HOUR },
      before: { from: hour - HOUR, to: hour },
    }
    const started = ({ from, to }: typeof ALL) => ({ period: interval(from, to), seed: { from, to } })
    await bench.append([
      bench.record('acme', [usage('reports', 3), usage('exports', 50)]),
      bench.record('acme', [
        { ...usage('reports', 20), after: HOUR },
        { ...usage('reports', 5), after: 2 * HOUR },
      ]),
      bench.record('globex', [usage('reports', 50)]),
    ])
    await bench.drain()
    // Its own record is not yet projected, and is not in what it starts from.
    const early = started(spans.early)
    const body = encodeBatch([JSON.stringify(bench.record('acme', [usage('reports', 1, undefined, early.period)]))])
    const begun = await bench.commit({ quotas: [{ ...MOVE, ...early }], body })
    assert.deepEqual(begun, { status: 'committed', versions: [], used: [4] })
    await bench.drain()
    assert.equal(await usedOf(bench, early.period), 4)
    const taken = await take(bench, { ...started(spans.late), limit: 26 })
    assert.deepEqual(taken, { status: 'committed', versions: [], used: [26] })
    const unused = await take(bench, { ...started(spans.before), delta: 0 })
    assert.deepEqual(unused, { status: 'committed', versions: [], used: [0] })
  },

  'moves several quotas together or none': async (bench) => {
    await record(bench, 'exports', 1)
    const other = { ...MOVE, meter: 'exports', limit: 1, seed: ALL }
    const body = encodeBatch([JSON.stringify(bench.record('acme', [usage('reports', 1)]))])
    assert.deepEqual(await bench.commit({ quotas: [{ ...MOVE, seed: NONE }, other], body }), {
      status: 'refused',
      quota: 1,
      used: 1,
    })
    assert.deepEqual(await take(bench, {}), { status: 'uncounted', quota: 0 })
    assert.equal((await bench.records.backlog()).rows, 0)
  },

  'admits exactly the limit when many ask at once': async (bench) => {
    const results = await Promise.all(Array.from({ length: 30 }, () => take(bench, { limit: 7, seed: NONE })))
    assert.equal(results.filter((result) => result.status === 'committed').length, 7)
    assert.equal(results.filter((result) => result.status === 'refused').length, 23)
  },

  'counts usage once per key, within a batch and across batches': async (bench) => {
    await bench.append([
      bench.record('acme', [usage('reports', 2, 'a'), usage('reports', 2, 'a'), usage('reports', 3, 'b')]),
      bench.record('acme', [usage('reports', 2, 'a'), usage('exports', 5, 'a')]),
      bench.record('globex', [usage('reports', 7, 'a')]),
    ])
    await bench.drain()
    await bench.append([bench.record('acme', [usage('reports', 3, 'b'), usage('reports', 4, 'c')])])
    await bench.drain()
    const range = { from: Math.floor(START / HOUR) * HOUR, to: Math.floor(START / HOUR) * HOUR + HOUR }
    assert.deepEqual(await bench.records.usage({ tenant: 'acme', ...range }), [
      { meter: 'exports', quantity: 5, count: 1 },
      { meter: 'reports', quantity: 9, count: 3 },
    ])
    assert.deepEqual(await bench.records.usage({ tenant: 'globex', meter: 'reports', ...range }), [
      { meter: 'reports', quantity: 7, count: 1 },
    ])
    assert.deepEqual(await bench.records.usage({ tenant: 'globex', meter: 'exports', ...range }), [])
  },

  'sums unkeyed usage by the hour in which it happened': async (bench) => {
    const hour = Math.floor(START / HOUR) * HOUR
    await bench.append([
      bench.record('acme', [{ ...usage('reports', 2), count: 3 }]),
      bench.record('acme', [{ ...usage('reports', 1), after: HOUR }]),
    ])
    await bench.append([bench.record('acme', [usage('reports', 10)])])
    await bench.drain()
    await bench.append([bench.record('acme', [usage('reports', 100)])])
    await bench.drain()
    assert.deepEqual(await bench.records.usage({ tenant: 'acme', from: hour, to: hour + HOUR }), [
      { meter: 'reports', quantity: 116, count: 5 },
    ])
    assert.deepEqual(await bench.records.usage({ tenant: 'acme', from: hour + HOUR, to: hour + 2 * HOUR }), [
      { meter: 'reports', quantity: 1, count: 1 },
    ])
    assert.deepEqual(await bench.records.usage({ tenant: 'acme', from: 0, to: hour }), [])
  },

  'gives the units of a duplicate back to its quota': async (bench) => {
    const record = () => encodeBatch([JSON.stringify(bench.record('acme', [usage('reports', 4, 'run-1', PERIOD)]))])
    for (let i = 0; i < 3; i++) {
      await bench.commit({ quotas: [{ ...MOVE, delta: 4, limit: 100, seed: NONE }], body: record() })
    }
    await bench.drain()
    assert.deepEqual(await take(bench, { delta: 0 }), { status: 'committed', versions: [], used: [4] })
    await bench.append([bench.record('acme', [usage('reports', 90, 'run-1', PERIOD)])])
    await bench.append([bench.record('acme', [usage('other', 90, 'x', PERIOD), usage('other', 90, 'x', PERIOD)])])
    await bench.drain()
    assert.deepEqual(await take(bench, { delta: 0 }), { status: 'committed', versions: [], used: [0] })
  },

  'moves the counters that exist by usage that was recorded without them': async (bench) => {
    const [day, month] = ['2026-11-05', '2026-11']
    for (const period of [day, month]) await take(bench, { period, seed: NONE })
    await bench.append([
      bench.record('acme', [{ ...usage('reports', 2), count: 3 }, usage('reports', 4, 'run-1')]),
      bench.record('acme', [usage('reports', 4, 'run-1'), usage('reports', 10, undefined, month)]),
      bench.record('acme', [usage('exports', 50)]),
      bench.record('globex', [usage('reports', 50)]),
    ])
    await bench.drain()
    assert.deepEqual(await take(bench, { period: month, delta: 0 }), { status: 'committed', versions: [], used: [11] })
    assert.deepEqual(await take(bench, { period: day, delta: 0 }), { status: 'committed', versions: [], used: [21] })
    assert.deepEqual(await take(bench, { period: month, tenant: 'globex' }), { status: 'uncounted', quota: 0 })
  },

  'moves every counter whose period holds the usage, and no other': async (bench) => {
    const hour = Math.floor(START / HOUR) * HOUR
    const holding = {
      month: interval('2026-10-15T04:00Z', '2026-11-15T05:00Z'),
      day: interval('2026-11-05T05:00Z', '2026-11-06T05:00Z'),
      longest: interval('2026-10-04T12:30Z', '2026-11-05T13:00Z'),
      fromItsHour: interval(hour, hour + 1),
      utcMonth: '2026-11',
    }
    const others = {
      before: interval('2026-10-15T04:00Z', hour),
      after: interval(hour + 1, '2026-12-15T05:00Z'),
      utcDay: '2026-11-06',
    }
    const periods = [...Object.values(holding), ...Object.values(others)]
    for (const period of periods) await take(bench, { period, seed: NONE })
    await bench.append([
      bench.record('acme', [{ ...usage('reports', 2), count: 3 }, usage('reports', 10, undefined, holding.month)]),
      bench.record('globex', [usage('reports', 50)]),
    ])
    await bench.drain()
    const used = async (names: object) => {
      const found: Record<string, unknown> = {}
      for (const [name, period] of Object.entries(names)) found[name] = await usedOf(bench, period)
      return found
    }
    assert.deepEqual(await used(holding), { month: 7, day: 17, longest: 17, fromItsHour: 17, utcMonth: 17 })
    assert.deepEqual(await used(others), { before: 1, after: 1, utcDay: 1 })
  },

  'tells usage apart at the beginning of a period within an hour': async (bench) => {
    const hour = Math.floor(START / HOUR) * HOUR
    const begun = hour + HOUR / 4
    const [before, after] = [interval(hour - HOUR, begun), interval(begun, hour + 2 * HOUR)]
    for (const period of [before, after]) await take(bench, { period, delta: 0, seed: NONE })
    const from = new Date(begun).toISOString()
    const begin = (event: JournalEvent) => ({ ...event, metadata: { ...event.metadata, periodFrom: from } })
    await bench.append([
      bench.record('acme', [usage('reports', 1), usage('reports', 2, 'a')]),
      bench.record('acme', [
        begin(usage('reports', 10)),
        begin(usage('reports', 20, 'b')),
        begin(usage('reports', 9, 'a')),
      ]),
      // It was recorded after the period had begun, whenever its record did.
      bench.record('acme', [{ ...begin(usage('reports', 100)), after: -2 * HOUR }]),
    ])
    await bench.drain()
    const quantity = async (start: number, end: number) =>
      (await bench.records.usage({ tenant: 'acme', meter: 'reports', from: start, to: end }))[0]?.quantity
    assert.equal(await quantity(hour, begun), 3)
    assert.equal(await quantity(begun, hour + HOUR), 130)
    assert.equal(await quantity(hour, hour + HOUR), 133)
    assert.equal(await usedOf(bench, before), 3)
    assert.equal(await usedOf(bench, after), 130)
  },

  'keeps what a period has counted within it': async (bench) => {
    const hour = Math.floor(START / HOUR) * HOUR
    const [ended, coming] = [interval(hour - 2 * HOUR, hour - HOUR / 2), interval(hour + HOUR, hour + 2 * HOUR)]
    const running = interval(hour - HOUR / 2, hour + HOUR)
    for (const period of [ended, coming, running]) await take(bench, { period, delta: 0, seed: NONE })
    const events = [usage('reports', 4, undefined, ended), usage('reports', 8, 'a', coming)]
    await bench.commit({
      quotas: [
        { ...MOVE, period: ended, delta: 4 },
        { ...MOVE, period: coming, delta: 8 },
      ],
      body: encodeBatch([JSON.stringify(bench.record('acme', events))]),
    })
    await bench.drain()
    const inside = async (start: number, end: number) =>
      (await bench.records.usage({ tenant: 'acme', meter: 'reports', from: start, to: end }))[0]?.quantity ?? 0
    assert.equal(await inside(hour - 2 * HOUR, hour - HOUR / 2), 4)
    assert.equal(await inside(hour + HOUR, hour + 2 * HOUR), 8)
    assert.equal(await inside(hour - HOUR / 2, hour + HOUR), 0)
    assert.deepEqual([await usedOf(bench, ended), await usedOf(bench, coming), await usedOf(bench, running)], [4, 8, 0])
  },

  'goes on projecting whatever a key holds': async (bench) => {
    const keys = ['\ud800', '\udfff', 'a\u0000b', 'a\u0000c', 'a', 'ключ']
    const events = keys.map((key) => usage('reports', 1, key))
    await bench.append([bench.record('acme', events)])
    await bench.append([bench.record('acme', events)])
    await bench.drain()
    const range = { from: Math.floor(START / HOUR) * HOUR, to: Math.floor(START / HOUR) * HOUR + HOUR }
    // The first two are no text that a database could keep, and are one key to it.
    assert.deepEqual(await bench.records.usage({ tenant: 'acme', ...range }), [
      { meter: 'reports', quantity: 5, count: 5 },
    ])
  },
}

function take(
  bench: Bench,
  move: { delta?: number; limit?: number; seed?: typeof ALL; period?: string; tenant?: string },
) {
  return bench.commit({ quotas: [{ ...MOVE, ...move }] })
}

async function record(bench: Bench, meter: string, quantity: number): Promise<void> {
  await bench.append([bench.record('acme', [usage(meter, quantity)])])
  await bench.drain()
}

async function usedOf(bench: Bench, period: string): Promise<number | undefined> {
  const result = await take(bench, { period, delta: 0 })
  return result.status === 'committed' ? result.used[0] : undefined
}

/** The name of a period by its bounds: times in ISO 8601, or ms. */
function interval(from: string | number, to: string | number): string {
  return `${new Date(from).toISOString()}/${new Date(to).toISOString()}`
}

function usage(meter: string, quantity: number, key?: string, quotaPeriod?: string): JournalEvent {
  return {
    action: 'usage.recorded',
    targets: [{ type: 'meter', id: meter }],
    metadata: { quantity, ...(key !== undefined && { key }), ...(quotaPeriod !== undefined && { quotaPeriod }) },
  }
}
