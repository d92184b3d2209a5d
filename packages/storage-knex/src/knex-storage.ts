import type { Storage } from '@throughline/core/storage'
import { didYouMean, ThroughlineError } from '@throughline/core/storage'
import type { Knex } from 'knex'
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

const SQLITE_CLIENTS = ['better-sqlite3', 'sqlite3']
const POSTGRES_CLIENTS = ['pg']
const CLIENTS = [...SQLITE_CLIENTS, ...POSTGRES_CLIENTS]

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
  const client = app ? clientName(app) : 'better-sqlite3'
  if (!CLIENTS.includes(client)) throw unsupported(client)
  const common = { answerWithinMs, maxWaitingBytes, onStatement }
  if (app && POSTGRES_CLIENTS.includes(client)) {
    refuseOptions(options, SQLITE_OPTIONS, 'SQLite')
    if (pgliteClientOf(app)) refuseOptions(options, ROLE_OPTIONS, 'a Postgres server')
    const { platform, migrate, schema = 'throughline' } = options
    return { records: new PostgresRecords({ ...common, app, platform, migrate, schema }) }
  }
  refuseOptions(options, POSTGRES_OPTIONS, 'Postgres')
  const filename = options.filename ?? (app && fileBeside(app))
  if (typeof filename !== 'string' || filename === '') {
    throw new ThroughlineError('OPTIONS_INVALID', {
      message:
        "knexStorage() can not tell the file of the app's database: pass `filename`, the file of our own tables.",
    })
  }
  return { records: new SqliteRecords({ ...common, filename, busyTimeoutMs: options.busyTimeoutMs ?? 200 }) }
}

const SQLITE_OPTIONS = ['filename', 'busyTimeoutMs'] as const
const POSTGRES_OPTIONS = ['platform', 'migrate', 'schema'] as const
/** PGlite has one connection, and so one role. */
const ROLE_OPTIONS = ['platform', 'migrate'] as const
const WHOLE_NUMBERS = { answerWithinMs: 1, busyTimeoutMs: 0, maxWaitingBytes: 1 } as const
const KNOWN = [
  ...new Set(['app', 'onStatement', ...SQLITE_OPTIONS, ...POSTGRES_OPTIONS, ...Object.keys(WHOLE_NUMBERS)]),
]
/** Postgres cuts longer names off. */
const MAX_SCHEMA_BYTES = 63

function checkOptions(options: KnexStorageOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw invalid(['give an object: knexStorage({ app }) or knexStorage({ filename }).'])
  }
  const problems = Object.keys(options)
    .filter((key) => !KNOWN.includes(key))
    .map((key) => `${key}: there is no such option.${didYouMean(key, KNOWN)}`)
  for (const [key, least] of Object.entries(WHOLE_NUMBERS) as [keyof typeof WHOLE_NUMBERS, number][]) {
    const value = options[key]
    if (value === undefined || (Number.isSafeInteger(value) && value >= least)) continue
    problems.push(`${key}: it is ${String(value)}; it must be a whole number from ${least}.`)
  }
  if (options.onStatement !== undefined && typeof options.onStatement !== 'function') {
    problems.push('onStatement: it must be a function.')
  }
  const { schema } = options
  if (schema !== undefined && (typeof schema !== 'string' || !isSchemaName(schema))) {
    problems.push(`schema: it must be a name of 1 to ${MAX_SCHEMA_BYTES} bytes.`)
  }
  if (problems.length > 0) throw invalid(problems)
}

function isSchemaName(name: string): boolean {
  return name !== '' && !name.includes('\u0000') && Buffer.byteLength(name) <= MAX_SCHEMA_BYTES
}

function refuseOptions(options: KnexStorageOptions, names: readonly (keyof KnexStorageOptions)[], where: string): void {
  const given = names.filter((name) => options[name] !== undefined)
  if (given.length > 0) throw invalid(given.map((name) => `${name}: it is an option on ${where} only.`))
}

function invalid(problems: readonly string[]): ThroughlineError {
  return new ThroughlineError('OPTIONS_INVALID', {
    message: `The options of knexStorage are not valid: ${problems.join(' ')}`,
    details: { problems },
  })
}

function unsupported(client: string): ThroughlineError {
  return new ThroughlineError('OPTIONS_INVALID', {
    message: `knexStorage() works with the clients ${CLIENTS.join(', ')} for now, not with "${client}".`,
    details: { client, supported: CLIENTS },
  })
}

interface KnexClient {
  readonly driverName?: unknown
  readonly dialect?: unknown
  readonly config?: { readonly connection?: unknown }
}

function clientName(app: Knex): string {
  const client: KnexClient | undefined = app.client
  return String(client?.driverName ?? client?.dialect ?? 'unknown')
}

function fileBeside(app: Knex): string | undefined {
  const client: KnexClient | undefined = app.client
  const connection = client?.config?.connection
  const file =
    typeof connection === 'object' && connection !== null && 'filename' in connection ? connection.filename : connection
  if (typeof file !== 'string' || file.startsWith('file:')) return undefined
  return file === ':memory:' || file === '' ? ':memory:' : `${file}.throughline.db`
}
