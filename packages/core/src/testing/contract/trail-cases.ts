import assert from 'node:assert/strict'
import type { JournalRecord } from '../../storage/journal-record.ts'
import type { TimelineEvent } from '../../storage/records.ts'
import type { Bench, Cases } from './bench.ts'
import { START } from './bench.ts'

/** A tenant's history, asked in pages. */
export const trailCases: Cases = {
  'shows an event with all that was recorded of it': async (bench) => {
    const record: JournalRecord = {
      id: 'one',
      tenant: 'acme',
      at: START,
      actor: { type: 'api_key', id: 'k1', name: 'CI' },
      trace: '0af7651916cd43dd8448eb211c80319c',
      request: { method: 'GET', path: '/r/7', route: '/r/:id', status: 403, ms: 12, ip: '::1', agent: 'curl', id: 'q' },
      reason: 'TICKET-7',
      events: [
        {
          action: 'report.shared',
          outcome: 'refused',
          count: 2,
          after: 5,
          targets: [{ type: 'report', id: '7', name: 'Q3' }],
          metadata: { a: null, b: { c: [1] } },
          notable: true,
        },
      ],
    }
    await bench.append([record])
    await bench.drain()
    const expected: TimelineEvent = {
      id: 'one.0',
      seq: 1,
      index: 0,
      occurredAt: new Date(START + 5).toISOString(),
      action: 'report.shared',
      outcome: 'refused',
      actor: { type: 'api_key', id: 'k1', name: 'CI' },
      targets: [{ type: 'report', id: '7', name: 'Q3' }],
      context: { traceId: '0af7651916cd43dd8448eb211c80319c', request: { ...record.request } },
      metadata: { reason: 'TICKET-7', a: null, b: { c: [1] } },
      count: 2,
    }
    assert.deepEqual(await bench.timeline('acme'), [expected])
    assert.deepEqual(await bench.timeline('acme', { actions: ['report.shared'] }), [expected])
  },

  'pages newest first, and keeps its place while more is appended': async (bench) => {
    await fill(bench, 25)
    const all = await bench.timeline('acme')
    const first = await bench.records.timeline({ tenant: 'acme', limit: 7 })
    assert.equal(first.events.length, 7)
    await fill(bench, 10)
    const rest = await bench.timeline('acme', { limit: 7, ...(first.next && { before: first.next }) })
    assert.deepEqual([...first.events, ...rest], all)
    const exact = await bench.records.timeline({ tenant: 'acme', limit: 1_000 })
    assert.equal(exact.next, undefined)
    assert.deepEqual(await bench.records.timeline({ tenant: 'nobody', limit: 5 }), { events: [] })
  },

  'answers the same in pages of any size, whatever is filtered': async (bench) => {
    await fill(bench, 12)
    for (const query of [
      {},
      { actions: ['flag.evaluated'] },
      { actions: ['config.changed'] },
      { actions: ['config.changed', 'member.added'] },
      { actions: ['config.changed', 'flag.evaluated'] },
      { actor: 'bob' },
      { actions: ['config.changed'], actor: 'bob' },
      { from: START + 3_000, to: START + 8_000 },
      { actions: ['member.added'], from: START + 3_000, to: START + 8_000 },
    ]) {
      const whole = await bench.timeline('acme', query)
      assert.ok(whole.length > 0, `nothing found for ${JSON.stringify(query)}`)
      for (const limit of [1, 2, 5]) assert.deepEqual(await bench.timeline('acme', { ...query, limit }), whole)
      for (const event of whole) assert.ok(matches(event, query), `${event.id} for ${JSON.stringify(query)}`)
      const expected = (await bench.timeline('acme')).filter((event) => matches(event, query))
      assert.deepEqual(whole, expected)
    }
    assert.deepEqual(await bench.timeline('acme', { actions: [] }), [])
    assert.deepEqual(await bench.timeline('acme', { actions: ['no.such'] }), [])
    assert.deepEqual(await bench.timeline('acme', { from: START + 8_000, to: START + 8_000 }), [])
  },

  'finds an event by when it happened, not by when its context began': async (bench) => {
    await bench.append([bench.record('acme', [{ action: 'run.completed', after: 60_000 }])])
    await bench.append([bench.record('acme', [{ action: 'request.handled' }])])
    await bench.drain()
    assert.deepEqual(
      (await bench.timeline('acme', { from: START + 50_000 })).map((event) => event.id),
      ['r1.0'],
    )
    assert.deepEqual(
      (await bench.timeline('acme', { to: START + 50_000 })).map((event) => event.id),
      ['r2.0'],
    )
  },

  'adds repeats to the count of each event that they repeat': async (bench) => {
    const refusal = bench.record('acme', [
      { action: 'limit.refused', outcome: 'refused', notable: true },
      { action: 'flag.evaluated', count: 3 },
    ])
    await bench.append([refusal, repeatOf(bench, refusal, 3)])
    await bench.drain()
    bench.now += 5_000
    await bench.append([repeatOf(bench, refusal, 4), bench.record('globex', [{ action: 'limit.refused' }])])
    await bench.append([repeatOf(bench, refusal, 5)])
    await bench.drain()
    for (const actions of [['limit.refused'], ['flag.evaluated'], undefined]) {
      const counts = (await bench.timeline('acme', actions && { actions })).map(({ action, count }) => [action, count])
      const all = [
        ['flag.evaluated', 39],
        ['limit.refused', 13],
      ]
      assert.deepEqual(
        counts.sort(),
        all.filter(([action]) => actions?.includes(String(action)) ?? true),
      )
      assert.deepEqual(
        (await bench.timeline('globex')).map((other) => other.count),
        [1],
      )
    }
    assert.equal((await bench.timeline('acme'))[0]?.seq, 1)
  },

  'never shows one tenant’s events to another': async (bench) => {
    for (const tenant of ['a', 'b', 'a\u0000b', "a'--", 'A']) {
      await bench.append([bench.record(tenant, [{ action: 'x.done', notable: true, metadata: { of: tenant } }])])
    }
    await bench.drain()
    for (const tenant of ['a', 'b', 'a\u0000b', "a'--", 'A']) {
      for (const query of [{}, { actions: ['x.done'] }]) {
        assert.deepEqual(
          (await bench.timeline(tenant, query)).map((event) => event.metadata.of),
          [tenant],
        )
      }
    }
  },
}

async function fill(bench: Bench, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const actor = { type: 'user', id: i % 3 === 0 ? 'bob' : 'ann' }
    await bench.append([
      bench.record('acme', [{ action: 'flag.evaluated' }, { action: 'request.handled', after: 10 }], { actor }),
      bench.record('globex', [{ action: 'config.changed', notable: true }]),
      bench.record('acme', [{ action: i % 2 === 0 ? 'config.changed' : 'member.added', notable: true }], { actor }),
    ])
    bench.now += 1_000
    if (i % 4 === 3) await bench.drain()
  }
  await bench.drain()
}

function matches(
  event: TimelineEvent,
  { actions, actor, from, to }: { actions?: readonly string[]; actor?: string; from?: number; to?: number },
): boolean {
  const at = Date.parse(event.occurredAt)
  return (
    (!actions || actions.includes(event.action)) &&
    (actor === undefined || event.actor.id === actor) &&
    (from === undefined || at >= from) &&
    (to === undefined || at < to)
  )
}

function repeatOf(bench: Bench, { tenant, id, at }: JournalRecord, count: number): JournalRecord {
  return bench.record(tenant, [], { repeat: { of: id, at, count } })
}
