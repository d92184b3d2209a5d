import type { Backlog } from '@throughline/core/storage'
import { ThroughlineError } from '@throughline/core/storage'
import type { Knex } from 'knex'
import { postgres } from '../dialect.ts'
import { postgresHeld, postgresHolds } from '../looked-at.ts'
import { type Feature, type MigrationState, missingNames, presentFeatures } from '../migrations/migration.ts'
import { type EventSource, newestEvents, timelineAfter } from '../newest-events.ts'
import type { ExportedRow } from '../sqlite/exported-row.ts'
import type { RecordsTable } from '../sqlite/records-table.ts'
import type { LaneLease } from '../sqlite/sqlite-admin.ts'
import { eventOf, type TimelineRow, timelineColumns } from '../sqlite/timeline-events.ts'
import type { TimelineEventsQuery, ViewedEvent } from '../sqlite/viewed-event.ts'
import { checkSchema } from './check-schema.ts'
import { dropRecords, recordsTables } from './drop-records.ts'
import { exportedRows } from './exported-rows.ts'
import { grantRoles } from './grants.ts'
import { loadPostgresDriver } from './load-driver.ts'
import { applyMigrations, checkMigrations, migrationStates } from './migrate.ts'
import { type PostgresConnection, PostgresPool } from './pool.ts'
import { readBacklog } from './records-reader.ts'
import type { Roles } from './roles.ts'
import { settingsOf } from './settings.ts'

/** A server that can't be reached is given up after this. */
const CONNECT_MS = 10_000
const ASK_MS = 60_000
/** A large table takes its time to change. */
const MIGRATE_MS = 24 * 3_600_000

/** The operator's side of a schema of records, for command lines and deploy scripts. */
export interface PostgresAdmin {
  /**
   * Applies what is missing, in a schema that is made where there is none; answers the names that were applied.
   *
   * @param features what the app uses; absent: what the schema has already, or everything in a new one
   */
  migrate(features?: readonly Feature[]): Promise<readonly string[]>
  /** Gives the roles that use the schema what they need of it, and nothing more. */
  grant(roles: Roles): Promise<void>
  status(): Promise<PostgresStatus>
  /**
   * A tenant's newest events, those not yet projected included; `$platform` is the operator's own trail.
   *
   * @throws ThroughlineError `STORAGE_SCHEMA_OUTDATED` where there is no trail yet
   */
  timeline(query: TimelineEventsQuery): Promise<readonly ViewedEvent[]>
  /**
   * Everything on record of one tenant or of all, one by one, of the moment it began; nothing else may be asked until it
   * is left. Takes as long as who takes it: a transaction stays open meanwhile.
   *
   * @throws ThroughlineError `STORAGE_SCHEMA_OUTDATED` where there is no trail yet
   */
  export(tenant?: string): AsyncIterable<ExportedRow>
  /** What in the schema is ours. */
  tables(): Promise<readonly RecordsTable[]>
  /**
   * Drops all of it, and a schema that held nothing else; answers whether the schema is gone.
   *
   * @throws ThroughlineError `CONFLICT` while a process uses the records; `RECORDS_UNAVAILABLE` with the server's code in
   *   `details.postgres` where something else depends on them, or somebody holds them
   */
  drop(): Promise<boolean>
  close(): Promise<void>
}

export interface PostgresStatus {
  readonly migrations: readonly MigrationState[]
  /** Migrations of the features that the schema has (of all, in a new one) that were not applied. */
  readonly missing: readonly string[]
  /** Absent while the journal's table is missing. */
  readonly backlog?: Backlog
  readonly leases: readonly LaneLease[]
  /** Size of our tables with their indexes. */
  readonly bytes: number
}

export type PostgresAdminOptions = Readonly<
  {
    /** The schema of our tables, `throughline` unless said. */
    schema?: string
    /** Reads only: nothing is created or changed, and the schema must be there. */
    readonly?: boolean
    /** ms since the epoch. */
    now(): number
  } & ({ url: string; app?: undefined } | { app: Knex; url?: undefined })
>

/**
 * Opens a schema of records to migrate or inspect it, on one connection.
 *
 * @throws ThroughlineError `OPTIONS_INVALID` without pg, and where the role may not use the schema;
 *   `RECORDS_UNAVAILABLE`, with the server's or the system's code in `details.postgres`; `STORAGE_SCHEMA_OUTDATED` with
 *   `readonly` where there is no such schema
 */
