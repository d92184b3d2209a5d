import type { JournalEvent, JournalRecord, TimelineEvent } from '@throughline/core/storage'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inProcessThread } from './in-process-thread.ts'
import { openOptions, scratchStorage } from './scratch-storage.ts'

interface ViewRow {
  readonly tenant_id: string
  readonly seq: number | null
  readonly event_index: number
  readonly occurred_at: string
  readonly action: string
  readonly outcome: string
  readonly actor_type: string
  readonly actor_id: string
  readonly actor_name: string | null
  readonly trace_id: string | null
  readonly method: string | null
  readonly route: string | null
  readonly path: string | null
  readonly status: number | null
  readonly duration_ms: number | null
  readonly ip: string | null
  readonly targets: string
  readonly metadata: string
  readonly count: number
  readonly record_id: string
}

const text = fc.oneof(fc.constantFrom('a', "o'neil", 'ü', '"', '\\', '\n', '%', '\u2028', '💡'), fc.string())
const optional = <T>(key: string, value: fc.Arbitrary<T>) =>
  fc.option(
    value.map((found) => ({ [key]: found })),
    { nil: {} },
  )
const event: fc.Arbitrary<JournalEvent> = fc
  .tuple(
    fc.record({ action: fc.constantFrom('request.handled', 'config.changed', 'limit.refused') }),
    optional('outcome', fc.constantFrom('failure', 'refused')),
    optional('count', fc.integer({ min: 1, max: 1_000 })),
    optional('after', fc.integer({ min: 0, max: 100_000 })),
    optional('targets', fc.array(fc.record({ type: text, id: text }), { maxLength: 2 })),
    optional('metadata', fc.dictionary(fc.constantFrom('a', 'reason', 'z'), fc.jsonValue(), { maxKeys: 3 })),
  )
  .map((parts) => Object.assign({}, ...parts))
const record = fc.tuple(
  fc.record({
    tenant: fc.constantFrom('acme', 'globex'),
    at: fc.integer({ min: 1_600_000_000_000, max: 1_900_000_000_000 }),
    actor: fc.record({ type: fc.constantFrom('user', 'system'), id: text }),
    events: fc.array(event, { maxLength: 3 }),
  }),
  optional('reason', text),
  optional('trace', fc.constant('0af7651916cd43dd8448eb211c80319c')),
  optional(
    'request',
    fc.record({ method: fc.constant('GET'), path: text, status: fc.integer({ min: 200, max: 599 }) }),
  ),
)

