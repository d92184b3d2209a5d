import type { JournalRecord } from '@throughline/core/storage'
import { describe, expect, it } from 'vitest'
import { inProcessThread } from './in-process-thread.ts'
import { postgresScratch, service } from './postgres-scratch.ts'
import { openOptions, scratchStorage } from './scratch-storage.ts'

const AT = 1_762_000_000_123
const USER = { type: 'user', id: 'ann' } as const
const REFUSED = { action: 'limit.refused', outcome: 'refused', notable: true } as const

const RECORDS: readonly JournalRecord[] = [
  { id: 'bare', tenant: 'acme', at: AT, actor: USER, events: [{ action: 'request.handled' }] },
  {
    id: 'whole',
    tenant: 'acme',
    at: AT + 7,
    actor: { type: 'api_key', id: 'k"1', name: 'ü' },
    trace: '0af7651916cd43dd8448eb211c80319c',
    request: { method: 'GET', path: '/r/7', route: '/r/:id', status: 403, ms: 12, ip: '::1' },
    reason: 'TICKET "7"\\',
    events: [
      {
        action: 'report.shared',
        outcome: 'failure',
        count: 3,
        after: 1_500,
        targets: [{ type: 'report', id: '7' }],
        metadata: { z: [1, { y: null }], a: '💡' },
        notable: true,
      },
      { action: 'run.completed' },
      { action: 'config.changed', metadata: { reason: 'its own', b: 1 }, notable: true },
    ],
  },
  { id: 'none', tenant: 'acme', at: AT, actor: USER, events: [] },
  { id: 'refused', tenant: 'globex', at: AT, actor: USER, events: [REFUSED] },
  { id: 'again', tenant: 'globex', at: AT + 9, actor: USER, events: [], repeat: { of: 'refused', at: AT, count: 4 } },
  { id: 'more', tenant: 'globex', at: AT + 9, actor: USER, events: [], repeat: { of: 'refused', at: AT, count: 2 } },
]

/** What a column can not hold, and what only looks like it. */
const STRANGE: readonly JournalRecord[] = ['a\u0000b', 'a\\u0000b', 'a\u001a0b', '\ud800', '\u0000\u0000'].map(
  (id, i) => ({
    id: `strange${i}`,
    tenant: 'strange',
    at: AT + i,
    actor: { type: 'user', id },
    events: [{ action: 'x.done', metadata: { id } }],
  }),
)

const SELECT = `SELECT tenant_id, seq, event_index, occurred_at, action, outcome, actor_type, actor_id, actor_name, trace_id,
  method, route, path, status, duration_ms, ip, targets, metadata, count, record_id
FROM throughline_timeline ORDER BY tenant_id, record_id, event_index`
const NUMBERS = ['seq', 'event_index', 'status', 'duration_ms', 'count']
const REQUEST = { lane: 0, holder: 'p', leaseMs: 0 } as const

describe.skipIf(!service.isReachable)('throughline_timeline on Postgres', () => {
  it('has the rows that it has on SQLite, before they are projected and after', async () => {
    const scratch = await postgresScratch()
    const file = await scratchStorage({ start: inProcessThread() })
    try {
      const batches = RECORDS.map((record, i) => ({
        writer: 'w',
        seq: i + 1,
        lane: 0,
        body: `[${JSON.stringify(record)}]`,
      }))
      for (const { records } of [scratch, file]) {
        await records.open(openOptions())
        for (const batch of batches) await records.append(batch)
      }
      for (const maxRows of [0, 1, 4, 9]) {
        for (const { records } of [scratch, file]) await records.project({ ...REQUEST, maxRows })
        const expected = file.stranger().prepare<[], Record<string, unknown>>(SELECT).all()
        expect(expected.length).toBe(5)
        expect((await scratch.query<Record<string, unknown>>(SELECT)).map(asText)).toEqual(expected.map(asText))
      }
    } finally {
      await scratch.destroy()
      await file.destroy()
    }
  })

  it('can be read where the server would share a large trail among its workers', async () => {
    const scratch = await postgresScratch()
    try {
      const { records } = scratch
      await records.open(openOptions())
      const body = `[${RECORDS.map((record) => JSON.stringify(record)).join(',\n')}]`
      await records.append({ writer: 'w', seq: 1, lane: 0, body })
      await records.project({ ...REQUEST, maxRows: 9 })
      const server = await scratch.stranger()
      await server.query(`SET max_parallel_workers_per_gather = 2; SET min_parallel_table_scan_size = 0;
        SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET enable_indexscan = off; SET enable_bitmapscan = off`)
      const { rows: shared } = await server.query('EXPLAIN SELECT count(*) FROM throughline_trail')
      expect(JSON.stringify(shared)).toContain('Parallel')
      const { rows } = await server.query("SELECT * FROM throughline_timeline WHERE actor_id = 'ann'")
      expect(rows).toHaveLength(2)
    } finally {
      await scratch.destroy()
    }
  })

  it('goes on whatever a record holds, and calls a tenant by one name', async () => {
    const scratch = await postgresScratch()
    try {
      const { records, query } = scratch
      await records.open(openOptions())
      const odd = { ...RECORDS[0], id: 'odd', tenant: 'a\u0000b' }
      for (const [i, record] of [...STRANGE, odd].entries()) {
        await records.append({ writer: 'w', seq: i + 1, lane: 0, body: `[${JSON.stringify(record)}]` })
      }
      await records.append({ writer: 'w', seq: STRANGE.length + 2, lane: 0, body: '[{"id":' })
      const waiting = await query<{ tenant_id: string; actor_id: string }>(SELECT)
      expect(waiting).toHaveLength(STRANGE.length + 1)
      expect(new Set(waiting.map((row) => row.actor_id)).size).toBe(STRANGE.length + 1)
      await records.project({ ...REQUEST, maxRows: 99 })
      const rows = await query<{ tenant_id: string; actor_id: string }>(
        `${SELECT.replace('ORDER', "WHERE tenant_id <> '$platform' ORDER")}`,
      )
      expect(rows.map(named)).toEqual(waiting.map(named))
      const { events } = await records.timeline({ tenant: 'strange', limit: 9 })
      expect(events.map(({ actor }) => actor.id).reverse()).toEqual(STRANGE.map(({ actor }) => actor.id))
    } finally {
      await scratch.destroy()
    }
  })
})

function named({ tenant_id, actor_id }: { tenant_id: string; actor_id: string }): string[] {
  return [tenant_id, actor_id]
}

/** Drivers give numbers and JSON in their own ways. */
function asText(row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(row).map(([name, value]) => {
    if (value !== null && NUMBERS.includes(name)) return [name, Number(value)]
    return [name, typeof value === 'object' && value !== null ? JSON.stringify(value) : value]
  })
  return Object.fromEntries(entries)
}
