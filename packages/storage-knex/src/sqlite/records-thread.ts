import type { RecordsOpen } from '@throughline/core/storage'
import type Driver from 'better-sqlite3'
import { sqlite } from '../dialect.ts'
import { applyMigrations, checkMigrations } from '../migrations/migrate.ts'
import { applyChange } from './apply-change.ts'
import { type Connection, openConnection } from './connection.ts'
import { failureOf, isBroken, unavailable, undoesAll } from './failure.ts'
import { claimJournal } from './journal-key.ts'
import { JournalTable } from './journal-table.ts'
import { OpenedFile } from './opened-file.ts'
import type { Answer, Operation, Request, Result, ThreadOptions } from './protocol.ts'
import { sharedClock } from './protocol.ts'
import { RecordsReader } from './records-reader.ts'
import { secretBeside } from './secret-file.ts'
import { SliceProjector } from './slice-projector.ts'
import { copyLog, leaveLog, uncopiedFrames } from './write-ahead-log.ts'

/** What works on one open connection; dropped as a whole when the connection breaks. */
interface Session {
  readonly connection: Connection
  /** The log is copied when others say so. */
  readonly leavesLog: boolean
  readonly key: string
  readonly journal: JournalTable
  readonly projector: SliceProjector
  readonly reader: RecordsReader
}

const SUCCESS: Result = { value: undefined }

/** What a thread does with a message: opens its connection when it is first needed, and again after it broke. */
export class RecordsThread {
  readonly #driver: typeof Driver
  readonly #options: ThreadOptions
  readonly #trace: ((sql: string) => void) | undefined
  #session: Session | undefined
  /** The file that it works on for as long as it runs: it neither goes on with another one nor makes one in its place. */
  #file: OpenedFile | undefined

  constructor(driver: typeof Driver, options: ThreadOptions, trace: ((sql: string) => void) | undefined) {
    this.#driver = driver
    this.#options = options
    // That the log is looked at and copied is no statement on tables.
    this.#trace = trace && ((sql) => void (sql.startsWith('PRAGMA wal_') || trace(sql)))
  }

  answer({ id, now, deadline, operations }: Request): Answer {
    if (sharedClock() > deadline) {
      const failure = failureOf(unavailable('The records database did not come round to this in time.'))
      return { id, results: operations.map(() => ({ failure })) }
    }
    const results: Result[] = []
    for (let i = 0; i < operations.length; ) {
      let end = i
      while (end < operations.length && isWrite(operations[end] as Operation)) end += 1
      if (end > i) results.push(...this.#writeAll(operations.slice(i, end), now))
      else results.push(this.#attempt(operations[end++] as Operation, now))
      i = end
    }
    return {
      id,
      ...(results.some((result) => result !== SUCCESS) && { results }),
      ...(this.#session?.leavesLog && { uncopied: this.#uncopied(this.#session.connection) }),
    }
  }

  close(): void {
    this.#session?.connection.close()
    this.#session = undefined
  }

  /** Appends and changes that came together share one transaction; a change that is refused undoes only itself. */
  #writeAll(operations: readonly Operation[], now: number): readonly Result[] {
    try {
      const { connection, journal } = this.#open()
      connection.run('BEGIN IMMEDIATE')
      journal.begin()
      const results = operations.map((operation) => this.#write(operation, now))
      connection.run('COMMIT')
      // Only now it is known that this went to a file that the next process finds.
      this.#file?.look()
      return results
    } catch (error) {
      const failure = this.#failed(error)
      return operations.map(() => ({ failure }))
    }
  }

  #write(operation: Operation, now: number): Result {
    const { connection, journal } = this.#open()
    if (operation[0] === 'append') {
      const [, writer, seq, lane, body] = operation
      journal.append(writer, seq, lane, body, now)
      return SUCCESS
    }
    if (operation[0] !== 'commit') throw new TypeError(`${operation[0]} is no write`)
    connection.run('SAVEPOINT change')
    try {
      const result = applyChange(connection, journal, operation[1], now)
      if (result.status !== 'committed') connection.run('ROLLBACK TO change')
      connection.run('RELEASE change')
      return { value: result }
    } catch (error) {
      if (undoesAll(error) || !connection.database.inTransaction) throw error
      connection.run('ROLLBACK TO change')
      connection.run('RELEASE change')
      return { failure: failureOf(error) }
    }
  }

  #attempt(operation: Operation, now: number): Result {
    try {
      return { value: this.#perform(operation, now) }
    } catch (error) {
      return { failure: this.#failed(error) }
    }
  }

  #perform(operation: Operation, now: number): unknown {
    if (operation[0] === 'ready') return undefined
    if (operation[0] === 'close') return this.close()
    const { connection, key, projector, reader } = this.#open()
    switch (operation[0]) {
      case 'project':
        return projector.project(operation[1], now)
      case 'migrate':
        migrate(connection, operation[1], operation[2], now)
        return claim(connection, key, now)
      case 'checkpoint':
        return copyLog(connection, operation[1])
      case 'backlog':
        return reader.backlog(now)
      case 'read':
        return reader.read(operation[1])
      case 'list':
        return reader.list(operation[1])
      case 'versions':
        return reader.versions(operation[1])
      case 'timeline':
        return reader.timeline(operation[1])
      case 'usage':
        return reader.usage(operation[1])
      default:
        throw new TypeError(`${operation[0]} is a write`)
    }
  }

  #open(): Session {
    if (this.#session) {
      this.#file?.check()
      return this.#session
    }
    this.#file?.look()
    const { role, filename, durability, secret, busyTimeoutMs } = this.#options
    const isWriter = role === 'writer'
    const connection = openConnection(this.#driver, {
      filename,
      readonly: role === 'reader',
      mustExist: !isWriter,
      durability,
      busyTimeoutMs,
      trace: this.#trace,
    })
    try {
      this.#file ??= OpenedFile.of(filename)
      const key = isWriter ? (secret ?? secretBeside(filename)) : ''
      this.#session = {
        connection,
        leavesLog: isWriter && leaveLog(connection),
        key,
        journal: new JournalTable(connection, key),
        projector: new SliceProjector(connection, key),
        reader: new RecordsReader(connection),
      }
      return this.#session
    } catch (error) {
      connection.close()
      throw error
    }
  }

  #uncopied(connection: Connection): number {
    try {
      return uncopiedFrames(connection)
    } catch {
      // The next write says what is wrong.
      return 0
    }
  }

  /** After a failure nothing that was remembered of the transaction holds, and a connection is let go that broke or lost its file. */
  #failed(error: unknown): ReturnType<typeof failureOf> {
    const session = this.#session
    if (session) {
      try {
        session.connection.rollback()
        session.journal.forget()
        if (isBroken(error) || this.#file?.gone) this.close()
      } catch {
        this.#session = undefined
      }
    }
    return failureOf(error)
  }
}

function isWrite(operation: Operation): boolean {
  return operation[0] === 'append' || operation[0] === 'commit'
}

function claim(connection: Connection, key: string, now: number): void {
  connection.run('BEGIN IMMEDIATE')
  claimJournal(connection, key, now)
  connection.run('COMMIT')
}

function migrate(
  { database }: Connection,
  mode: RecordsOpen['migrate'],
  features: Parameters<typeof applyMigrations>[2],
  now: number,
): void {
  if (mode === 'check') checkMigrations(database, sqlite, features)
  else applyMigrations(database, sqlite, features, now)
}
