import { ThroughlineError } from '@throughline/core/storage'
import { grantRoutines } from '../../postgres/grants.ts'
import { applyMigrations, quoted } from '../../postgres/migrate.ts'
import type { PostgresConnection } from '../../postgres/pool.ts'

/** The tables of limits among the migrations of a schema. */
export const LIMITS_MIGRATION = '005-limits'

/** Whether decisions can be had of a schema, as this role sees it. */
export async function hasLimits(connection: PostgresConnection): Promise<boolean> {
  const found = await connection.get<{ found: boolean }>(
    "SELECT to_regproc('throughline_limit_decide') IS NOT NULL AS found",
  )
  return found?.found === true
}

/** Makes the tables of limits where they are missing, with the schema if need be. */
export async function applyLimits(connection: PostgresConnection, schema: string): Promise<void> {
  const row = await connection.get<{ now: number }>(
    'SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now',
  )
  await applyMigrations(connection, schema, ['limits'], row?.now ?? 0)
}

/** Gives the role that decides what it needs. */
export async function grantLimits(connection: PostgresConnection, schema: string, role: string): Promise<void> {
  const to = quoted(role)
  await connection.run(`GRANT USAGE ON SCHEMA ${quoted(schema)} TO ${to}`)
  await grantRoutines(connection, schema, role)
  await connection.run(`GRANT SELECT, INSERT, UPDATE, DELETE ON throughline_limits, throughline_limit_leases TO ${to}`)
}

/** There are no tables, and none were to be made or could be. */
export function limitsMissing(schema: string, cause?: unknown): ThroughlineError {
  return new ThroughlineError('STORAGE_SCHEMA_OUTDATED', {
    message: `The schema "${schema}" lacks this migration: ${LIMITS_MIGRATION}.`,
    details: { missing: [LIMITS_MIGRATION] },
    ...(cause !== undefined && { cause }),
  })
}
