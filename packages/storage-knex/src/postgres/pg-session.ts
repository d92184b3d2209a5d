import type { PoolClient } from 'pg'
import { parserOf } from './column-types.ts'
import { Portal } from './portal.ts'
import type { PostgresSession } from './session.ts'
import { toParameter } from './text.ts'

/** A connection to a server, with prepared statements, one for each text: the texts are few and fixed. */
export class PgSession implements PostgresSession {
  readonly ready: () => Promise<void>
  readonly #client: PoolClient
  #isReleased = false

  /** @param ready see {@link PostgresSession.ready} */
  constructor(client: PoolClient, ready: () => Promise<void>) {
    this.#client = client
    this.ready = ready
  }

  async all<Row extends object>(sql: string, values: readonly unknown[]): Promise<Row[]> {
    const { rows } = await this.#client.query<Row>({ name: nameOf(sql), text: sql, values: values.map(toParameter) })
    return rows
  }

  each<Row extends object>(sql: string, values: readonly unknown[], onRow: (row: Row) => boolean): Promise<void> {
    const parse = (type: number, text: string): unknown => parserOf(type)(text)
    const portal = new Portal({ name: nameOf(sql), text: sql, values: values.map(toWire), parse, onRow })
    return this.#client.query(portal).done
  }

  async run(sql: string): Promise<void> {
    await this.#client.query(sql)
  }

  async transaction<T>(work: () => Promise<T>): Promise<T> {
    await this.run('BEGIN')
    try {
      const result = await work()
      await this.run('COMMIT')
      return result
    } catch (error) {
      // On a connection that broke there is nothing left to undo.
      await this.#client.query('ROLLBACK').catch(() => undefined)
      throw error
    }
  }

  abandon(): void {
    // Its statement may still run: nobody else can use this connection.
    this.release(true)
  }

  release(isBroken: boolean): void {
    if (!this.#isReleased) this.#client.release(isBroken)
    this.#isReleased = true
  }
}

const names = new Map<string, string>()

function nameOf(sql: string): string {
  let name = names.get(sql)
  if (name === undefined) {
    name = `throughline_${names.size + 1}`
    names.set(sql, name)
  }
  return name
}

/** A value as the protocol carries it, where `pg` does not do so itself. */
function toWire(value: unknown): unknown {
  const parameter = toParameter(value)
  return typeof parameter === 'number' ? String(parameter) : parameter
}
