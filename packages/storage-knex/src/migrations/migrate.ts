import { ThroughlineError } from '@throughline/core/storage'
import type { Database } from 'better-sqlite3'
import type { Dialect } from '../dialect.ts'
import type { Feature, Migration, MigrationState } from './migration.ts'
import { allMigrations, migrationsTable } from './migrations.ts'

/** Applies what the features miss, in one transaction under the database's write lock; answers the names. */
export function applyMigrations(
  database: Database,
  dialect: Dialect,
  features: readonly Feature[],
  now: number,
): readonly string[] {
  database.exec('BEGIN IMMEDIATE')
  try {
    database.exec(migrationsTable(dialect))
    const missing = missingMigrations(database, dialect, features)
    const note = database.prepare(
      'INSERT INTO throughline_migrations (name, feature, phase, applied_at) VALUES (?, ?, ?, ?)',
    )
    for (const { name, feature, phase, statements } of missing) {
      for (const statement of statements) database.exec(statement)
      note.run(name, feature, phase, now)
    }
    database.exec('COMMIT')
    return missing.map((migration) => migration.name)
  } catch (error) {
    if (database.inTransaction) database.exec('ROLLBACK')
    throw error
  }
}

/**
 * Refuses a database that lacks a migration of these features. One that has more (a newer release's) is fine.
 *
 * @throws ThroughlineError `STORAGE_SCHEMA_OUTDATED`, with the missing names
 */
export function checkMigrations(database: Database, dialect: Dialect, features: readonly Feature[]): void {
  refuseMissing(missingMigrations(database, dialect, features))
}

/** @throws ThroughlineError `STORAGE_SCHEMA_OUTDATED`, with the names, if there are any */
export function refuseMissing(
  migrations: readonly Migration[],
  why: { readonly remedy?: string; readonly cause?: unknown } = {},
): void {
  if (migrations.length === 0) return
  const missing = migrations.map(({ name }) => name)
  throw new ThroughlineError('STORAGE_SCHEMA_OUTDATED', {
    ...why,
    message: `The storage lacks these migrations: ${missing.join(', ')}.`,
    details: { missing },
  })
}

/** Migrations of these features that are not among those applied. */
export function migrationsBeyond(
  applied: { has(name: string): boolean },
  dialect: Dialect,
  features: readonly Feature[],
): readonly Migration[] {
  return allMigrations(dialect).filter(({ name, feature }) => features.includes(feature) && !applied.has(name))
}

/** Every migration of this release, and when it was applied to this database. */
export function migrationStates(database: Database, dialect: Dialect): readonly MigrationState[] {
  return statesAmong(appliedMigrations(database), dialect)
}

/** Every migration of this release, and when it was applied by this account. */
export function statesAmong(applied: ReadonlyMap<string, number>, dialect: Dialect): readonly MigrationState[] {
  return allMigrations(dialect).map(({ name, feature, phase }) => {
    const appliedAt = applied.get(name)
    return { name, feature, phase, ...(appliedAt !== undefined && { appliedAt }) }
  })
}

function missingMigrations(database: Database, dialect: Dialect, features: readonly Feature[]): readonly Migration[] {
  return migrationsBeyond(appliedMigrations(database), dialect, features)
}

function appliedMigrations(database: Database): ReadonlyMap<string, number> {
  if (!hasTable(database, 'throughline_migrations')) return new Map()
  const rows = database.prepare<[], { name: string; appliedAt: number }>(
    'SELECT name, applied_at AS appliedAt FROM throughline_migrations',
  )
  return new Map(rows.all().map(({ name, appliedAt }) => [name, appliedAt]))
}

/** Whether the database has this table. */
export function hasTable(database: Database, name: string): boolean {
  return database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?").get(name) !== undefined
}
