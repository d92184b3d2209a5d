import type { RecordsTable } from '../sqlite/records-table.ts'
import { ownNames } from './own-names.ts'
import type { PostgresConnection } from './pool.ts'

type OwnTable = Pick<RecordsTable, 'type' | 'name'>

/** What of a schema is ours, views first; not the parts of a table. */
export function ownTables(connection: PostgresConnection, schema: string): Promise<readonly OwnTable[]> {
  return connection.all<OwnTable>(
    `SELECT CASE c.relkind WHEN 'v' THEN 'view' ELSE 'table' END AS type, c.relname::text AS name
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $1::text AND NOT c.relispartition
  AND (c.relkind IN ('r', 'p') AND c.relname = ANY($2::text[]) OR c.relkind = 'v' AND c.relname = ANY($3::text[]))
ORDER BY 1 DESC, 2`,
    schema,
    ownNames('TABLE'),
    ownNames('VIEW'),
  )
}
