import { postgres } from '../dialect.ts'
import { migrationsBeyond, refuseMissing, statesAmong } from '../migrations/migrate.ts'
import type { Feature, MigrationState } from '../migrations/migration.ts'
import { migrationsTable } from '../migrations/migrations.ts'
import type { PostgresConnection } from './pool.ts'

/** Of all processes that start at once, one migrates a schema, and the others wait for it. */
const LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('throughline ' || $1::text, 0))::text"

/** Applies what the features miss, in one transaction under an advisory lock; answers the names. */
export function applyMigrations(
  connection: PostgresConnection,
  schema: string,
  features: readonly Feature[],
  now: number,
): Promise<readonly string[]> {
  return connection.transaction(async () => {
    await connection.run('SET LOCAL statement_timeout = 0')
    await lockSchema(connection, schema)
    // Only where it is missing: an owner of the schema need not be allowed to make others.
    if (!(await hasSchema(connection, schema))) await connection.run(`CREATE SCHEMA IF NOT EXISTS ${quoted(schema)}`)
    await connection.run(migrationsTable(postgres))
    const missing = migrationsBeyond(await appliedMigrations(connection), postgres, features)
    for (const { name, feature, phase, statements } of missing) {
      for (const statement of statements) await connection.run(statement)
      await connection.all(
        'INSERT INTO throughline_migrations (name, feature, phase, applied_at) VALUES ($1, $2, $3, $4)',
        name,
        feature,
        phase,
        now,
      )
    }
    return missing.map(({ name }) => name)
  })
}

/**
 * Refuses a schema that lacks a migration of these features. One that has more (a newer release's) is fine.
 *
 * @throws ThroughlineError `STORAGE_SCHEMA_OUTDATED`, with the missing names
 */
export async function checkMigrations(connection: PostgresConnection, features: readonly Feature[]): Promise<void> {
  refuseMissing(migrationsBeyond(await appliedMigrations(connection), postgres, features))
}

/** Every migration of this release, and when it was applied to the schema. */
export async function migrationStates(connection: PostgresConnection): Promise<readonly MigrationState[]> {
  return statesAmong(await appliedMigrations(connection), postgres)
}

/** Keeps every other process from changing the schema until the transaction ends. */
export async function lockSchema(connection: PostgresConnection, schema: string): Promise<void> {
  await connection.all(LOCK, schema)
}

/** A name as it stands in SQL. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

async function hasSchema(connection: PostgresConnection, schema: string): Promise<boolean> {
  return (await connection.get('SELECT 1 AS one FROM pg_namespace WHERE nspname = $1::text', schema)) !== undefined
}

async function appliedMigrations(connection: PostgresConnection): Promise<ReadonlyMap<string, number>> {
  const table = await connection.get<{ found: boolean }>(
    "SELECT to_regclass('throughline_migrations') IS NOT NULL AS found",
  )
  if (!table?.found) return new Map()
  const rows = await connection.all<{ name: string; appliedAt: number }>(
    'SELECT name, applied_at AS "appliedAt" FROM throughline_migrations',
  )
  return new Map(rows.map(({ name, appliedAt }) => [name, appliedAt]))
}
