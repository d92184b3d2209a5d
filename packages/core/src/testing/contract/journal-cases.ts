import assert from 'node:assert/strict'
import { encodeBatch } from '../../storage/journal-record.ts'
import { PLATFORM } from '../../vocabulary.ts'
import type { Cases } from './bench.ts'

const EVENT = { action: 'request.handled' }

/** Everything that is appended is projected, once. */
export const journalCases: Cases = {
  'numbers a tenant’s records densely, in the order in which they were appended': async (bench) => {
    await bench.append([bench.record('acme', [EVENT]), bench.record('globex', [EVENT])])
    await bench.append([bench.record('acme', [EVENT, EVENT])])
    await bench.drain()
    await bench.append([bench.record('acme', [EVENT])])
    await bench.drain()
    assert.deepEqual(
      (await bench.timeline('acme')).map(({ id, seq, index }) => [id, seq, index]),
      [
        ['r4.0', 3, 0],
        ['r3.1', 2, 1],
        ['r3.0', 2, 0],
        ['r1.0', 1, 0],
      ],
    )
    assert.deepEqual(
      (await bench.timeline('globex')).map((event) => event.seq),
      [1],
    )
  },

  'shows nothing of the journal before it is projected, and nothing of it twice after': async (bench) => {
    await bench.append([bench.record('acme', [EVENT])])
    assert.equal((await bench.timeline('acme')).length, 0)
    await bench.drain()
    await bench.drain()
    assert.equal((await bench.timeline('acme')).length, 1)
    assert.equal((await bench.records.backlog()).rows, 0)
  },

  'counts a batch once that is appended again before it is projected': async (bench) => {
    const batch = await bench.append([bench.record('acme', [EVENT])])
    await bench.records.append(batch)
    await bench.append([bench.record('acme', [EVENT])])
    await bench.records.append(batch)
    await bench.drain()
    assert.equal((await bench.timeline('acme')).length, 2)
    assert.equal((await bench.timeline(PLATFORM)).length, 0)
  },

  'counts a batch once that is appended again after it was projected': async (bench) => {
    const batch = await bench.append([bench.record('acme', [EVENT])])
    await bench.drain()
    await bench.records.append(batch)
    await bench.append([bench.record('acme', [EVENT])])
    await bench.records.append(batch)
    await bench.drain()
    assert.equal((await bench.timeline('acme')).length, 2)
    assert.equal((await bench.timeline(PLATFORM)).length, 0)
  },

  'counts a batch once that is appended again much later, projected or not': async (bench) => {
    const first = await bench.append([bench.record('acme', [EVENT])])
    bench.now += 7_000
    await bench.records.append(first)
    const second = await bench.append([bench.record('acme', [EVENT])])
    await bench.drain()
    bench.now += 7_000
    for (const batch of [first, second]) await bench.records.append(batch)
    await bench.drain()
    assert.equal((await bench.timeline('acme')).length, 2)
    assert.equal((await bench.timeline(PLATFORM)).length, 0)
  },

  'projects every record once when two project at the same time': async (bench) => {
    for (let i = 0; i < 30; i++) await bench.append([bench.record('acme', [EVENT])])
    const request = { lane: 0, leaseMs: 0, maxRows: 3 }
    await Promise.all(
      Array.from({ length: 20 }, (_, i) => bench.records.project({ ...request, holder: i % 2 === 0 ? 'a' : 'b' })),
    )
    await bench.drain()
    assert.deepEqual(
      (await bench.timeline('acme')).map((event) => event.seq),
      Array.from({ length: 30 }, (_, i) => 30 - i),
    )
  },

  'leaves a lane to the holder of its lease until the lease runs out or is given back': async (bench) => {
    const { records } = bench
    const request = { lane: 0, leaseMs: 1_000, maxRows: 10 }
    assert.equal((await records.project({ ...request, holder: 'a' })).lease, true)
    await bench.append([bench.record('acme', [EVENT])])
    assert.deepEqual(await records.project({ ...request, holder: 'b' }), {
      lease: false,
      rows: 0,
      records: 0,
      more: false,
    })
    assert.equal((await records.project({ ...request, lane: 1, holder: 'b' })).lease, true)
    bench.now += 1_000
    assert.equal((await records.project({ ...request, holder: 'b' })).records, 1)
    assert.equal((await records.project({ ...request, holder: 'a' })).lease, false)
    await records.project({ ...request, holder: 'b', leaseMs: 0 })
    assert.equal((await records.project({ ...request, holder: 'a' })).lease, true)
  },

  'projects no more rows than asked, and says when more wait': async (bench) => {
    for (let i = 0; i < 3; i++) await bench.append([bench.record('acme', [EVENT])])
    const request = { lane: 0, holder: 'a', leaseMs: 1_000, maxRows: 2 }
    assert.deepEqual(await bench.records.project(request), { lease: true, rows: 2, records: 2, more: true })
    assert.deepEqual(await bench.records.project(request), { lease: true, rows: 1, records: 1, more: false })
    assert.deepEqual(await bench.records.project(request), { lease: true, rows: 0, records: 0, more: false })
  },

  'keeps lanes apart, a process’s changes in several of them too': async (bench) => {
    const line = (tenant: string) => encodeBatch([JSON.stringify(bench.record(tenant, [EVENT]))])
    await bench.commit({ lane: 0, body: line('acme') })
    await bench.commit({ lane: 1, body: line('globex') })
    await bench.commit({ lane: 0, body: line('acme') })
    await bench.append([bench.record('globex', [EVENT])], { writer: 'w.1', lane: 1 })
    assert.deepEqual((await bench.records.backlog()).lanes, [0, 1])
    await bench.drain(1)
    assert.deepEqual((await bench.records.backlog()).lanes, [0])
    assert.equal((await bench.timeline('globex')).length, 2)
    assert.equal((await bench.timeline('acme')).length, 0)
    await bench.drain(0)
    assert.equal((await bench.timeline('acme')).length, 2)
    assert.equal((await bench.timeline(PLATFORM)).length, 0)
  },

  'says how much waits, by positions that only grow': async (bench) => {
    const { records } = bench
    assert.deepEqual(await records.backlog(), { rows: 0, newest: 0, oldest: 0, ageMs: 0, lanes: [] })
    await bench.append([bench.record('acme', [EVENT])])
    bench.now += 250
    await bench.append([bench.record('acme', [EVENT])])
    const before = await records.backlog()
    assert.equal(before.rows, 2)
    assert.equal(before.ageMs, 250)
    assert.ok(before.oldest < before.newest)
    await bench.drain()
    await bench.append([bench.record('acme', [EVENT])])
    const after = await records.backlog()
    assert.equal(after.rows, 1)
    assert.ok(after.oldest > before.newest, 'a position is given twice')
  },

  'tells the operator of a batch that is missing': async (bench) => {
    await bench.append([bench.record('acme', [EVENT])])
    bench.skip('w')
    await bench.append([bench.record('acme', [EVENT])])
    await bench.drain()
    assert.equal((await bench.timeline('acme')).length, 2)
    const [alarm, ...others] = await bench.timeline(PLATFORM, { actions: ['journal.gap'] })
    assert.deepEqual(alarm?.metadata, { writer: 'w', after: 1, before: 3 })
    assert.equal(others.length, 0)
  },

  'tells the operator of a batch that was changed on its way, and keeps it off the trail': async (bench) => {
    if (!bench.forge) return
    await bench.append([bench.record('acme', [EVENT])])
    await bench.append([bench.record('acme', [EVENT])])
    await bench.forge()
    await bench.append([bench.record('acme', [EVENT])])
    await bench.drain()
    assert.deepEqual(
      (await bench.timeline('acme')).map((event) => event.id),
      ['r3.0', 'r1.0'],
    )
    assert.equal((await bench.timeline(PLATFORM, { actions: ['journal.forged'] })).length, 1)
  },

  'tells the operator of a record that can not be read, and keeps the others': async (bench) => {
    const good = JSON.stringify(bench.record('acme', [EVENT]))
    const bad = [
      '{"id":',
      'null',
      '7',
      JSON.stringify({ id: 'x', tenant: 'acme', at: 1, actor: { type: 'user', id: 'u' } }),
      JSON.stringify({ ...bench.record('acme', []), events: [null] }),
      JSON.stringify({ ...bench.record('acme', []), repeat: {} }),
    ]
    await bench.records.append({ writer: 'w', seq: 1, lane: 0, body: encodeBatch([...bad, good]) })
    await bench.drain()
    assert.equal((await bench.timeline('acme')).length, 1)
    assert.equal((await bench.timeline(PLATFORM, { actions: ['journal.unreadable'] })).length, bad.length)
  },
}
