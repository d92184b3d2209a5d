import type { Backlog } from '@throughline/core/storage'
import { sqlite } from '../dialect.ts'
import type { MigrationState } from '../migrations/migrate.ts'
import { applyMigrations, migrationStates } from '../migrations/migrate.ts'
import type { Feature } from '../migrations/migration.ts'
import { loadDriver, openConnection } from './connection.ts'
import { RecordsReader } from './records-reader.ts'

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
  close(): void
}

export interface SqliteStatus {
  readonly migrations: readonly MigrationState[]
  /** Absent while the journal's table is missing. */
  readonly backlog?: Backlog
}

/**
 * Opens a records file to migrate or inspect it.
 *
 * @param options.now ms since the epoch
 * @throws ThroughlineError `OPTIONS_INVALID` without better-sqlite3
 */
export async function openSqliteAdmin(options: { readonly filename: string; now(): number }): Promise<SqliteAdmin> {
  const { filename, now } = options
  const driver = await loadDriver()
  const connection = openConnection(driver, { filename, readonly: false, durability: 'disk', busyTimeoutMs: BUSY_MS })
  const { database } = connection
  return {
    migrate(features) {
      return applyMigrations(database, sqlite, features ?? presentFeatures(migrationStates(database, sqlite)), now())
    },
    status() {
      const migrations = migrationStates(database, sqlite)
      const hasJournal = migrations.some(({ name, appliedAt }) => name === '001-journal' && appliedAt !== undefined)
      return hasJournal ? { migrations, backlog: new RecordsReader(connection).backlog(now()) } : { migrations }
    },
    close() {
      connection.close()
    },
  }
}

function presentFeatures(states: readonly MigrationState[]): readonly Feature[] {
  const applied = states.filter((state) => state.appliedAt !== undefined)
  return [...new Set((applied.length > 0 ? applied : states).map((state) => state.feature))]
}
