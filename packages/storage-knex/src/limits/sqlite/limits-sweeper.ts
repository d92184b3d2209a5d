import type { Connection } from '../../sqlite/connection.ts'
import { KEPT_MS } from '../limit-tables.ts'

/** Rows that are looked at for each decision: the tables are kept clean without a timer, as fast as they can grow. */
const ROWS_PER_DECISION = 4
const ROWS = 256

/** A table, the columns of its primary key, and the column that says when a row is over. */
const TABLES = [
  sweptTable('throughline_limits', 'tenant_id, key', 'expires_at'),
  sweptTable('throughline_limit_leases', 'tenant_id, key, lease', 'ends_at'),
]

interface SweptTable {
  readonly first: readonly string[]
  /** The last of some rows, in the order of the key, after a given one. */
  readonly last: string
  readonly remove: string
}

function sweptTable(table: string, key: string, over: string): SweptTable {
  const columns = key.split(', ')
  const values = `(${columns.map(() => '?').join(', ')})`
  return {
    first: columns.map(() => ''),
    last: `SELECT ${key} FROM (SELECT ${key} FROM ${table} WHERE (${key}) > ${values} ORDER BY ${key} LIMIT ${ROWS})
ORDER BY ${columns.map((column) => `${column} DESC`).join(', ')} LIMIT 1`,
    remove: `DELETE FROM ${table} WHERE (${key}) > ${values} AND (${key}) <= ${values} AND ${over} <= ?`,
  }
}

/** Removes rows that are over, a few at a time: a hand goes round each table. */
export class LimitsSweeper {
  readonly #connection: Connection
  readonly #hands: (readonly unknown[])[] = TABLES.map(({ first }) => first)
  #decisions = 0
  #turn = 0

  constructor(connection: Connection) {
    this.#connection = connection
  }

  get isDue(): boolean {
    return this.#decisions * ROWS_PER_DECISION >= ROWS
  }

  count(decisions: number): void {
    this.#decisions += decisions
  }

  /** Looks at the next rows of one of the tables, within a transaction of the caller's. */
  sweep(now: number): void {
    this.#decisions = 0
    const turn = this.#turn
    this.#turn = (turn + 1) % TABLES.length
    const table = TABLES[turn] as SweptTable
    const hand = this.#hands[turn] as readonly unknown[]
    const last = this.#connection.get<Record<string, unknown>>(table.last, ...hand)
    if (last) {
      const end = Object.values(last)
      this.#connection.run(table.remove, ...hand, ...end, now - KEPT_MS)
      this.#hands[turn] = end
    } else this.#hands[turn] = table.first
  }
}
