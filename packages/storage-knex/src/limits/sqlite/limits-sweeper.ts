import type { Connection } from '../../sqlite/connection.ts'
import { KEPT_MS } from '../limit-tables.ts'
import { SweepTurns, type SweptTable } from '../sweep-turns.ts'

const ROWS = 256

interface SweepStatements {
  /** The last of some rows, in the order of the key, after a given one. */
  readonly last: string
  readonly remove: string
}

function sweepStatements({ name, key, over }: SweptTable): SweepStatements {
  const columns = key.join(', ')
  const values = `(${key.map(() => '?').join(', ')})`
  return {
    last: `SELECT ${columns} FROM (SELECT ${columns} FROM ${name} WHERE (${columns}) > ${values} ORDER BY ${columns} LIMIT ${ROWS})
ORDER BY ${key.map((column) => `${column} DESC`).join(', ')} LIMIT 1`,
    remove: `DELETE FROM ${name} WHERE (${columns}) > ${values} AND (${columns}) <= ${values} AND ${over} <= ?`,
  }
}

/** Removes rows that are over, a few at a time. */
export class LimitsSweeper {
  readonly #connection: Connection
  readonly #turns = new SweepTurns(ROWS, sweepStatements)

  constructor(connection: Connection) {
    this.#connection = connection
  }

  get isDue(): boolean {
    return this.#turns.isDue
  }

  count(decisions: number): void {
    this.#turns.count(decisions)
  }

  /** Looks at the next rows of one of the tables, within a transaction of the caller's. */
  sweep(now: number): void {
    const { statements, after, moved } = this.#turns.next()
    const last = this.#connection.get<Record<string, unknown>>(statements.last, ...after)
    if (last) this.#connection.run(statements.remove, ...after, ...Object.values(last), now - KEPT_MS)
    moved(last)
  }
}
