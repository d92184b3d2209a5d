import type { Connection } from './connection.ts'

/** What was found when the log was copied. */
export interface LogCopy {
  /** Pages in the write-ahead log. */
  readonly frames: number
  /** How many of them are in the file by now. */
  readonly copied: number
}

interface Row {
  readonly log: number
  readonly checkpointed: number
}

/**
 * Has a connection leave its log alone, for whoever calls `uncopiedFrames` and sees to it; whether it does. SQLite before 3.51
 * can not say how long the log is without copying it: there it copies by itself, every 10,000 pages.
 */
export function leaveLog(connection: Connection): boolean {
  const version = connection.get<{ text: string }>('SELECT sqlite_version() AS text')?.text ?? ''
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < 3 || (major === 3 && minor < 51)) return false
  connection.database.pragma('wal_autocheckpoint = 0')
  return true
}

/** Pages of the log that are not in the file; 4 µs. */
export function uncopiedFrames(connection: Connection): number {
  const row = connection.get<Row>('PRAGMA wal_checkpoint(NOOP)')
  return row ? row.log - row.checkpointed : 0
}

/**
 * Copies what nobody's reading holds back; `undefined` where another connection is at it.
 *
 * @param waits for who writes and reads, as long as the connection waits for a lock, so that the log begins anew
 */
export function copyLog(connection: Connection, waits: boolean): LogCopy | undefined {
  const copy = copied(connection.get<Row>('PRAGMA wal_checkpoint(PASSIVE)'))
  // Who waits for this in turn waits hardly for any copying.
  return copy && waits ? copied(connection.get<Row>('PRAGMA wal_checkpoint(RESTART)')) : copy
}

function copied(row: Row | undefined): LogCopy | undefined {
  return row && row.log >= 0 ? { frames: row.log, copied: row.checkpointed } : undefined
}
