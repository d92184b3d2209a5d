import type { PostgresConnection } from '../../postgres/pool.ts'
import { KEPT_MS } from '../limit-tables.ts'

/** Rows that are looked at for each decision: the tables are kept clean without a timer, as fast as they can grow. */
const ROWS_PER_DECISION = 4
const ROWS = 1_000

const TABLES = [
  sweptTable('throughline_limits', 'tenant_id, key', 'expires_at'),
  sweptTable('throughline_limit_leases', 'tenant_id, key, lease', 'ends_at'),
]

interface SweptTable {
  readonly first: readonly string[]
  readonly sweep: string
}

/** Looks at some rows after a given one, and removes those that are over but for those that somebody else has. */
function sweptTable(table: string, key: string, over: string): SweptTable {
  const columns = key.split(', ')
  const after = columns.map((_, i) => `$${i + 2}::text`).join(', ')
  const same = (a: string, b: string): string => columns.map((it) => `${a}.${it} = ${b}.${it}`).join(' AND ')
  return {
    first: columns.map(() => ''),
    sweep: `WITH clock AS (
  SELECT coalesce($1::bigint, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) - ${KEPT_MS} AS now
), looked AS (
  SELECT ${key}, ${over} AS over_at FROM ${table} WHERE (${key}) > (${after}) ORDER BY ${key} LIMIT ${ROWS}
), free AS (
  SELECT ${columns.map((it) => `t.${it}`).join(', ')} FROM ${table} AS t JOIN looked ON ${same('t', 'looked')}
  WHERE looked.over_at <= (SELECT now FROM clock) AND t.${over} <= (SELECT now FROM clock)
  FOR UPDATE OF t SKIP LOCKED
), removed AS (
  DELETE FROM ${table} AS t USING free WHERE ${same('t', 'free')}
)
SELECT ${key} FROM looked ORDER BY ${columns.map((it) => `${it} DESC`).join(', ')} LIMIT 1`,
  }
}

/** Removes rows that are over, a few at a time: a hand goes round each table. */
export class LimitsSweep {
  readonly #hands: (readonly unknown[])[] = TABLES.map(({ first }) => first)
  #decisions = 0
  #turn = 0

  /** Counts decisions; whether it is time to sweep. */
  isDue(decisions: number): boolean {
    this.#decisions += decisions
    return this.#decisions * ROWS_PER_DECISION >= ROWS
  }

  /** @param now ms since the epoch; `null`: the server's clock */
  async sweep(connection: PostgresConnection, now: number | null): Promise<void> {
    this.#decisions = 0
    const turn = this.#turn
    this.#turn = (turn + 1) % TABLES.length
    const { sweep, first } = TABLES[turn] as SweptTable
    const last = await connection.get(sweep, now, ...(this.#hands[turn] as readonly unknown[]))
    this.#hands[turn] = last ? Object.values(last) : first
  }
}
