import assert from 'node:assert/strict'
import type { JournalEvent } from '../../storage/journal-record.ts'
import { encodeBatch } from '../../storage/journal-record.ts'
import type { Bench, Cases } from './bench.ts'
import { HOUR, START } from './bench.ts'

const PERIOD = '2026-11-01'
const MOVE = { tenant: 'acme', meter: 'reports', period: PERIOD, delta: 1 } as const

/** What is limited is what is billed: counters, ledger and roll-ups agree. */
export const usageCases: Cases = {
  'takes from a quota until its limit, and says how much is used': async (bench) => {
    assert.deepEqual(await take(bench, { limit: 2 }), { status: 'uncounted', quota: 0 })
    assert.deepEqual(await take(bench, { limit: 2, seed: 1 }), { status: 'committed', versions: [], used: [2] })
    assert.deepEqual(await take(bench, { limit: 2, seed: 0 }), { status: 'refused', quota: 0, used: 2 })
    assert.deepEqual(await take(bench, { delta: -1 }), { status: 'committed', versions: [], used: [1] })
    assert.deepEqual(await take(bench, { delta: -9 }), { status: 'committed', versions: [], used: [0] })
    assert.deepEqual(await take(bench, { delta: 9 }), { status: 'committed', versions: [], used: [9] })
    assert.deepEqual(await take(bench, { period: '2026-12-01' }), { status: 'uncounted', quota: 0 })
    assert.deepEqual(await take(bench, { tenant: 'globex' }), { status: 'uncounted', quota: 0 })
  },

  'keeps nothing of a refused move, not even its seed': async (bench) => {
    assert.deepEqual(await take(bench, { limit: 2, seed: 2 }), { status: 'refused', quota: 0, used: 2 })
    assert.deepEqual(await take(bench, { limit: 2 }), { status: 'uncounted', quota: 0 })
  },

  'moves several quotas together or none': async (bench) => {
    const other = { ...MOVE, meter: 'exports', limit: 1, seed: 1 }
    const body = encodeBatch([JSON.stringify(bench.record('acme', [usage('reports', 1)]))])
    assert.deepEqual(await bench.commit({ quotas: [{ ...MOVE, seed: 0 }, other], body }), {
      status: 'refused',
      quota: 1,
      used: 1,
    })
    assert.deepEqual(await take(bench, {}), { status: 'uncounted', quota: 0 })
    assert.equal((await bench.records.backlog()).rows, 0)
  },

  'admits exactly the limit when many ask at once': async (bench) => {
    const results = await Promise.all(Array.from({ length: 30 }, () => take(bench, { limit: 7, seed: 0 })))
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
      await bench.commit({ quotas: [{ ...MOVE, delta: 4, limit: 100, seed: 0 }], body: record() })
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
    for (const period of [day, month]) await take(bench, { period, seed: 0 })
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

function take(bench: Bench, move: { delta?: number; limit?: number; seed?: number; period?: string; tenant?: string }) {
  return bench.commit({ quotas: [{ ...MOVE, ...move }] })
}

function usage(meter: string, quantity: number, key?: string, quotaPeriod?: string): JournalEvent {
  return {
    action: 'usage.recorded',
    targets: [{ type: 'meter', id: meter }],
    metadata: { quantity, ...(key !== undefined && { key }), ...(quotaPeriod !== undefined && { quotaPeriod }) },
  }
}
