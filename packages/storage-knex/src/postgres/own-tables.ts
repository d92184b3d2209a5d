import type { RecordsTable } from '../sqlite/records-table.ts'
import { quoted } from './migrate.ts'
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

/** Our functions in a schema, as they stand in SQL. */
export async function ownRoutines(connection: PostgresConnection, schema: string): Promise<readonly string[]> {
  const rows = await connection.all<{ name: string; parameters: string }>(
    `SELECT p.proname::text AS name, pg_get_function_identity_arguments(p.oid) AS parameters
FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname = $1::text AND p.proname = ANY($2::text[])`,
    schema,
    ownNames('FUNCTION'),
  )
  return rows.map(({ name, parameters }) => `${quoted(schema)}.${quoted(name)}(${parameters})`)
}
