import { accessSync, constants, existsSync, statSync } from 'node:fs'
import type { Backlog } from '@throughline/core/storage'
import { ThroughlineError } from '@throughline/core/storage'
import type Driver from 'better-sqlite3'
import type { Database } from 'better-sqlite3'
import { sqlite } from '../dialect.ts'
import { applyMigrations, checkMigrations, hasTable, migrationStates } from '../migrations/migrate.ts'
import { type Feature, type MigrationState, missingNames, presentFeatures } from '../migrations/migration.ts'
import { Connection, openConnection } from './connection.ts'
import { loadDriver } from './driver.ts'
import { dropRecords, recordsTables } from './drop-records.ts'
import type { ExportedRow } from './exported-row.ts'
import { exportedRows } from './exported-rows.ts'
import { RecordsReader } from './records-reader.ts'
import type { RecordsTable } from './records-table.ts'
import { timelineEvents } from './timeline-events.ts'
import type { TimelineEventsQuery, ViewedEvent } from './viewed-event.ts'

const BUSY_MS = 5_000

/** The operator's side of a records file, for command lines and deploy scripts. */
export interface SqliteAdmin {
  /**
   * Applies what is missing; answers the names that were applied.
   *
   * @param features what the app uses; absent: what the file has already, or everything in a new file
   */
  migrate(features?: readonly Feature[]): readonly string[]
  status(): SqliteStatus
  /**
   * A tenant's newest events, those not yet projected included; `$platform` is the operator's own trail.
   *
   * @throws ThroughlineError `STORAGE_SCHEMA_OUTDATED` where there is no trail yet
   */
  timeline(query: TimelineEventsQuery): Promise<readonly ViewedEvent[]>
  /**
   * Everything on record of one tenant or of all, one by one; nothing else may be asked until it is left.
   *
   * @throws ThroughlineError `STORAGE_SCHEMA_OUTDATED` where there is no trail yet
   */
  export(tenant?: string): Iterable<ExportedRow>
  /** What in the file is ours. */
  tables(): readonly RecordsTable[]
  /**
   * Drops all of it; answers whether nothing is left in the file.
   *
   * @throws SqliteError `SQLITE_BUSY` while anybody else has the file open
   */
  drop(): boolean
  close(): void
}

/** Who projects a lane of the journal, and until when it is theirs. */
export interface LaneLease {
  readonly lane: number
  readonly holder: string
  readonly token: number
  /** ms since the epoch. */
  readonly expiresAt: number
}

export interface SqliteStatus {
  readonly migrations: readonly MigrationState[]
  /** Migrations of the features that the file has (of all, in a new file) that were not applied. */
  readonly missing: readonly string[]
  /** Absent while the journal's table is missing. */
  readonly backlog?: Backlog
  readonly leases: readonly LaneLease[]
  /** Size of the file. */
  readonly bytes: number
  /** Size of the write-ahead log beside it. */
  readonly walBytes: number
}

export interface SqliteAdminOptions {
  readonly filename: string
  /** Reads only: nothing is created or changed, and the file must be there. */
  readonly readonly?: boolean
  /** ms since the epoch. */
  now(): number
}

/**
 * Opens a records file to migrate or inspect it.
 *
 * @throws ThroughlineError `OPTIONS_INVALID` without better-sqlite3, and for a file that is another application's
 */
export async function openSqliteAdmin(options: SqliteAdminOptions): Promise<SqliteAdmin> {
  const { filename, now, readonly = false } = options
  const driver = await loadDriver()
  const connection = readonly ? openToRead(driver, filename) : openToMigrate(driver, filename)
  const { database } = connection
  return {
    migrate(features) {
      return applyMigrations(database, sqlite, features ?? presentFeatures(migrationStates(database, sqlite)), now())
    },
    status() {
      const migrations = migrationStates(database, sqlite)
      const hasJournal = hasTable(database, 'throughline_journal')
      return {
        migrations,
        missing: missingNames(migrations),
        ...(hasJournal && { backlog: new RecordsReader(connection).backlog(now()) }),
        leases: hasJournal ? leasesOf(connection) : [],
        bytes: sizeOf(filename),
        walBytes: sizeOf(`${filename}-wal`),
      }
    },
    async timeline(query) {
      checkMigrations(database, sqlite, ['records'])
      return timelineEvents(connection, query)
    },
    export(tenant) {
      checkMigrations(database, sqlite, ['records'])
      return exportedRows(connection, new Set(recordsTables(database).map(nameOf)), tenant)
    },
    tables() {
      return recordsTables(database)
    },
    drop() {
      return dropRecords(database)
    },
    close() {
      connection.close()
    },
  }
}

function openToMigrate(driver: typeof Driver, filename: string): Connection {
  // Before anything is written: our journal mode would already change a file that is not ours.
  if (existsSync(filename)) openToRead(driver, filename).close()
  return openConnection(driver, { filename, readonly: false, durability: 'disk', busyTimeoutMs: BUSY_MS })
}

/**
 * A connection that can not write. SQLite leaves a log and an index behind when the last one to close a file was opened
 * read-only, owned by whoever looked; so where there is no log yet, it is opened as a writer that is forbidden to write.
 */
function openToRead(driver: typeof Driver, filename: string): Connection {
  const readonly = existsSync(`${filename}-wal`) || !isWritable(filename)
  const database = new driver(filename, { readonly, fileMustExist: true, timeout: BUSY_MS })
  try {
    database.pragma('query_only = ON')
    refuseForeignFile(database, filename)
    return new Connection(database)
  } catch (error) {
    database.close()
    throw error
  }
}

function refuseForeignFile(database: Database, filename: string): void {
  const names = database.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all()
  if (names.length === 0 || names.some((name) => name.startsWith('throughline_'))) return
  throw new ThroughlineError('OPTIONS_INVALID', {
    message: `"${filename}" is the database of another application, without records of Throughline: they are kept in a file of their own, by default "<the app's file>.throughline.db".`,
  })
}

function isWritable(filename: string): boolean {
  try {
    accessSync(filename, constants.W_OK)
    return true
  } catch {
    return false
  }
}

function leasesOf(connection: Connection): readonly LaneLease[] {
  return connection.all<LaneLease>(
    'SELECT lane, holder, token, expires_at AS expiresAt FROM throughline_leases ORDER BY lane',
  )
}

function sizeOf(filename: string): number {
  return statSync(filename, { throwIfNoEntry: false })?.size ?? 0
}

function nameOf({ name }: { readonly name: string }): string {
  return name
}
