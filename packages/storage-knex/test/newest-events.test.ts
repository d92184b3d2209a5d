import type { RecordsStore } from '@throughline/core/storage'
import { expect, it } from 'vitest'
import { openPostgresAdmin } from '../src/postgres/postgres-admin.ts'
import { openSqliteAdmin, type SqliteAdmin } from '../src/sqlite/sqlite-admin.ts'
import { postgresScratch, service } from './postgres-scratch.ts'
import { openOptions, scratchStorage } from './scratch-storage.ts'

const START = 1_762_000_000_000
const SEGMENTS = 60
const ACTIONS = ['report.shared', 'report.made', 'share']
const { now } = openOptions()

interface Place {
  readonly records: Pick<RecordsStore, 'open' | 'append' | 'project'>
  /** The view's rows that a condition holds for, in its order. */
  view(condition: string): Promise<readonly { record_id: string; event_index: number }[]>
  query(sql: string): Promise<unknown>
  admin(): Promise<{ timeline: SqliteAdmin['timeline']; close(): unknown }>
}

const ORDER = 'ORDER BY occurred_at DESC, seq IS NULL DESC, seq DESC, event_index DESC'

it("a tenant's newest events on SQLite are the view's first, and older segments are not read", async () => {
  const scratch = await scratchStorage()
  const { filename, records } = scratch
  try {
    await check({
      records,
      view: async (condition) =>
        scratch
          .stranger()
          .prepare<[], { record_id: string; event_index: number }>(
            `SELECT record_id, event_index FROM throughline_timeline WHERE ${condition}`,
          )
          .all(),
      query: async (sql) => scratch.stranger().exec(sql),
      admin: () => openSqliteAdmin({ filename, readonly: true, now }),
    })
  } finally {
    await scratch.destroy()
  }
})

it.skipIf(!service.isReachable)(
  "a tenant's newest events on Postgres are the view's first, and older segments are not read",
  async () => {
    const scratch = await postgresScratch()
    const { app, schema, records } = scratch
    try {
      await check({
        records,
        view: (condition) =>
          scratch.query(`SELECT record_id, event_index FROM throughline_timeline WHERE ${condition}`).then((rows) =>
            rows.map((row) => {
              const { record_id, event_index } = row as { record_id: string; event_index: string }
              return { record_id, event_index: Number(event_index) }
            }),
          ),
        query: (sql) => scratch.query(sql),
        admin: () => openPostgresAdmin({ app, schema, readonly: true, now }),
      })
    } finally {
      await scratch.destroy()
    }
  },
)

async function check({ records, view, query, admin: open }: Place): Promise<void> {
  await records.open(openOptions())
  for (let seq = 1; seq <= SEGMENTS; seq++) {
    await records.append({ writer: 'w', seq, lane: 0, body: `[${[...recordsOf(seq), rareOf(seq)].join(',\n')}]` })
    // The last ones are not yet projected.
    if (seq < SEGMENTS - 2) await records.project({ lane: 0, holder: 'p', leaseMs: 0, maxRows: 100 })
  }
  const admin = await open()
  try {
    const newest = async (query: Parameters<SqliteAdmin['timeline']>[0]): Promise<readonly string[]> =>
      (await admin.timeline(query)).map(({ id }) => id)
    for (const tenant of ['acme', 'hooli'])
      for (const [where, filter] of FILTERS) {
        for (const from of [0, START + 200, START + 700, START + 5_000]) {
          const since = new Date(from).toISOString()
          const rows = await view(`tenant_id = '${tenant}' AND occurred_at >= '${since}' AND ${where} ${ORDER}`)
          const ids = rows.map(({ record_id, event_index }) => `${record_id}.${event_index}`)
          for (const limit of [0, 1, 2, 5, 1_000]) {
            const found = await newest({ tenant, from, limit, ...filter })
            expect(found, `${tenant}, ${where} from ${from}, ${limit}`).toEqual(ids.slice(0, limit))
          }
        }
      }
    expect(await newest({ tenant: 'globex', from: 0, limit: 5 })).toEqual([])

    // Whoever reads an old segment now can't; the newest event is found without.
    const youngest = await newest({ tenant: 'acme', from: 0, limit: 1 })
    const all = await newest({ tenant: 'acme', from: 0, limit: 1_000 })
    await query("UPDATE throughline_trail SET body = 'unreadable' WHERE first_seq < 20")
    expect(await newest({ tenant: 'acme', from: 0, limit: 1 })).toEqual(youngest)
    expect(await newest({ tenant: 'acme', from: 0, limit: 1_000, actions: ['none'] })).toEqual([])
    expect(await newest({ tenant: 'acme', from: 0, limit: 1_000, actor: 'nobody' })).toEqual([])
    const readable = await newest({ tenant: 'acme', from: 0, limit: 1_000 }).catch(() => [])
    expect(readable.length).toBeLessThan(all.length)
  } finally {
    await admin.close()
  }
}

const FILTERS: readonly (readonly [string, { actions?: readonly string[]; actor?: string }])[] = [
  ['1 = 1', {}],
  ["action IN ('share', 'report.made')", { actions: ['share', 'report.made'] }],
  ["actor_id = 'ann'", { actor: 'ann' }],
  ["action = 'report.shared' AND actor_id = 'a\"b'", { actions: ['report.shared'], actor: 'a"b' }],
]

/** Of a slice: some begin long before they are appended, some have events long after they began. */
function recordsOf(seq: number): readonly string[] {
  return Array.from({ length: (seq % 3) + 1 }, (_, i) => {
    const late = (seq * 7 + i * 5) % 11
    const events = [
      { action: ACTIONS[(seq + i) % 3] },
      ...(late < 3 ? [{ action: ACTIONS[late], after: late * 160 }] : []),
    ]
    const at = START + seq * 10 - (late === 7 ? 300 : late)
    const id = ['ann', 'bob', 'a"b'][(seq * 5 + i) % 3]
    return JSON.stringify({ id: `${seq}-${i}`, tenant: 'acme', at, actor: { type: 'user', id }, events })
  })
}

/** One record a slice: an early one has the last event but one, and only it and a last one of a rare action. */
function rareOf(seq: number): string {
  const rare = seq === 3 || seq === 57
  const events = [{ action: rare ? 'report.made' : 'report.shared', ...(seq === 3 && { after: 10_000 }) }]
  const at = START + (seq === 57 ? 20_000 : seq * 10)
  return JSON.stringify({ id: `h${seq}`, tenant: 'hooli', at, actor: { type: 'user', id: 'ann' }, events })
}
