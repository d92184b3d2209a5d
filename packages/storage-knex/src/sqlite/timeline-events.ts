import type { Json, TimelineEvent } from '@throughline/core/storage'
import { sqlite } from '../dialect.ts'
import { sqliteHolds } from '../looked-at.ts'
import { type EventSource, newestEvents, timelineAfter } from '../newest-events.ts'
import type { Connection } from './connection.ts'
import type { TimelineEventsQuery, ViewedEvent } from './viewed-event.ts'

/** A row of the view, as `timelineColumns` select it. */
export interface TimelineRow {
  readonly seq: number | null
  readonly index: number
  readonly occurredAt: string
  readonly action: string
  readonly outcome: TimelineEvent['outcome']
  readonly actorType: string
  readonly actorId: string
  readonly actorName: string | null
  readonly traceId: string | null
  readonly method: string | null
  readonly path: string | null
  readonly route: string | null
  readonly status: number | null
  readonly ms: number | null
  readonly ip: string | null
  readonly targets: string
  readonly metadata: string
  readonly count: number
  readonly recordId: string
}

export const timelineColumns: string = `seq, event_index AS "index", occurred_at AS "occurredAt", action, outcome, actor_type AS "actorType",
  actor_id AS "actorId", actor_name AS "actorName", trace_id AS "traceId", method, path, route, status, duration_ms AS ms, ip,
  targets, metadata, count, record_id AS "recordId"`

/** A tenant's newest events, records that are not yet projected included: only SELECTs, nothing written. */
export function timelineEvents(connection: Connection, query: TimelineEventsQuery): Promise<readonly ViewedEvent[]> {
  const { tenant, from, actions, actor, limit } = query
  const holds = sqliteHolds(query)
  const segments = `tenant_id = ? AND first_seq > ? AND latest_at >= ? AND ${holds.sql}`
  const conditions = [
    'tenant_id = ?',
    'occurred_at >= ?',
    ...(actions ? [`action IN (${actions.map(() => '?').join(', ')})`] : []),
    ...(actor === undefined ? [] : ['actor_id = ?']),
  ]
  const sql = `SELECT ${timelineColumns}
FROM ${timelineAfter(sqlite, segments)} WHERE ${conditions.join(' AND ')}
ORDER BY occurred_at DESC, seq IS NULL DESC, seq DESC, event_index DESC LIMIT ?`
  const named = actor === undefined ? [] : [actor]
  const source: EventSource = {
    recordBefore(count) {
      return connection.get(
        `SELECT first_seq + count - 1 AS seq, latest_at AS latest FROM throughline_trail
WHERE tenant_id = ? AND latest_at >= ? ORDER BY first_seq DESC LIMIT 1 OFFSET ?`,
        tenant,
        from,
        count,
      )
    },
    eventsAfter(seq) {
      const rows = connection.all<TimelineRow>(
        sql,
        ...[tenant, seq, from, ...holds.values],
        ...[tenant, new Date(from).toISOString(), ...(actions ?? []), ...named, limit],
      )
      return rows.map(eventOf)
    },
  }
  return newestEvents(source, limit)
}

/** A row of the view as the event that it is. */
export function eventOf(row: TimelineRow): ViewedEvent {
  const { method, path, route, status, ms, ip } = row
  const request = method === null ? undefined : present({ method, path, route, status, ms, ip })
  return {
    id: `${row.recordId}.${row.index}`,
    ...(row.seq !== null && { seq: row.seq }),
    index: row.index,
    occurredAt: row.occurredAt,
    action: row.action,
    outcome: row.outcome,
    actor: { type: row.actorType, id: row.actorId, ...(row.actorName !== null && { name: row.actorName }) },
    targets: JSON.parse(row.targets),
    context: { ...(row.traceId !== null && { traceId: row.traceId }), ...(request && { request }) },
    metadata: JSON.parse(row.metadata),
    count: row.count,
  }
}

function present(members: Readonly<Record<string, string | number | null>>): Record<string, Json> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null))
}
