import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RecordsOpen } from '@throughline/core/storage'
import Database from 'better-sqlite3'
import type { SqliteRecordsOptions } from '../src/sqlite/sqlite-records.ts'
import { SqliteRecords } from '../src/sqlite/sqlite-records.ts'

/** Records in a directory that goes away with them. */
export interface ScratchStorage {
  readonly filename: string
  readonly records: SqliteRecords
  /** A connection of a stranger to the same file. */
  stranger(): Database.Database
  destroy(): Promise<void>
}

export async function scratchStorage(options: Partial<SqliteRecordsOptions> = {}): Promise<ScratchStorage> {
  const directory = await mkdtemp(join(tmpdir(), 'throughline-test-'))
  const filename = options.filename ?? join(directory, 'records.db')
  const strangers: Database.Database[] = []
  const records = sqliteRecords({ ...options, filename })
  return {
    filename,
    records,
    stranger() {
      const database = new Database(filename)
      strangers.push(database)
      return database
    },
    async destroy() {
      for (const database of strangers) database.close()
      await records.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

export function sqliteRecords(options: Partial<SqliteRecordsOptions> & { filename: string }): SqliteRecords {
  return new SqliteRecords({ answerWithinMs: 5_000, busyTimeoutMs: 50, maxWaitingBytes: 1 << 26, ...options })
}

export function openOptions(options: Partial<RecordsOpen> = {}): RecordsOpen {
  return {
    kinds: ['tenants', 'config', 'members'],
    usage: true,
    migrate: 'auto',
    durability: 'process',
    now: () => 1_762_000_000_000,
    ...options,
  }
}

/** A batch of one record. */
export function batchOf(tenant: string, seq: number, writer = 'w'): Parameters<SqliteRecords['append']>[0] {
  const record = {
    id: `${writer}-${seq}`,
    tenant,
    at: 1_762_000_000_000 + seq,
    actor: { type: 'user', id: 'ann' },
    events: [{ action: 'request.handled' }],
  }
  return { writer, seq, lane: 0, body: `[${JSON.stringify(record)}]` }
}
