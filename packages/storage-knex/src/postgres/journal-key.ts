import { randomBytes } from 'node:crypto'
import { sealBatch, ThroughlineError } from '@throughline/core/storage'
import { unavailable } from './failure.ts'
import type { PostgresConnection } from './pool.ts'

/** No writer has this name: the row holds what tells one key from another, and not the key. */
const KEY = '$key'

/** What tells the journal's key from another one. */
export function printOf(secret: string): string {
  return sealBatch(secret, { writer: KEY, seq: 0, prev: '', body: '' })
}

/** Another process changed the key: nothing is appended or projected with this one any more. */
export function otherKey(): ThroughlineError {
  return unavailable('Another process has started with another `journal.secret`.')
}

/**
 * The key of an app that names none, the same for all of its processes. Whoever can read the whole database can read it
 * too: name `journal.secret` to be safe from them.
 */
export async function storedSecret(connection: PostgresConnection): Promise<string> {
  await connection.all(
    'INSERT INTO throughline_secret (secret) VALUES ($1) ON CONFLICT DO NOTHING',
    randomBytes(32).toString('base64url'),
  )
  const row = await connection.get<{ secret: string }>('SELECT secret FROM throughline_secret')
  return row?.secret ?? ''
}

/**
 * Makes a key the journal's. Rows that were sealed with another one would be taken for forged, and be lost: a key can
 * only be changed while none wait.
 *
 * @throws ThroughlineError `OPTIONS_INVALID`
 */
export function claimJournal(connection: PostgresConnection, secret: string, now: number): Promise<void> {
  return connection.transaction(async () => {
    const stored = await storedPrint(connection)
    if (stored === printOf(secret)) return
    if (stored !== undefined) {
      // Nothing may be appended with the old key between this look and the new one.
      await connection.run('LOCK TABLE throughline_journal IN SHARE ROW EXCLUSIVE MODE')
      if ((await connection.get('SELECT 1 AS one FROM throughline_journal LIMIT 1')) !== undefined) {
        throw new ThroughlineError('OPTIONS_INVALID', {
          message:
            'The journal holds records that were sealed with another `journal.secret`. Start with that one until they are projected, then change it.',
        })
      }
    }
    await connection.all(
      `INSERT INTO throughline_writers (writer, seq, mac, updated_at) VALUES ($1, 0, $2, $3)
ON CONFLICT (writer) DO UPDATE SET mac = excluded.mac, updated_at = excluded.updated_at`,
      KEY,
      printOf(secret),
      now,
    )
  })
}

async function storedPrint(connection: PostgresConnection): Promise<string | undefined> {
  const row = await connection.get<{ mac: string }>('SELECT mac FROM throughline_writers WHERE writer = $1', KEY)
  return row?.mac
}
