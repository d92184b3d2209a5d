import { exportQueries } from '../export-queries.ts'
import type { ExportedRow } from '../sqlite/exported-row.ts'
import { Handover } from './handover.ts'
import { ownTables } from './own-tables.ts'
import type { PostgresConnection, PostgresPool } from './pool.ts'

/** Rows that are on their way at once. */
const PORTION = 500
/** It takes as long as whoever takes the rows. */
const EXPORT_MS = 7 * 24 * 3_600_000

/** The view and all under it, first: what is emptied between the snapshot and the first look would be in neither place. */
const BEGIN = `SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL enable_seqscan = on;
LOCK TABLE throughline_timeline IN ACCESS SHARE MODE`

/**
 * Everything on record of one tenant or of all, in one snapshot, however much it is: a portion is read when the one
 * before was used up. The pool's connection is taken until it is left.
 */
export async function* exportedRows(pool: PostgresPool, schema: string, tenant?: string): AsyncGenerator<ExportedRow> {
  const portions = new Handover<readonly ExportedRow[]>()
  const reading = pool.use(
    (connection) => connection.transaction(() => readAll(connection, schema, tenant, portions)),
    EXPORT_MS,
  )
  const read = reading.then(
    () => portions.end(),
    (error: unknown) => portions.end({ error }),
  )
  try {
    for await (const rows of portions) yield* rows
  } finally {
    await read
  }
}

async function readAll(
  connection: PostgresConnection,
  schema: string,
  tenant: string | undefined,
  portions: Handover<readonly ExportedRow[]>,
): Promise<void> {
  await connection.run(BEGIN)
  const tables = new Set((await ownTables(connection, schema)).map(({ name }) => name))
  const where = tenant === undefined ? '' : 'WHERE tenant_id = $1::text'
  const bound = tenant === undefined ? [] : [tenant]
  for (const [i, { sql, rowOf }] of exportQueries(tables, where).entries()) {
    // One name for each: how a cursor's rows look is remembered by its name.
    const cursor = `throughline_export_${i}`
    await connection.all(`DECLARE ${cursor} NO SCROLL CURSOR FOR ${sql}`, ...bound)
    for (;;) {
      const rows = await connection.all<never>(`FETCH ${PORTION} FROM ${cursor}`)
      if (rows.length > 0 && !(await portions.give(rows.map(rowOf)))) return
      if (rows.length < PORTION) break
    }
    await connection.run(`CLOSE ${cursor}`)
  }
}
