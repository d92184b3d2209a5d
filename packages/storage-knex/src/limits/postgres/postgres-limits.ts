import type { LimitAnswer, LimitRequest } from '@throughline/core/storage'
import { ThroughlineError } from '@throughline/core/storage'
import type { Knex } from 'knex'
import type { PoolConfig } from 'pg'
import { checkSchema } from '../../postgres/check-schema.ts'
import { loadPostgresDriver } from '../../postgres/load-driver.ts'
import { type PostgresConnection, PostgresPool } from '../../postgres/pool.ts'
import { settingsOf } from '../../postgres/settings.ts'
import type { KnexLimits } from '../knex-limits.ts'
import { limitsUnavailable, ofLimits } from '../limits-failure.ts'
import { answersOf, DECIDE, type StateRow, valuesOf } from './asked-rows.ts'
import { applyLimits, grantLimits, hasLimits, limitsMissing } from './limits-schema.ts'
import { LimitsSweep } from './limits-sweep.ts'
import { type Ask, LANES, RequestLanes } from './request-lanes.ts'

const EVERY_KIND: LimitRequest['operations'] = [
  { kind: 'rate', key: '\u00000', perMs: 1, weight: 1, capacity: 1, cost: 1 },
  { kind: 'window', key: '\u00001', limit: 1, windowMs: 1, cost: 1 },
  { kind: 'concurrency', key: '\u00002', limit: 1, cost: 1, ttlMs: 1 },
]

/** To make tables takes its time, and others may be at it. */
const MIGRATE_MS = 60_000

export interface PostgresLimitsOptions {
  /** Says which database, and by which role decisions are made. */
  readonly app: Knex
  /** By which role tables are made; the app's unless said. */
  readonly migrate?: Knex | undefined
  /** The schema of our tables. */
  readonly schema: string
  readonly clock: 'server' | 'caller'
  /** ms after which a call without an answer rejects. */
  readonly answerWithinMs: number
  /** Every statement that is run, for tests that count them. */
  readonly onStatement?: ((sql: string) => void) | undefined
}

/** Limits on Postgres: one statement decides, on a few connections of our own. */
export class PostgresLimits implements KnexLimits {
  readonly name = 'knex:postgres'
  readonly #options: PostgresLimitsOptions
  readonly #sweep = new LimitsSweep()
  readonly #lanes: RequestLanes
  #pool: PostgresPool | undefined
  #opening: Promise<PostgresPool> | undefined
  #sweeping: Promise<void> | undefined
  #isClosed = false

  constructor(options: PostgresLimitsOptions) {
    this.#options = options
    const { answerWithinMs } = options
    this.#lanes = new RequestLanes({ send: (asks, withinMs) => this.#send(asks, withinMs), answerWithinMs })
  }

  async open({ migrate = 'auto' }: Parameters<KnexLimits['open']>[0] = {}): Promise<void> {
    await this.#opened(migrate)
  }

  decide(request: LimitRequest, now: number): Promise<LimitAnswer> {
    return this.#lanes.ask({ verb: request.mode, request, now })
  }

  async refund(request: LimitRequest, now: number): Promise<void> {
    await this.#lanes.ask({ verb: 'refund', request, now })
  }

  async renew(request: LimitRequest, now: number): Promise<boolean> {
    if (request.lease === undefined) return false
    const operations = request.operations.filter(({ kind }) => kind === 'concurrency')
    if (operations.length === 0) return true
    const { granted } = await this.#lanes.ask({ verb: 'renew', request: { ...request, operations }, now })
    return granted > 0
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#sweeping
    const pool = await this.#opening?.catch(() => undefined)
    await pool?.close()
  }

