import { randomBytes } from 'node:crypto'
import knex, { type Knex } from 'knex'
import pg from 'pg'
import { postgresService, type Service } from '../../../test/services.ts'
import type { PostgresRecordsOptions } from '../src/postgres/postgres-records.ts'
import { PostgresRecords } from '../src/postgres/postgres-records.ts'

export const service: Service = await postgresService()

/** Records in a schema that goes away with them. */
export interface PostgresScratch {
  readonly schema: string
  readonly app: Knex
  readonly records: PostgresRecords
  /** More records of the same schema, closed with it. */
  another(options?: Partial<PostgresRecordsOptions>): PostgresRecords
  /** Another knex, destroyed with the rest. */
  appAt(url: string): Knex
  /** A statement of a stranger, with our schema before others. */
  query<Row extends object>(sql: string, values?: readonly unknown[]): Promise<Row[]>
  /** A connection of a stranger, ended with the rest. */
  stranger(): Promise<pg.Client>
  destroy(): Promise<void>
}

/**
 * A schema that is emptied after each scratch, and dropped by {@link drop}: to make one takes longer than most tests.
 * Whoever opens it next finds it migrated, and otherwise as a new one.
 */
export class SharedSchema {
  readonly name: string = newName()
  readonly emptySql: string = `DO $$
DECLARE
  v_table text;
BEGIN
  FOR v_table IN
    SELECT tablename FROM pg_tables WHERE schemaname = '${this.name}' AND tablename <> 'throughline_migrations'
  LOOP
    EXECUTE format('DELETE FROM %I', v_table);
  END LOOP;
  IF to_regclass('throughline_journal_id') IS NOT NULL THEN ALTER SEQUENCE throughline_journal_id RESTART; END IF;
END
$$`

  async drop(): Promise<void> {
    const client = new pg.Client({ connectionString: service.url })
    await client.connect()
    await client.query(`DROP SCHEMA IF EXISTS ${this.name} CASCADE`)
    await client.end()
  }
}

function newName(): string {
  return `tl_test_${process.pid}_${randomBytes(6).toString('hex')}`
}

export async function postgresScratch(
  options: Partial<PostgresRecordsOptions> & { url?: string; shared?: SharedSchema } = {},
): Promise<PostgresScratch> {
  const { url = service.url, shared, ...rest } = options
  const schema = shared?.name ?? newName()
  const apps: Knex[] = []
  const appAt = (place: string): Knex => {
    const app = knex({ client: 'pg', connection: place })
    apps.push(app)
    return app
  }
  const app = appAt(url)
  const strangers: pg.Client[] = []
  const stranger = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url })
    // It may be terminated like any other.
    client.on('error', () => {})
    strangers.push(client)
    await client.connect()
    await client.query(`SET search_path TO ${schema}`)
    return client
  }
  const first = await stranger()
  const opened: PostgresRecords[] = []
  const another = (more: Partial<PostgresRecordsOptions> = {}): PostgresRecords => {
    const records = new PostgresRecords({
      app,
      schema,
      answerWithinMs: 5_000,
      maxWaitingBytes: 1 << 26,
      ...rest,
      ...more,
    })
    opened.push(records)
    return records
  }
  return {
    schema,
    app,
    records: another(),
    another,
    appAt,
    async query<Row extends object>(sql: string, values: readonly unknown[] = []) {
      return (await first.query<Row>(sql, [...values])).rows
    },
    stranger,
    async destroy() {
      await Promise.all(opened.map((records) => records.close()))
      const others = strangers.filter((client) => client !== first)
      await Promise.all(others.map((client) => client.end().catch(() => undefined)))
      await first.query(shared ? shared.emptySql : `DROP SCHEMA IF EXISTS ${schema} CASCADE`)
      await first.end()
      await Promise.all(apps.map((one) => one.destroy()))
    },
  }
}