describe('throughline_timeline', () => {
  it('has the events that the timeline has, before they are projected and after', async () => {
    const scratch = await scratchStorage({ start: inProcessThread() })
    try {
      await scratch.records.open(openOptions())
      const database = scratch.stranger()
      const view = database.prepare<[string], ViewRow>('SELECT * FROM throughline_timeline WHERE tenant_id = ?')
      const clear = ['journal', 'trail', 'heads', 'notable', 'repeats', 'writers']
      let round = 0
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(record, fc.integer({ min: 0, max: 3 })), { minLength: 1, maxLength: 12 }),
          fc.boolean(),
          async (drafts, twice) => {
            round += 1
            for (const table of clear) database.exec(`DELETE FROM throughline_${table}`)
            const records = drafts.flatMap(([parts, repeats], i): JournalRecord[] => {
              const first: JournalRecord = Object.assign({ id: `r${i}` }, ...parts)
              const { tenant, at } = first
              return [first, ...Array.from({ length: repeats }, (_, n) => repeatOf(tenant, `r${i}`, at, n + 1))]
            })
            const half = Math.ceil(records.length / 2)
            const batches = [records.slice(0, half), records.slice(half)].map((part, i) => ({
              writer: `w${round}`,
              seq: i + 1,
              lane: 0,
              body: `[${part.map((one) => JSON.stringify(one)).join(',\n')}]`,
            }))
            for (const batch of batches) await scratch.records.append(batch)
            const waiting = { acme: view.all('acme'), globex: view.all('globex') }
            const request = { lane: 0, holder: 'p', leaseMs: 0 }
            await scratch.records.project({ ...request, maxRows: 1 })
            const mixed = { acme: view.all('acme'), globex: view.all('globex') }
            if (twice) {
              appendAgain(database, batches[0])
              expect({ acme: view.all('acme'), globex: view.all('globex') }).toEqual(mixed)
            }
            await scratch.records.project({ ...request, maxRows: 1 })
            for (const tenant of ['acme', 'globex'] as const) {
              const page = await scratch.records.timeline({ tenant, limit: 1_000 })
              const expected = page.events.map(rowOf).sort(byPlace)
              const projected = view.all(tenant)
              expect(projected.map(eventOf).sort(byPlace)).toEqual(expected)
              expect(projected.every((row) => row.seq !== null)).toBe(true)
              const unnumbered = expected.map((row) => ({ ...row, seq: undefined }))
              for (const rows of [waiting[tenant], mixed[tenant]]) {
                expect(rows.map((row) => ({ ...eventOf(row), seq: undefined })).sort(byPlace)).toEqual(unnumbered)
              }
              expect(waiting[tenant].every((row) => row.seq === null)).toBe(true)
            }
            await scratch.records.project({ ...request, maxRows: 10 })
          },
        ),
        { numRuns: 150 },
      )
    } finally {
      await scratch.destroy()
    }
  })

  it('is not broken by a journal row that is no JSON', async () => {
    const scratch = await scratchStorage({ start: inProcessThread() })
    try {
      await scratch.records.open(openOptions())
      await scratch.records.append({ writer: 'w', seq: 1, lane: 0, body: '[{"id":]' })
      const found = scratch.stranger().prepare('SELECT count(*) AS n FROM throughline_timeline').get()
      expect(found).toEqual({ n: 0 })
    } finally {
      await scratch.destroy()
    }
  })
})

/** As a process would whose commit was confirmed too late, past the writer thread's own memory of it. */
function appendAgain(
  database: import('better-sqlite3').Database,
  batch: { writer: string; seq: number; body: string } | undefined,
): void {
  if (!batch) return
  database
    .prepare(
      `INSERT INTO throughline_journal (id, lane, writer, seq, prev, mac, appended_at, body)
       SELECT max(id) + 1, 0, ?, ?, '', 'again', 0, ? FROM throughline_journal`,
    )
    .run(batch.writer, batch.seq, batch.body)
}

function repeatOf(tenant: string, of: string, at: number, count: number): JournalRecord {
  return {
    id: `again-${of}-${count}`,
    tenant,
    at: at + 5,
    actor: { type: 'system', id: 'throughline' },
    events: [],
    repeat: { of, at, count },
  }
}

function rowOf(event: TimelineEvent) {
  const { seq, index, occurredAt, action, outcome, actor, targets, metadata, count, id, context } = event
  return {
    id,
    seq,
    index,
    occurredAt,
    action,
    outcome,
    actor: { type: actor.type, id: actor.id },
    trace: context.traceId ?? null,
    path: context.request?.path ?? null,
    status: context.request?.status ?? null,
    targets,
    metadata,
    count,
  }
}

function eventOf(row: ViewRow): ReturnType<typeof rowOf> {
  return {
    id: `${row.record_id}.${row.event_index}`,
    seq: row.seq ?? 0,
    index: row.event_index,
    occurredAt: row.occurred_at,
    action: row.action,
    outcome: row.outcome as TimelineEvent['outcome'],
    actor: { type: row.actor_type, id: row.actor_id },
    trace: row.trace_id,
    path: row.path,
    status: row.status,
    targets: JSON.parse(row.targets),
    metadata: JSON.parse(row.metadata),
    count: row.count,
  }
}

function byPlace(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1
}
