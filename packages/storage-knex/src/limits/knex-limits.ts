import type { LimitsStore } from '@throughline/core/storage'
import type { Knex } from 'knex'
import { fileBeside, kindOfDatabase, noFile } from '../app-database.ts'
import { refuseOptions } from '../option-problems.ts'
import { checkOptions } from './limits-options.ts'
import { PostgresLimits } from './postgres/postgres-limits.ts'
import { SqliteLimits } from './sqlite/sqlite-limits.ts'

const NAME = 'knexLimits'

export type KnexLimitsOptions = Readonly<
  {
    /**
     * By which clock decisions go. `server`, unless said: the database server's, or on SQLite this machine's, read once
     * a decision has its turn. `caller`: that of the instance which asks, for tests on a virtual clock.
     */
    clock?: 'server' | 'caller'
    /** ms after which a call without an answer rejects; 1,000 unless said. */
    answerWithinMs?: number
    /** Every statement that is run, for tests that count them. */
    onStatement?: (sql: string) => void
    /** On SQLite: ms that a decision waits for another process's lock; 30 unless said. */
    busyTimeoutMs?: number
    /** On Postgres: the schema of our tables, `throughline` unless said. */
    schema?: string
    /** On Postgres: by which role tables are made; the app's unless said. */
    migrate?: Knex
  } & (
    | {
        /** The app's own knex: it says which database this is; but for PGlite it is never used for our statements. */
        app: Knex
        /** On SQLite: our file; `<the app's file>.throughline-limits.db` unless said. */
        filename?: string
      }
    | { app?: undefined; filename: string }
  )
>

/** Limits that all processes on one database share. */
export interface KnexLimits extends LimitsStore {
  /**
   * Gets ready to decide; else the first decision does so, and may take longer than anybody waits for it.
   *
   * @param options `migrate`: on Postgres, `auto` (unless said) makes the tables where there are none, `check` does not
   * @throws ThroughlineError `STORAGE_SCHEMA_OUTDATED` without tables, `RECORDS_UNAVAILABLE`
   */
  open(options?: { readonly migrate?: 'auto' | 'check' }): Promise<void>
}

/**
 * Limits in the kind of database that the app uses, decided exactly however many processes ask. On Postgres one statement
 * decides all policies of a request, and of those that come at once, on a few connections of our own; on SQLite one short
 * transaction in a file of its own, behind a thread.
 *
 * Limits are worth less than records: no decision waits for a disk, and the last ones before a loss of power may be
 * forgotten.
 *
 * @example
 * const storage = combine(knexStorage({ app: database }), { limits: knexLimits({ app: database }) })
 *
 * @throws ThroughlineError `OPTIONS_INVALID` for options that are not valid, a client that is not supported, or when
 *   there is no file to be found
 */
export function knexLimits(options: KnexLimitsOptions): KnexLimits {
  checkOptions(options)
  const { app, clock = 'server', answerWithinMs = 1_000, onStatement } = options
  const common = { clock, answerWithinMs, onStatement }
  if (app && kindOfDatabase(app, NAME) === 'postgres') {
    refuseOptions(NAME, options, ['filename', 'busyTimeoutMs'], 'SQLite')
    const { migrate, schema = 'throughline' } = options
    return new PostgresLimits({ ...common, app, migrate, schema })
  }
  refuseOptions(NAME, options, ['schema', 'migrate'], 'Postgres')
  // Not the records' file: limits change with each request, and neither is to wait for the other.
  const filename = options.filename ?? fileBeside(app, '.throughline-limits.db')
  if (filename === undefined) throw noFile(NAME)
  return new SqliteLimits({ ...common, filename, busyTimeoutMs: options.busyTimeoutMs ?? 30 })
}
