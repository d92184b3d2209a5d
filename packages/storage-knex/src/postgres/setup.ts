import type { RecordsOpen } from '@throughline/core/storage'
import { quoted } from './migrate.ts'
import { servingKey } from './serving.ts'

/** What a new connection is for. */
export interface ConnectionSetup {
  /** Where our tables are. */
  readonly schema: string
  /** ms that a statement may take. */
  readonly statementMs: number
  readonly durability: RecordsOpen['durability']
  /** Nothing can be changed by it. */
  readonly isReadonly?: boolean
  /** It is a serving process's or a worker's: while it is open, the records are in use. */
  readonly isServing?: boolean
}

/** Of time limits that not every server knows there is none: a connection that has nothing to do is ours to end. */
export const STAYS =
  "SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN ('idle_session_timeout', 'transaction_timeout')"

/** Where names are looked up. */
export function searchPathOf(schema: string): string {
  return `${quoted(schema)}, pg_temp`
}

/**
 * What a new connection is told.
 *
 * Plans are kept with the connection: one that was made while the journal was empty must not read all of it once it is
 * long, so indexes are taken wherever there are any. Where there is none the price of such a plan is beyond all measure, and
 * the server would compile it at length before it reads a row: nothing of ours is worth that.
 */
export function setupOf({ schema, statementMs, durability, isReadonly, isServing }: ConnectionSetup): string {
  const synced = `SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`
  return [
    `SET search_path TO ${searchPathOf(schema)}`,
    `SET statement_timeout = ${statementMs}`,
    `SET idle_in_transaction_session_timeout = ${statementMs * 2}`,
    // Whoever has our rows gives them back in time.
    'SET lock_timeout = 0',
    STAYS,
    // Whoever has waited for a lock sees what was committed meanwhile.
    "SET default_transaction_isolation = 'read committed'",
    'SET enable_seqscan = off',
    'SET jit = off',
    ...(durability === 'disk' ? [synced] : []),
    ...(isReadonly ? ['SET default_transaction_read_only = on'] : []),
    ...(isServing ? [`SELECT pg_advisory_lock_shared(${servingKey(schema)})`] : []),
  ].join('; ')
}
