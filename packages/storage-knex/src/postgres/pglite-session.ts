import { asItIs, parserOf, READ_TYPES } from './column-types.ts'
import { unavailable } from './failure.ts'
import type { Pglite, PgliteOptions, PgliteTransaction } from './pglite.ts'
import type { PostgresSession } from './session.ts'
import type { ConnectionSetup } from './setup.ts'
import { searchPathOf } from './setup.ts'
import { toParameter } from './text.ts'

/** Rows of a portion. */
const PORTION = 64

/**
 * The connection that the app uses too. So nothing is set on it for longer than a transaction, and every statement is
 * in one: PGlite keeps others out until it ends, those that do not ask knex for the connection as well.
 */
export class PgliteSession implements PostgresSession {
  readonly #pglite: Pglite
  readonly #begin: string
  readonly #options: PgliteOptions
  readonly #giveBack: () => void
  #transaction: PgliteTransaction | undefined
  #isAbandoned = false

  constructor(pglite: Pglite, { schema, isReadonly }: ConnectionSetup, giveBack: () => void) {
    this.#pglite = pglite
    this.#begin = `${isReadonly ? 'SET TRANSACTION READ ONLY; ' : ''}SET LOCAL search_path TO ${searchPathOf(schema)}`
    this.#options = { parsers: parsersFor(pglite) }
    this.#giveBack = giveBack
  }

  async ready(): Promise<void> {}

  all<Row extends object>(sql: string, values: readonly unknown[]): Promise<Row[]> {
    return this.#within(async (transaction) => {
      const { rows } = await transaction.query<Row>(sql, values.map(toParameter), this.#options)
      return rows
    })
  }

  each<Row extends object>(sql: string, values: readonly unknown[], onRow: (row: Row) => boolean): Promise<void> {
    return this.#within(async (transaction) => {
      await transaction.query(`DECLARE each NO SCROLL CURSOR FOR ${sql}`, values.map(toParameter), this.#options)
      for (;;) {
        const { rows } = await transaction.query<Row>(`FETCH ${PORTION} FROM each`, [], this.#options)
        if (rows.some(onRow) || rows.length < PORTION) break
        this.#checkWanted()
      }
      await transaction.exec('CLOSE each')
    })
  }

  async run(sql: string): Promise<void> {
    await this.#within((transaction) => transaction.exec(sql))
  }

  async transaction<T>(work: () => Promise<T>): Promise<T> {
    return this.#pglite.transaction(async (transaction) => {
      this.#checkWanted()
      this.#transaction = transaction
      try {
        await transaction.exec(this.#begin)
        const result = await work()
        // Nobody waits for it, so nothing of it is to happen.
        this.#checkWanted()
        return result
      } finally {
        this.#transaction = undefined
      }
    })
  }

  abandon(): void {
    this.#isAbandoned = true
  }

  release(): void {
    this.#giveBack()
  }

  #within<T>(work: (transaction: PgliteTransaction) => Promise<T>): Promise<T> {
    const statement = async (): Promise<T> => {
      this.#checkWanted()
      return work(this.#transaction as PgliteTransaction)
    }
    return this.#transaction ? statement() : this.transaction(statement)
  }

  #checkWanted(): void {
    if (this.#isAbandoned) throw unavailable('The records database did not answer in time.', { unanswered: true })
  }
}

const known = new WeakMap<Pglite, PgliteOptions['parsers']>()

/** PGlite reads more types than we do, and reads numbers otherwise. */
function parsersFor(pglite: Pglite): PgliteOptions['parsers'] {
  let parsers = known.get(pglite)
  if (!parsers) {
    const types = [...Object.keys(pglite.parsers).map(Number), ...READ_TYPES]
    parsers = Object.fromEntries(types.map((type) => [type, READ_TYPES.includes(type) ? parserOf(type) : asItIs]))
    known.set(pglite, parsers)
  }
  return parsers
}
