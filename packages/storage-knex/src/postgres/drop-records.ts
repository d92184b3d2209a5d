import type { RecordsTable } from '../sqlite/records-table.ts'
import { isRefusal } from './failure.ts'
import { lockSchema, quoted } from './migrate.ts'
import { ownNames } from './own-names.ts'
import { ownRoutines, ownTables } from './own-tables.ts'
import type { PostgresConnection } from './pool.ts'
import { refuseServing } from './serving.ts'

/** How long others' statements on our tables are waited for; all that come meanwhile wait too. */
const LOCK_MS = 5_000

/** What of the schema is ours, with the rows that are in it. */
export async function recordsTables(connection: PostgresConnection, schema: string): Promise<readonly RecordsTable[]> {
  return connection.transaction(async () => {
    // Large ones take their time to count.
    await connection.run('SET LOCAL statement_timeout = 0; SET LOCAL enable_seqscan = on')
    const tables: RecordsTable[] = []
    for (const { type, name } of await ownTables(connection, schema)) {
      if (type === 'view') tables.push({ type, name })
      else tables.push({ type, name, rows: await rowsOf(connection, name) })
    }
    return tables
  })
}

/**
 * Drops everything of ours in one transaction, and the schema with it where nothing else is in it.
 *
 * @returns whether the schema is gone
 * @throws ThroughlineError `CONFLICT` while a process uses the records; `RECORDS_UNAVAILABLE` with the server's code in
 *   `details.postgres` where something of the app's depends on them, or somebody holds them
 */
export function dropRecords(connection: PostgresConnection, schema: string): Promise<boolean> {
  return connection.transaction(async () => {
    await connection.run(`SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = ${LOCK_MS}`)
    await refuseServing(connection, schema)
    await lockSchema(connection, schema)
    const all = await ownTables(connection, schema)
    const named = (wanted: RecordsTable['type']): readonly string[] =>
      all.filter(({ type }) => type === wanted).map(({ name }) => `${quoted(schema)}.${quoted(name)}`)
    await drop(connection, 'VIEW', named('view'))
    await drop(connection, 'TABLE', named('table'))
    await drop(connection, 'SEQUENCE', await sequencesOf(connection, schema))
    await drop(connection, 'ROUTINE', await ownRoutines(connection, schema))
    return dropSchema(connection, schema)
  })
}

/** All of a kind at once: in which order does not matter. What depends on them and is not ours forbids it. */
async function drop(connection: PostgresConnection, kind: string, names: readonly string[]): Promise<void> {
  if (names.length > 0) await connection.run(`DROP ${kind} ${names.join(', ')}`)
}

/** Those that did not go with their tables. */
async function sequencesOf(connection: PostgresConnection, schema: string): Promise<readonly string[]> {
  const rows = await connection.all<{ name: string }>(
    'SELECT sequencename::text AS name FROM pg_sequences WHERE schemaname = $1::text AND sequencename = ANY($2::text[])',
    schema,
    ownNames('SEQUENCE'),
  )
  return rows.map(({ name }) => `${quoted(schema)}.${quoted(name)}`)
}

/** Unless it is another's, or holds what is not ours. */
async function dropSchema(connection: PostgresConnection, schema: string): Promise<boolean> {
  if (schema === 'public') return false
  await connection.run('SAVEPOINT emptied')
  try {
    await connection.run(`DROP SCHEMA ${quoted(schema)}`)
    return true
  } catch (error) {
    if (!isRefusal(error)) throw error
    await connection.run('ROLLBACK TO SAVEPOINT emptied')
    return false
  }
}

async function rowsOf(connection: PostgresConnection, name: string): Promise<number> {
  return (await connection.get<{ rows: number }>(`SELECT count(*) AS rows FROM ${quoted(name)}`))?.rows ?? 0
}
