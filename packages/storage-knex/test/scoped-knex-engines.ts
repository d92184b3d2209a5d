import createKnex, { type Knex } from 'knex'

/** A kind of database that statements are rewritten for. */
export interface Engine {
  readonly name: 'sqlite' | 'postgres'
  /** A knex on an empty database of its own, or schema, which is gone once the knex is destroyed. */
  open(config?: Partial<Knex.Config>): Promise<Knex>
}

const NAMED = process.env.THROUGHLINE_TEST_POSTGRES
const CONNECTION = NAMED ?? 'postgres://root@127.0.0.1:5432/test'

type ClientClass = new (config: object) => { _query(...args: unknown[]): Promise<unknown> }
const PostgresClient = createKnex({ client: 'pg' }).client.constructor as ClientClass

/** Streams by reading all rows at once, so that the statement is tested without a further driver. */
class StreamingClient extends PostgresClient {
  async _stream(connection: unknown, query: { response?: { rows: unknown[] } }, stream: NodeJS.WritableStream) {
    await this._query(connection, query)
    for (const row of query.response?.rows ?? []) stream.write(row as never)
    stream.end()
  }
}

let schemas = 0

function connect(config: Partial<Knex.Config>): Knex {
  return createKnex({
    client: StreamingClient as never,
    connection: { connectionString: CONNECTION, connectionTimeoutMillis: 2_000 } as Knex.PgConnectionConfig,
    pool: { min: 0, max: 2 },
    ...config,
  })
}

const sqlite: Engine = {
  name: 'sqlite',
  async open(config = {}) {
    return createKnex({ client: 'better-sqlite3', connection: ':memory:', useNullAsDefault: true, ...config })
  },
}

const postgres: Engine = {
  name: 'postgres',
  async open(config = {}) {
    schemas++
    const schema = `throughline_scoped_${process.pid}_${schemas}`
    const knex = connect({ ...config, searchPath: [schema] })
    await knex.raw(`create schema ${schema}`)
    const destroy = knex.destroy.bind(knex)
    return Object.defineProperty(knex, 'destroy', {
      async value() {
        await knex.raw(`drop schema ${schema} cascade`)
        await destroy()
      },
    })
  },
}

async function reachable(): Promise<boolean> {
  const knex = connect({ acquireConnectionTimeout: 3_000 })
  try {
    await knex.raw('select 1')
    return true
  } catch (error) {
    if (NAMED !== undefined || process.env.THROUGHLINE_REQUIRE_SERVICES === '1') throw error
    console.warn('scopedKnex on Postgres: skipped, no server at 127.0.0.1:5432 and none in THROUGHLINE_TEST_POSTGRES')
    return false
  } finally {
    await knex.destroy()
  }
}

export const SQLITE: Engine = sqlite
/** `undefined` where no server can be reached. */
export const POSTGRES: Engine | undefined = (await reachable()) ? postgres : undefined
export const ENGINES: readonly Engine[] = POSTGRES === undefined ? [sqlite] : [sqlite, POSTGRES]

/** Runs statements one after the other: by one message where the engine takes several at once. */
export async function runAll({ name }: Engine, knex: Knex, statements: readonly Knex.QueryBuilder[]): Promise<void> {
  if (name === 'postgres') await knex.raw(statements.map(String).join(';\n'))
  else for (const statement of statements) await statement
}
