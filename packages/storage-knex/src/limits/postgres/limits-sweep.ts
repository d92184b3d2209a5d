import type { PostgresConnection } from '../../postgres/pool.ts'
import { KEPT_MS } from '../limit-tables.ts'
import { SweepTurns, type SweptTable } from '../sweep-turns.ts'

const ROWS = 1_000

/** Looks at some rows after a given one, and removes those that are over but for those that somebody else has. */
function sweepStatement({ name: table, key: columns, over }: SweptTable): string {
  const key = columns.join(', ')
  const after = columns.map((_, i) => `$${i + 2}::text`).join(', ')
  const same = (a: string, b: string): string => columns.map((it) => `${a}.${it} = ${b}.${it}`).join(' AND ')
  return `WITH clock AS (
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
SELECT ${key} FROM looked ORDER BY ${columns.map((it) => `${it} DESC`).join(', ')} LIMIT 1`
}

/** Removes rows that are over, a few at a time. */
export class LimitsSweep {
  readonly #turns = new SweepTurns(ROWS, sweepStatement)

  /** Counts decisions; whether it is time to sweep. */
  isDue(decisions: number): boolean {
    this.#turns.count(decisions)
    return this.#turns.isDue
  }

  /** @param now ms since the epoch; `null`: the server's clock */
  async sweep(connection: PostgresConnection, now: number | null): Promise<void> {
    const { statements, after, moved } = this.#turns.next()
    moved(await connection.get(statements, now, ...after))
  }
}
