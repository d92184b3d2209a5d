import type { DocumentKind } from '@throughline/core/storage'
import { DOCUMENT_KINDS, documentTable } from '../migrations/migrations.ts'
import type { Connection } from './connection.ts'
import type { ExportedRow } from './exported-row.ts'
import { eventOf, type TimelineRow, timelineColumns } from './timeline-events.ts'

/**
 * Everything on record of one tenant or of all, row by row and in one snapshot, however much it is: trails in their
 * order, then the usage ledger, then documents. No other statement may run on the connection until it is left.
 */
export function* exportedRows(
  connection: Connection,
  tables: ReadonlySet<string>,
  tenant?: string,
): Generator<ExportedRow> {
  const where = tenant === undefined ? '' : 'WHERE tenant_id = ?'
  const bound = tenant === undefined ? [] : [tenant]
  connection.run('BEGIN')
  try {
    const events = connection.each<TimelineRow & { readonly tenant: string }>(
      `SELECT tenant_id AS tenant, ${timelineColumns} FROM throughline_timeline ${where}
ORDER BY tenant_id, seq IS NULL, seq, occurred_at, event_index`,
      ...bound,
    )
    for (const row of events) yield { kind: 'event', tenant: row.tenant, ...eventOf(row) }
    if (tables.has('throughline_usage_ledger')) yield* usage(connection, where, bound)
    for (const kind of DOCUMENT_KINDS) {
      if (tables.has(documentTable(kind))) yield* documents(connection, kind, where, bound)
    }
  } finally {
    connection.rollback()
  }
}

function* usage(connection: Connection, where: string, bound: readonly string[]): Generator<ExportedRow> {
  const rows = connection.each<{
    tenant: string
    meter: string
    key: string
    hour: number
    quantity: number
    count: number
  }>(
    `SELECT tenant_id AS tenant, meter, key, hour, quantity, count FROM throughline_usage_ledger ${where}
ORDER BY tenant_id, meter, hour, key`,
    ...bound,
  )
  for (const { tenant, meter, key, hour, quantity, count } of rows) {
    const own = key.startsWith('k:') ? { key: key.slice(2) } : {}
    yield { kind: 'usage', tenant, meter, ...own, hour: isoTime(hour), quantity, count }
  }
}

function* documents(
  connection: Connection,
  kind: DocumentKind,
  where: string,
  bound: readonly string[],
): Generator<ExportedRow> {
  const rows = connection.each<{ tenant: string; key: string; value: string; version: number; updatedAt: number }>(
    `SELECT tenant_id AS tenant, key, value, version, updated_at AS updatedAt FROM ${documentTable(kind)} ${where}
ORDER BY tenant_id, key`,
    ...bound,
  )
  for (const { tenant, key, value, version, updatedAt } of rows) {
    yield { kind, tenant, key, value: JSON.parse(value), version, updatedAt: isoTime(updatedAt) }
  }
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
