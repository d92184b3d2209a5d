import type { ClientConfig } from 'pg'
import type { ConnectionSetup } from './setup.ts'

/** A connection, lent for the time of one call. */
export interface PostgresSession {
  /** Before anything else: what every new connection is told. */
  ready(): Promise<void>
  all<Row extends object>(sql: string, values: readonly unknown[]): Promise<Row[]>
  /** Takes rows one by one until `onRow` answers true. */
  each<Row extends object>(sql: string, values: readonly unknown[], onRow: (row: Row) => boolean): Promise<void>
  /** Several statements without values. */
  run(sql: string): Promise<void>
  /** Commits what `work` did unless it throws. */
  transaction<T>(work: () => Promise<T>): Promise<T>
  /** Whoever borrowed it waits no longer, and what it does may still run. */
  abandon(): void
  /** Gives it back; nobody uses it again if it broke. */
  release(isBroken: boolean): void
}

/** The connections of one pool. */
export interface SessionSource {
  /** Why calls may wait for a connection in vain, where that is known. */
  readonly whyNone?: string
  connect(): Promise<PostgresSession>
  end(): Promise<void>
}

export interface SessionSourceOptions {
  settings(): Promise<ClientConfig>
  /** Connections at the most. */
  readonly max: number
  /** ms after which a connection that is not there is given up. */
  readonly answerWithinMs: number
  readonly setup: ConnectionSetup
}

export interface ListenOptions {
  readonly schema: string
  settings(): Promise<ClientConfig>
  /** Something was committed in a schema. */
  onNotice(schema: string): void
  /** Nothing more will be heard. */
  onLost(): void
}

/** Who listens. */
export interface Listening {
  /** Resolves once it does. */
  readonly started: Promise<void>
  end(): Promise<void>
}

/** How a kind of Postgres is reached: a server by `pg`, or PGlite by the app's knex. */
export interface PostgresDriver {
  /** All sessions are the same connection. */
  readonly hasOneConnection: boolean
  sessions(options: SessionSourceOptions): SessionSource
  listen(options: ListenOptions): Listening
}
