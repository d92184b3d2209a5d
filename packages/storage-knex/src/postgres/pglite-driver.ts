import type { PgliteClient } from './pglite.ts'
import { PgliteListening } from './pglite-listening.ts'
import { PgliteSession } from './pglite-session.ts'
import type {
  Listening,
  ListenOptions,
  PostgresDriver,
  PostgresSession,
  SessionSource,
  SessionSourceOptions,
} from './session.ts'

const WAITING = `PGlite has one connection, and the app holds it: end its transaction before waiting for records, or take a Postgres server.`

/**
 * PGlite, by the one connection of the app's knex. Whoever has it keeps everybody else from it, so nothing of ours runs
 * inside a transaction of the app's: it waits for its end.
 */
export class PgliteDriver implements PostgresDriver {
  readonly hasOneConnection = true
  readonly #client: PgliteClient

  constructor(client: PgliteClient) {
    this.#client = client
  }

  sessions(options: SessionSourceOptions): SessionSource {
    return new PgliteSessions(this.#client, options)
  }

  listen({ onNotice }: ListenOptions): Listening {
    return new PgliteListening(this.#client, onNotice)
  }
}

/** Lends the one connection, to one call of this pool at a time. */
class PgliteSessions implements SessionSource {
  readonly whyNone: string = WAITING
  readonly #client: PgliteClient
  readonly #options: SessionSourceOptions
  /** Ends with the call that has the connection, or waits for it: no more than one of them queues with knex. */
  #last: Promise<void> = Promise.resolve()

  constructor(client: PgliteClient, options: SessionSourceOptions) {
    this.#client = client
    this.#options = options
  }

  async connect(): Promise<PostgresSession> {
    const before = this.#last
    let done = (): void => {}
    this.#last = new Promise((resolve) => {
      done = resolve
    })
    await before
    try {
      const connection = await this.#client.acquireConnection()
      return new PgliteSession(connection, this.#options.setup, () => {
        void this.#client.releaseConnection(connection).then(done, done)
      })
    } catch (error) {
      done()
      throw error
    }
  }

  /** The connection is the app's. */
  async end(): Promise<void> {}
}
