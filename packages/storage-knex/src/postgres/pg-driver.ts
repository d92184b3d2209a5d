import type { Client, Pool, PoolClient } from 'pg'
import { parserOf } from './column-types.ts'
import { PgListening } from './pg-listening.ts'
import { PgSession } from './pg-session.ts'
import type {
  Listening,
  ListenOptions,
  PostgresDriver,
  PostgresSession,
  SessionSource,
  SessionSourceOptions,
} from './session.ts'
import { setupOf } from './setup.ts'

const IDLE_MS = 30_000

/** What is used of the package `pg`. */
export interface PgPackage {
  readonly Client: typeof Client
  readonly Pool: typeof Pool
}

/** A server, by the package `pg`. */
export class PgDriver implements PostgresDriver {
  readonly hasOneConnection = false
  readonly #package: PgPackage

  constructor(pg: PgPackage) {
    this.#package = pg
  }

  sessions(options: SessionSourceOptions): SessionSource {
    return new PgSessions(this.#package, options)
  }

  /** On a connection of its own. */
  listen(options: ListenOptions): Listening {
    return new PgListening(this.#package, options)
  }
}

/** A pool of `pg`, made when the first connection is needed. */
class PgSessions implements SessionSource {
  readonly #package: PgPackage
  readonly #options: SessionSourceOptions
  readonly #ready = new WeakSet<PoolClient>()
  #pool: Pool | undefined

  constructor(pg: PgPackage, options: SessionSourceOptions) {
    this.#package = pg
    this.#options = options
  }

  async connect(): Promise<PostgresSession> {
    const pool = await this.#open()
    const client = await pool.connect()
    return new PgSession(client, async () => {
      if (this.#ready.has(client)) return
      await client.query(setupOf(this.#options.setup))
      this.#ready.add(client)
    })
  }

  async end(): Promise<void> {
    await this.#pool?.end()
  }

  async #open(): Promise<Pool> {
    if (this.#pool) return this.#pool
    const { settings, max, answerWithinMs } = this.#options
    const config = await settings()
    // Another call may have made it meanwhile.
    if (this.#pool) return this.#pool
    this.#pool = new this.#package.Pool({
      application_name: 'throughline',
      keepAlive: true,
      ...config,
      max,
      types: { getTypeParser: parserOf },
      connectionTimeoutMillis: answerWithinMs,
      idleTimeoutMillis: IDLE_MS,
      allowExitOnIdle: true,
    })
    // A connection that breaks is replaced when one is needed; whoever has a statement under way on it is told.
    this.#pool.on('error', ignore)
    this.#pool.on('connect', (client) => client.on('error', ignore))
    return this.#pool
  }
}

function ignore(): void {}
