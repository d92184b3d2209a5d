import type { Storage } from '@throughline/core/storage'
import type { Knex } from 'knex'
import { fileBeside, kindOfDatabase, noFile } from './app-database.ts'
import {
  refuse,
  refuseOptions,
  requireObject,
  unknownOptions,
  wrongListenerOrSchema,
  wrongNumbers,
} from './option-problems.ts'
import { pgliteClientOf } from './postgres/pglite.ts'
import { PostgresRecords } from './postgres/postgres-records.ts'
import { SqliteRecords } from './sqlite/sqlite-records.ts'

export type KnexStorageOptions = Readonly<
  {
    /** ms after which an operation without an answer rejects with `RECORDS_UNAVAILABLE`; 2,000 unless said. */
    answerWithinMs?: number
    /** Bytes that may wait for the writer, 64 MiB unless said; beyond it writes are refused at once. */
    maxWaitingBytes?: number
    /** Every statement that is run, for tests that count them. */
    onStatement?: (sql: string, thread: 'writer' | 'reader') => void
    /** On SQLite: ms that a write waits for another process's lock; 200 unless said. */
    busyTimeoutMs?: number
    /** On Postgres: by which role the journal is projected; the app's unless said. */
    platform?: Knex
    /** On Postgres: by which role tables are made; the app's unless said. */
    migrate?: Knex
    /** On Postgres: the schema of our tables, `throughline` unless said. */
    schema?: string
  } & (
    | {
        /** The app's own knex: it says which database this is; but for PGlite it is never used for our statements. */
        app: Knex
        /** On SQLite: our file; `<the app's file>.throughline.db` unless said. */
        filename?: string
      }
    | { app?: undefined; filename: string }
  )
>

/**
 * Records in the kind of database that the app uses. On SQLite they live in a file of their own, behind one thread that
 * writes; on Postgres in a schema of their own, on a few connections of their own: nothing of it runs on the app's
 * connections. PGlite (`knex-pglite`) has only one: there they take turns with the app, and wait for its transactions.
 *
 * @example
 * const throughline = createThroughline({ storage: knexStorage({ app: database }) })
 *
 * @throws ThroughlineError `OPTIONS_INVALID` for options that are not valid, a client that is not supported, or when
 *   there is no file to be found
 */
export function knexStorage(options: KnexStorageOptions): Storage {
  checkOptions(options)
  const { app, answerWithinMs = 2_000, maxWaitingBytes = 64 * 1_024 * 1_024, onStatement } = options
  const common = { answerWithinMs, maxWaitingBytes, onStatement }
  if (app && kindOfDatabase(app, NAME) === 'postgres') {
    refuseOptions(NAME, options, SQLITE_OPTIONS, 'SQLite')
    if (pgliteClientOf(app)) refuseOptions(NAME, options, ROLE_OPTIONS, 'a Postgres server')
    const { platform, migrate, schema = 'throughline' } = options
    return { records: new PostgresRecords({ ...common, app, platform, migrate, schema }) }
  }
  refuseOptions(NAME, options, POSTGRES_OPTIONS, 'Postgres')
  const filename = options.filename ?? fileBeside(app, '.throughline.db')
  if (typeof filename !== 'string' || filename === '') throw noFile(NAME)
  return { records: new SqliteRecords({ ...common, filename, busyTimeoutMs: options.busyTimeoutMs ?? 200 }) }
}

const NAME = 'knexStorage'
const SQLITE_OPTIONS = ['filename', 'busyTimeoutMs'] as const
const POSTGRES_OPTIONS = ['platform', 'migrate', 'schema'] as const
/** PGlite has one connection, and so one role. */
const ROLE_OPTIONS = ['platform', 'migrate'] as const
const WHOLE_NUMBERS = { answerWithinMs: 1, busyTimeoutMs: 0, maxWaitingBytes: 1 } as const
const KNOWN = [
  ...new Set(['app', 'onStatement', ...SQLITE_OPTIONS, ...POSTGRES_OPTIONS, ...Object.keys(WHOLE_NUMBERS)]),
]

function checkOptions(options: KnexStorageOptions): void {
  requireObject(NAME, options)
  refuse(NAME, [
    ...unknownOptions(options, KNOWN),
    ...wrongNumbers(options, WHOLE_NUMBERS),
    ...wrongListenerOrSchema(options),
  ])
}