export async function openPostgresAdmin(options: PostgresAdminOptions): Promise<PostgresAdmin> {
  const { schema = 'throughline', readonly = false, now } = options
  const pool = new PostgresPool({
    driver: await loadPostgresDriver(options.app),
    settings: async () =>
      options.app === undefined ? { connectionString: options.url } : await settingsOf(options.app),
    // One for what is asked; two can be told apart.
    max: 2,
    answerWithinMs: CONNECT_MS,
    setup: { schema, statementMs: ASK_MS, durability: 'disk', isReadonly: readonly },
  })
  const ask = <T>(work: (connection: PostgresConnection) => Promise<T>): Promise<T> => pool.use(work, ASK_MS)
  try {
    await pool.checkConnections(CONNECT_MS)
    const isThere = await pool.use((connection) => checkSchema(connection, schema))
    if (!isThere && readonly) throw noSchema(schema)
  } catch (error) {
    await pool.close()
    throw error
  }
  return {
    migrate(features) {
      return pool.use(async (connection) => {
        const wanted = features ?? presentFeatures(await migrationStates(connection))
        return applyMigrations(connection, schema, wanted, now())
      }, MIGRATE_MS)
    },
    grant(roles) {
      return ask((connection) => connection.transaction(() => grantRoles(connection, schema, roles)))
    },
    status() {
      return ask((connection) => statusOf(connection, schema, now()))
    },
    timeline(query) {
      return ask(async (connection) => {
        await checkMigrations(connection, ['records'])
        return timelineEvents(connection, query)
      })
    },
    async *export(tenant) {
      await ask((connection) => checkMigrations(connection, ['records']))
      yield* exportedRows(pool, schema, tenant)
    },
    tables() {
      return pool.use((connection) => recordsTables(connection, schema), MIGRATE_MS)
    },
    drop() {
      return pool.use((connection) => dropRecords(connection, schema), MIGRATE_MS)
    },
    close() {
      return pool.close()
    },
  }
}

function noSchema(schema: string): ThroughlineError {
  return new ThroughlineError('STORAGE_SCHEMA_OUTDATED', {
    message: `There is no schema "${schema}" in this database.`,
  })
}

async function statusOf(connection: PostgresConnection, schema: string, now: number): Promise<PostgresStatus> {
  const migrations = await migrationStates(connection)
  const hasJournal = migrations.some(({ feature, appliedAt }) => feature === 'records' && appliedAt !== undefined)
  const size = await connection.get<{ bytes: number }>(
    `SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint AS bytes
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = $1::text AND c.relkind = 'r' AND c.relname LIKE 'throughline\\_%'`,
    schema,
  )
  return {
    migrations,
    missing: missingNames(migrations),
    ...(hasJournal && { backlog: await readBacklog(connection, now) }),
    leases: hasJournal
      ? await connection.all<LaneLease>(
          'SELECT lane, holder, token, expires_at AS "expiresAt" FROM throughline_leases ORDER BY lane',
        )
      : [],
    bytes: size?.bytes ?? 0,
  }
}

const TIMELINE = `SELECT ${timelineColumns} FROM ${timelineAfter(
  postgres,
  `tenant_id = $1::text AND first_seq > $2::bigint AND latest_at >= $3::bigint AND ${postgresHolds('$4', '$5')}`,
)}
WHERE tenant_id = $1::text AND occurred_at >= $6::text
  AND ($7::text[] IS NULL OR action = ANY($7::text[])) AND ($8::text IS NULL OR actor_id = $8::text)
ORDER BY occurred_at DESC, seq IS NULL DESC, seq DESC, event_index DESC LIMIT $9::bigint`

function timelineEvents(connection: PostgresConnection, query: TimelineEventsQuery): Promise<readonly ViewedEvent[]> {
  const { tenant, from, actions, actor, limit } = query
  const source: EventSource = {
    recordBefore(count) {
      return connection.get(
        `SELECT first_seq + count - 1 AS seq, latest_at AS latest FROM throughline_trail
WHERE tenant_id = $1::text AND latest_at >= $2::bigint ORDER BY first_seq DESC LIMIT 1 OFFSET $3::bigint`,
        tenant,
        from,
        count,
      )
    },
    async eventsAfter(seq) {
      const rows = await connection.all<TimelineRow>(
        TIMELINE,
        ...[tenant, seq, from, ...postgresHeld(query)],
        ...[new Date(from).toISOString(), actions ?? null, actor ?? null, limit],
      )
      // Sums are of a wider type there, which is read as text.
      return rows.map((row) => eventOf({ ...row, count: Number(row.count) }))
    },
  }
  return newestEvents(source, limit)
}
