import { exportQueries } from '../export-queries.ts'
import type { Connection } from './connection.ts'
import type { ExportedRow } from './exported-row.ts'

/**
 * Everything on record of one tenant or of all, row by row and in one snapshot, however much it is. No other statement
 * may run on the connection until it is left.
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
    for (const { sql, rowOf } of exportQueries(tables, where)) {
      for (const row of connection.each<never>(sql, ...bound)) yield rowOf(row)
    }
  } finally {
    connection.rollback()
  }
}
