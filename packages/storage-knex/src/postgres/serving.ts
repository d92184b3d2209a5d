import { ThroughlineError } from '@throughline/core/storage'
import type { PostgresConnection } from './pool.ts'

/**
 * The advisory lock that says that records are in use: shared by every connection of a process that serves or projects,
 * and gone with the last of them however they end.
 */
export function servingKey(schema: string): string {
  // Another seed than the lock of those who migrate: both may be held at once.
  return `hashtextextended('throughline ${schema.replaceAll("'", "''")}', 1)`
}

/**
 * Keeps every process from using the records until the transaction ends.
 *
 * @throws ThroughlineError `CONFLICT` while one does
 */
export async function refuseServing(connection: PostgresConnection, schema: string): Promise<void> {
  const lock = await connection.get<{ free: boolean }>(
    `SELECT pg_try_advisory_xact_lock(${servingKey(schema)}) AS free`,
  )
  if (lock?.free) return
  throw new ThroughlineError('CONFLICT', { message: `A process is using the records in the schema "${schema}".` })
}
