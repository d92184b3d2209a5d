import { sealBatch, ThroughlineError } from '@throughline/core/storage'
import type { Connection } from './connection.ts'
import { unavailable } from './failure.ts'

/** No writer has this name: the row holds what tells one key from another, and not the key. */
const KEY = '$key'

/**
 * Makes a key the journal's. Rows that were sealed with another one would be taken for forged, and be lost: a key can
 * only be changed while none wait. Runs inside a transaction of the caller.
 *
 * @throws ThroughlineError `OPTIONS_INVALID`
 */
export function claimJournal(connection: Connection, secret: string, now: number): void {
  const stored = storedPrint(connection)
  if (stored === printOf(secret)) return
  if (stored !== undefined && connection.get('SELECT 1 FROM throughline_journal LIMIT 1') !== undefined) {
    throw new ThroughlineError('OPTIONS_INVALID', {
      message:
        'The journal holds records that were sealed with another `journal.secret`. Start with that one until they are projected, then change it.',
    })
  }
  connection.run(
    `INSERT INTO throughline_writers (writer, seq, mac, updated_at) VALUES (?, 0, ?, ?)
ON CONFLICT (writer) DO UPDATE SET mac = excluded.mac, updated_at = excluded.updated_at`,
    KEY,
    printOf(secret),
    now,
  )
}

/**
 * Refuses to append and to project once another process changed the key.
 *
 * @throws ThroughlineError `RECORDS_UNAVAILABLE`
 */
export function checkKey(connection: Connection, secret: string): void {
  const stored = storedPrint(connection)
  if (stored === undefined || stored === printOf(secret)) return
  throw unavailable('Another process has started with another `journal.secret`.')
}

function printOf(secret: string): string {
  return sealBatch(secret, { writer: KEY, seq: 0, prev: '', body: '' })
}

function storedPrint(connection: Connection): string | undefined {
  return connection.get<{ mac: string }>('SELECT mac FROM throughline_writers WHERE writer = ?', KEY)?.mac
}
