import type { Database } from 'better-sqlite3'
import type { RecordsTable } from './records-table.ts'

/** What of a file is ours: everything whose name begins with `throughline_`, views first. */
export function recordsTables(database: Database): readonly RecordsTable[] {
  const found = database
    .prepare<[], { type: 'table' | 'view'; name: string }>(
      "SELECT type, name FROM sqlite_schema WHERE type IN ('table', 'view') AND name GLOB 'throughline_*' ORDER BY type DESC, name",
    )
    .all()
  return found.map(({ type, name }) =>
    type === 'view' ? { type, name } : { type, name, rows: rowsOf(database, name) },
  )
}

/**
 * Drops everything of ours in one transaction.
 *
 * @returns whether nothing is left in the file
 * @throws SqliteError `SQLITE_BUSY` while anybody else has the file open: who writes to it now would lose it
 */
export function dropRecords(database: Database): boolean {
  // Leaving the write-ahead log needs the file for oneself alone, as nothing else does.
  database.pragma('journal_mode = DELETE')
  database.exec('BEGIN EXCLUSIVE')
  try {
    for (const { type, name } of recordsTables(database)) database.exec(`DROP ${type} ${quoted(name)}`)
    database.exec('COMMIT')
  } catch (error) {
    if (database.inTransaction) database.exec('ROLLBACK')
    throw error
  }
  return database.prepare("SELECT 1 FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' LIMIT 1").get() === undefined
}

function rowsOf(database: Database, name: string): number {
  return (
    database
      .prepare<[], number>(`SELECT count(*) FROM ${quoted(name)}`)
      .pluck()
      .get() ?? 0
  )
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
