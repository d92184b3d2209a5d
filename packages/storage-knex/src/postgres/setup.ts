import type { RecordsOpen } from '@throughline/core/storage'
import { quoted } from './migrate.ts'

/**
 * What a new connection is told.
 *
 * Plans are kept with the connection: one that was made while the journal was empty must not read all of it once it is
 * long, so indexes are taken wherever there are any.
 */
export function setupOf(schema: string, answerWithinMs: number, durability: RecordsOpen['durability']): string {
  const synced = `SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`
  return [
    `SET search_path TO ${quoted(schema)}, pg_temp`,
    `SET statement_timeout = ${answerWithinMs}`,
    `SET idle_in_transaction_session_timeout = ${answerWithinMs * 2}`,
    'SET enable_seqscan = off',
    ...(durability === 'disk' ? [synced] : []),
  ].join('; ')
}
