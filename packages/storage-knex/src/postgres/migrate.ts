import { setTimeout } from 'node:timers/promises'
import { postgres } from '../dialect.ts'
import { migrationsBeyond, refuseMissing, statesAmong } from '../migrations/migrate.ts'
import type { Feature, Migration, MigrationState } from '../migrations/migration.ts'
import { migrationsTable } from '../migrations/migrations.ts'
import { codeOf, isRepeatable, unavailable } from './failure.ts'
import type { PostgresConnection } from './pool.ts'

/** Of all processes that start at once, one migrates a schema, and the others wait for it. */
const LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('throughline ' || $1::text, 0))::text"
/**
 * ms that a step waits for a table which others use: whoever comes after it waits behind it. Less than the server lets
 * pass before it looks for those who wait for each other, so that it is never a request that has to give way.
 */
const TABLE_WAIT_MS = 200
/** ms between two attempts of a step, and how many there are: five minutes of them. */
const PAUSE_MS = 300
const ATTEMPTS = 600
const LOCK_NOT_AVAILABLE = '55P03'

/**
 * Applies what the features miss, under an advisory lock; answers the names. A new schema is made in one transaction. In
 * one that is in use each migration has its own, so that none holds a table while it waits for another; one that finds
 * its table in use gives way and tries again.
 */
export async function applyMigrations(
  connection: PostgresConnection,
  schema: string,
  features: readonly Feature[],
  now: number,
): Promise<readonly string[]> {
  // What is all there can be used by a role that may change nothing, and without a turn.
  const before = await appliedMigrations(connection)
  if (before.size > 0 && migrationsBeyond(before, postgres, features).length === 0) return []
  const { missing, isNew } = await inStep(connection, schema, async () => {
    // Only where it is missing: an owner of the schema need not be allowed to make others.
    if (!(await hasSchema(connection, schema))) await connection.run(`CREATE SCHEMA IF NOT EXISTS ${quoted(schema)}`)
    await connection.run(migrationsTable(postgres))
    const applied = await appliedMigrations(connection)
    const beyond = migrationsBeyond(applied, postgres, features)
    if (applied.size > 0) return { missing: beyond, isNew: false }
    for (const migration of beyond) await apply(connection, migration, now)
    return { missing: beyond, isNew: true }
  })
  if (!isNew) for (const migration of missing) await applyPatiently(connection, schema, migration, now)
  return missing.map(({ name }) => name)
}

async function applyPatiently(
  connection: PostgresConnection,
  schema: string,
  migration: Migration,
  now: number,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await inStep(connection, schema, async () => {
        // Another process may have been faster.
        if ((await appliedMigrations(connection)).has(migration.name)) return
        await connection.run(`SET LOCAL lock_timeout = ${TABLE_WAIT_MS}`)
        await apply(connection, migration, now)
      })
      return
    } catch (error) {
      if (codeOf(error) !== LOCK_NOT_AVAILABLE && !isRepeatable(error)) throw error
      if (attempt === ATTEMPTS) {
        throw unavailable(
          `The migration ${migration.name} found its tables in use all the time. End the transactions that are open on them (pg_stat_activity shows them), and migrate again.`,
        )
      }
      await setTimeout(PAUSE_MS)
    }
  }
}

async function apply(connection: PostgresConnection, migration: Migration, now: number): Promise<void> {
  const { name, feature, phase, statements } = migration
  for (const statement of statements) await connection.run(statement)
  await connection.all(
    'INSERT INTO throughline_migrations (name, feature, phase, applied_at) VALUES ($1, $2, $3, $4)',
    name,
    feature,
    phase,
    now,
  )
}

/** A transaction that may take its time, and in which no other process changes the schema. */
function inStep<T>(connection: PostgresConnection, schema: string, work: () => Promise<T>): Promise<T> {
  return connection.transaction(async () => {
    await connection.run('SET LOCAL statement_timeout = 0')
    await lockSchema(connection, schema)
    return work()
  })
}

/**
 * Refuses a schema that lacks a migration of these features. One that has more (a newer release's) is fine.
 *
 * @throws ThroughlineError `STORAGE_SCHEMA_OUTDATED`, with the missing names
 */
export async function checkMigrations(
  connection: PostgresConnection,
  features: readonly Feature[],
  why: Parameters<typeof refuseMissing>[1] = {},
): Promise<void> {
  refuseMissing(migrationsBeyond(await appliedMigrations(connection), postgres, features), why)
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
