import type { RecordsTable } from '../sqlite/records-table.ts'
import type { PostgresConnection } from './pool.ts'

type OwnTable = Pick<RecordsTable, 'type' | 'name'>

/** What of a schema is ours: everything whose name begins with `throughline_`, views first; not the parts of a table. */
export function ownTables(connection: PostgresConnection, schema: string): Promise<readonly OwnTable[]> {
  return connection.all<OwnTable>(
    `SELECT CASE c.relkind WHEN 'v' THEN 'view' ELSE 'table' END AS type, c.relname::text AS name
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $1::text AND c.relname LIKE 'throughline\\_%' AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
ORDER BY 1 DESC, 2`,
    schema,
  )
}
