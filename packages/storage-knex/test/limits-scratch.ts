import { randomBytes } from 'node:crypto'
import knex, { type Knex } from 'knex'
import pg from 'pg'
import { postgresService, type Service } from '../../../test/services.ts'
import { type KnexLimits, type KnexLimitsOptions, knexLimits } from '../src/limits/knex-limits.ts'

export const service: Service = await postgresService()

/** A schema for limits that goes away with whatever was opened on it. */
export interface LimitsScratch {
  readonly schema: string
  readonly app: Knex
  /** Limits in this schema, closed with it. */
  limits(options?: Partial<KnexLimitsOptions> & { readonly app?: Knex }): KnexLimits
  /** Another knex, destroyed with the rest. */
  appAt(url: string): Knex
  /** A statement of a stranger, with our schema before others. */
  query<Row extends object>(sql: string, values?: readonly unknown[]): Promise<Row[]>
  destroy(): Promise<void>
}

export async function limitsScratch(url: string = service.url): Promise<LimitsScratch> {
  const schema = `tl_test_${process.pid}_${randomBytes(6).toString('hex')}`
  const apps: Knex[] = []
  const opened: KnexLimits[] = []
  const appAt = (place: string): Knex => {
    const app = knex({ client: 'pg', connection: place })
    apps.push(app)
    return app
  }
  const app = appAt(url)
  const stranger = new pg.Client({ connectionString: url })
  await stranger.connect()
  await stranger.query(`SET search_path TO ${schema}`)
  return {
    schema,
    app,
    limits(options = {}) {
      // On a machine that others keep busy, none is to fail that would have had its turn.
      const limits = knexLimits({ app, schema, answerWithinMs: 20_000, ...options } as KnexLimitsOptions)
      opened.push(limits)
      return limits
    },
    appAt,
    async query<Row extends object>(sql: string, values: readonly unknown[] = []) {
      return (await stranger.query<Row>(sql, [...values])).rows
    },
    async destroy() {
      await Promise.all(opened.map((limits) => limits.close()))
      await stranger.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
      await stranger.end()
      await Promise.all(apps.map((one) => one.destroy()))
    },
  }
}
