import type Driver from 'better-sqlite3'
import type { Database, Statement } from 'better-sqlite3'

export interface ConnectionOptions {
  readonly filename: string
  readonly readonly: boolean
  /** Makes no file where there is none; so does whoever only reads. */
  readonly mustExist?: boolean
  /** `disk`: every commit is synced. */
  readonly durability: 'process' | 'disk'
  readonly busyTimeoutMs: number
  readonly trace?: ((sql: string) => void) | undefined
}

/** Opens a connection as all of ours are: WAL, a large cache, checkpoints far apart, a short wait for locks. */
export function openConnection(driver: typeof Driver, options: ConnectionOptions): Connection {
  const { filename, readonly, mustExist = readonly, durability, busyTimeoutMs, trace } = options
  const database = new driver(filename, {
    readonly,
    fileMustExist: mustExist,
    timeout: busyTimeoutMs,
    ...(trace && { verbose: (sql: unknown) => trace(String(sql)) }),
  })
  try {
    if (!readonly) {
      database.pragma('journal_mode = WAL')
      database.pragma(`synchronous = ${durability === 'disk' ? 'FULL' : 'NORMAL'}`)
      database.pragma('wal_autocheckpoint = 10000')
    }
    database.pragma('cache_size = -65536')
    return new Connection(database)
  } catch (error) {
    database.close()
    throw error
  }
}

/** A connection with its prepared statements, one for each text: the texts are few and fixed. */
export class Connection {
  readonly database: Database
  readonly #statements = new Map<string, Statement<unknown[], unknown>>()

  constructor(database: Database) {
    this.database = database
  }

  run(sql: string, ...values: unknown[]): number {
    return this.#prepare(sql).run(...values).changes
  }

  /** The first row, or `undefined`. */
  get<Row>(sql: string, ...values: unknown[]): Row | undefined {
    return this.#prepare(sql).get(...values) as Row | undefined
  }

  all<Row>(sql: string, ...values: unknown[]): Row[] {
    return this.#prepare(sql).all(...values) as Row[]
  }

  /** Rows one by one; no other statement may run until it is left. */
  each<Row>(sql: string, ...values: unknown[]): IterableIterator<Row> {
    return this.#prepare(sql).iterate(...values) as IterableIterator<Row>
  }

  /** Undoes an open transaction, if SQLite has not done so itself. */
  rollback(): void {
    if (this.database.inTransaction) this.run('ROLLBACK')
  }

  close(): void {
    this.#statements.clear()
    this.database.close()
  }

  #prepare(sql: string): Statement<unknown[], unknown> {
    let statement = this.#statements.get(sql)
    if (!statement) {
      statement = this.database.prepare<unknown[], unknown>(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }
}
