import type { DocumentKind, Json } from '@throughline/core/storage'
import { DOCUMENT_KINDS, documentTable } from './migrations/migrations.ts'
import type { ExportedRow } from './sqlite/exported-row.ts'
import { eventOf, type TimelineRow, timelineColumns } from './sqlite/timeline-events.ts'

/** A part of what is on record: the statement that reads it, and what its rows are. */
export interface ExportQuery {
  readonly sql: string
  /** @param row as the statement answers it */
  rowOf(row: never): ExportedRow
}

/**
 * Everything on record, in the order in which it is exported: trails in their order, then the usage ledger, then
 * documents. A database without a part's table has no such part.
 *
 * @param where a condition on `tenant_id`, with `WHERE`; empty for all tenants
 */
export function exportQueries(tables: ReadonlySet<string>, where: string): readonly ExportQuery[] {
  return [
    events(where),
    ...(tables.has('throughline_usage_ledger') ? [usage(where)] : []),
    ...DOCUMENT_KINDS.filter((kind) => tables.has(documentTable(kind))).map((kind) => documents(kind, where)),
  ]
}

function events(where: string): ExportQuery {
  return {
    sql: `SELECT tenant_id AS tenant, ${timelineColumns} FROM throughline_timeline ${where}
ORDER BY tenant_id, seq IS NULL, seq, occurred_at, event_index`,
    // Postgres sums in a wider type, which is read as text.
    rowOf: (row: TimelineRow & { readonly tenant: string }) => {
      return { kind: 'event', tenant: row.tenant, ...eventOf({ ...row, count: Number(row.count) }) }
    },
  }
}

interface LedgerRow {
  readonly tenant: string
  readonly meter: string
  readonly key: string
  readonly hour: number
  readonly quantity: number
  readonly count: number
}

function usage(where: string): ExportQuery {
  return {
    sql: `SELECT tenant_id AS tenant, meter, key, hour, quantity, count FROM throughline_usage_ledger ${where}
ORDER BY tenant_id, meter, hour, key`,
    rowOf({ tenant, meter, key, hour, quantity, count }: LedgerRow) {
      const own = key.startsWith('k:') ? { key: key.slice(2) } : {}
      return { kind: 'usage', tenant, meter, ...own, hour: isoTime(hour), quantity, count }
    },
  }
}

interface DocumentRow {
  readonly tenant: string
  readonly key: string
  readonly value: string
  readonly version: number
  readonly updatedAt: number
}

function documents(kind: DocumentKind, where: string): ExportQuery {
  return {
    sql: `SELECT tenant_id AS tenant, key, value, version, updated_at AS "updatedAt" FROM ${documentTable(kind)} ${where}
ORDER BY tenant_id, key`,
    rowOf({ tenant, key, value, version, updatedAt }: DocumentRow) {
      const parsed: Json = JSON.parse(value)
      return { kind, tenant, key, value: parsed, version, updatedAt: isoTime(updatedAt) }
    },
  }
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
