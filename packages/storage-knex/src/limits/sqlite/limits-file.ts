import { rmSync } from 'node:fs'
import type Driver from 'better-sqlite3'
import { sqlite } from '../../dialect.ts'
import { type Connection, openConnection } from '../../sqlite/connection.ts'
import { isBroken } from '../../sqlite/failure.ts'
import { OpenedFile } from '../../sqlite/opened-file.ts'
import { sharedClock } from '../../sqlite/protocol.ts'
import { limitTables } from '../limit-tables.ts'
import type { LimitsThreadOptions } from './limits-protocol.ts'
import { LimitsSweeper } from './limits-sweeper.ts'
import { LimitsTable } from './limits-table.ts'
import { pause } from './pause.ts'
import { isBusy, isNoDatabase } from './sqlite-code.ts'

/** What works on one open connection; dropped as a whole when the connection breaks. */
export interface LimitsSession {
  readonly connection: Connection
  readonly table: LimitsTable
  readonly sweeper: LimitsSweeper
}

const LONGEST_PAUSE_MS = 20
/** Pages of the log: few, so that nobody waits long while they are put into their places. */
const CHECKPOINT_PAGES = 1_000

/** The file, opened when it is first needed, and again after it broke, was deleted, or turned out to be none. */
export class LimitsFile {
  readonly #driver: typeof Driver
  readonly #options: LimitsThreadOptions
  readonly #trace: ((sql: string) => void) | undefined
  #session: LimitsSession | undefined
  #file: OpenedFile | undefined

  constructor(driver: typeof Driver, options: LimitsThreadOptions, trace: ((sql: string) => void) | undefined) {
    this.#driver = driver
    this.#options = options
    this.#trace = trace
  }

  /** What is open, if anything is. */
  get session(): LimitsSession | undefined {
    return this.#session
  }

  open(): LimitsSession {
    // Whoever goes on with a file that was deleted decides beside all others: all take the one in its place.
    if (this.#session && holds(() => this.#file?.check())) return this.#session
    this.close()
    const file = OpenedFile.of(this.#options.filename)
    try {
      return this.#connect()
    } catch (error) {
      if (!this.#discard(file, error)) throw error
      return this.#connect()
    }
  }

  /** Of processes that start at once, one makes the file. */
  openPatiently(deadline: number): void {
    for (;;) {
      try {
        this.open()
        return
      } catch (error) {
        if (!isBusy(error) || sharedClock() >= deadline) throw error
        pause(LONGEST_PAUSE_MS)
      }
    }
  }

  /** Undoes what is under way, and lets a connection go that broke. */
  failed(error: unknown): void {
    try {
      this.#session?.connection.rollback()
      if (isBroken(error)) this.close()
    } catch {
      this.#session = undefined
    }
    this.#discard(this.#file, error)
  }

  close(): void {
    this.#session?.connection.close()
    this.#session = undefined
  }

  #connect(): LimitsSession {
    const { filename, busyTimeoutMs } = this.#options
    const connection = openConnection(this.#driver, {
      filename,
      readonly: false,
      durability: 'process',
      busyTimeoutMs,
      trace: this.#trace,
    })
    try {
      for (const sql of limitTables(sqlite, sqlite.clustered)) connection.database.exec(sql)
      // From here on whoever begins a transaction waits by himself.
      connection.database.pragma('busy_timeout = 0')
      // No decision waits for a disk. What a loss of power leaves broken is made anew.
      connection.database.pragma('synchronous = OFF')
      connection.database.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
      this.#file = OpenedFile.of(filename)
      this.#session = {
        connection,
        table: new LimitsTable(connection),
        sweeper: new LimitsSweeper(connection),
      }
      return this.#session
    } catch (error) {
      connection.close()
      throw error
    }
  }

  /** Removes a file that is no database, unless another process has done so; whether it is gone. */
  #discard(file: OpenedFile | undefined, error: unknown): boolean {
    if (!file || !isNoDatabase(error)) return false
    if (holds(() => file.look())) {
      for (const end of ['-wal', '-shm', '']) rmSync(`${this.#options.filename}${end}`, { force: true })
    }
    return true
  }
}

function holds(check: () => void): boolean {
  try {
    check()
    return true
  } catch {
    return false
  }
}