  async #send(asks: readonly Ask[], withinMs: number): Promise<readonly LimitAnswer[]> {
    const { clock } = this.#options
    const pool = this.#pool ?? (await inTime(this.#opened('auto'), withinMs))
    const values = valuesOf(asks, clock)
    try {
      const rows = await pool.use((connection) => connection.all<StateRow>(DECIDE, ...values), withinMs)
      if (this.#sweep.isDue(asks.length)) {
        this.#clean(pool, clock === 'caller' ? (asks[0] as Ask).now : null)
        // The next caller's clock may be far behind this one's.
        if (clock === 'caller') await this.#sweeping
      }
      return answersOf(asks, rows)
    } catch (error) {
      // The tables were taken away: whoever may makes them anew.
      if (isUndefined(error)) this.#forget(pool)
      throw ofLimits(error)
    }
  }

  #opened(migrate: 'auto' | 'check'): Promise<PostgresPool> {
    if (this.#isClosed) return Promise.reject(new ThroughlineError('CLOSED'))
    this.#opening ??= this.#open(migrate).then(
      (pool) => {
        this.#pool = pool
        return pool
      },
      (error: unknown) => {
        this.#opening = undefined
        throw ofLimits(error)
      },
    )
    return this.#opening
  }

  async #open(migrate: 'auto' | 'check'): Promise<PostgresPool> {
    const { app, schema } = this.#options
    const pool = await this.#poolOf(app, LANES, { isServing: true })
    try {
      await pool.checkConnections()
      await pool.use((connection) => checkSchema(connection, schema))
      if (!(await pool.use(hasLimits))) {
        if (migrate === 'check') throw limitsMissing(schema)
        await this.#makeTables(await pool.use(roleOf))
      }
      await Promise.all(Array.from({ length: LANES }, () => pool.use(warmUp)))
      return pool
    } catch (error) {
      await pool.close()
      throw error
    }
  }

  async #makeTables(appRole: string): Promise<void> {
    const { app, migrate = app, schema } = this.#options
    const pool = await this.#poolOf(migrate, 1, { isServing: false })
    try {
      await pool.use(async (connection) => {
        await applyLimits(connection, schema)
        if (migrate !== app) await connection.transaction(() => grantLimits(connection, schema, appRole))
      }, MIGRATE_MS)
    } catch (error) {
      throw isForbidden(error) ? limitsMissing(schema, error) : error
    } finally {
      await pool.close()
    }
  }

  async #poolOf(knex: Knex, max: number, { isServing }: { readonly isServing: boolean }): Promise<PostgresPool> {
    const { schema, answerWithinMs, onStatement } = this.#options
    return new PostgresPool({
      driver: await loadPostgresDriver(knex),
      // What is idle stays open: to connect again would take longer than anybody waits for a decision.
      settings: async (): Promise<PoolConfig> => ({ ...(await settingsOf(knex)), min: max }),
      max,
      answerWithinMs,
      setup: { schema, statementMs: answerWithinMs, durability: 'process', isServing },
      onStatement,
    })
  }

  /** Beside the decisions: none waits for it, and what fails is left for the next time. */
  #clean(pool: PostgresPool, now: number | null): void {
    if (this.#sweeping) return
    const done = (): void => {
      this.#sweeping = undefined
    }
    this.#sweeping = pool.use((connection) => this.#sweep.sweep(connection, now)).then(done, done)
  }

  #forget(pool: PostgresPool): void {
    void pool.close()
    // Another lane may have begun anew already.
    if (this.#pool !== pool) return
    this.#pool = undefined
    this.#opening = undefined
  }
}

function inTime<T>(opening: Promise<T>, withinMs: number): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const late = (): void => reject(limitsUnavailable('The limits database is not ready yet.'))
    const timer = setTimeout(late, withinMs)
    opening.finally(() => clearTimeout(timer)).then(resolve, reject)
  })
}

/** A connection plans its statements when it runs them first, which takes as long as many decisions: not at the first. */
async function warmUp(connection: PostgresConnection): Promise<void> {
  const request = { group: '', units: 1, mode: 'take', lease: '', operations: EVERY_KIND } as const
  const values = valuesOf([{ verb: 'take', request, now: 0 }], 'server')
  const undone = new Error('Nothing of this was to stay.')
  await connection
    .transaction(async () => {
      await connection.all(DECIDE, ...values)
      throw undone
    })
    .catch((error: unknown) => {
      if (error !== undone) throw error
    })
}

async function roleOf(connection: PostgresConnection): Promise<string> {
  return (await connection.get<{ name: string }>('SELECT current_user::text AS name'))?.name ?? ''
}

/** Whether a table or a routine is missing. */
function isUndefined(error: unknown): boolean {
  return error instanceof ThroughlineError && /^(42883|42P01|3F000)$/.test(String(error.details['postgres']))
}

function isForbidden(error: unknown): boolean {
  return error instanceof ThroughlineError && error.details['postgres'] === '42501'
}
