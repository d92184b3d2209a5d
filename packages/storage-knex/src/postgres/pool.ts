import { ThroughlineError } from '@throughline/core/storage'
import { endedWithin } from './ended-within.ts'
import { codeOf, failureOf, isRefusal, unavailable } from './failure.ts'
import type { PostgresDriver, PostgresSession, SessionSource, SessionSourceOptions } from './session.ts'

/** Calls that may wait for a connection; beyond it they are refused at once. */
const MAX_WAITING = 20_000

export interface PostgresPoolOptions extends SessionSourceOptions {
  readonly driver: PostgresDriver
  /** ms after which a call without an answer is given up, and its connection with it. */
  readonly answerWithinMs: number
  readonly onStatement?: ((sql: string) => void) | undefined
}

/** How far a call has come. */
interface Call {
  givenUp: boolean
  ended: boolean
  session?: PostgresSession
}

/** A few connections of our own, each call bounded in time; a connection that broke is left, and a new one made. */
export class PostgresPool {
  readonly #options: PostgresPoolOptions
  readonly #sessions: SessionSource
  readonly #underWay = new Set<Promise<unknown>>()
  #closed = false

  constructor(options: PostgresPoolOptions) {
    this.#options = options
    this.#sessions = options.driver.sessions(options)
  }

  /**
   * Lends a connection to `work`.
   *
   * @throws ThroughlineError `RECORDS_UNAVAILABLE`, `CLOSED`, or what `work` throws of its own
   */
  use<T>(work: (connection: PostgresConnection) => Promise<T>, answerWithinMs?: number): Promise<T> {
    if (this.#closed) return Promise.reject(new ThroughlineError('CLOSED'))
    if (this.#underWay.size >= MAX_WAITING) {
      return Promise.reject(unavailable('Too much waits for the records database already.'))
    }
    const call = this.#bounded(work, answerWithinMs ?? this.#options.answerWithinMs)
    this.#underWay.add(call)
    const done = (): void => {
      this.#underWay.delete(call)
    }
    call.then(done, done)
    return call
  }

  /**
   * Looks whether connections are the server's own, before anything is locked or made by them. A pooler that lends the
   * server's connections to one transaction after the other lends none that is busy with one: it is the last that was
   * lent, or next in turn, so that one of ours becomes another while a second one is in a transaction.
   *
   * @throws ThroughlineError `OPTIONS_INVALID` where such a pooler stands in between
   */
  async checkConnections(answerWithinMs?: number): Promise<void> {
    if (this.#options.driver.hasOneConnection) return
    const check = async (one: PostgresConnection, other: PostgresConnection): Promise<void> => {
      const before = await processOf(one)
      const after = await other.transaction(async () => {
        await processOf(other)
        return processOf(one)
      })
      if (after !== before) throw poolerBetween()
    }
    const compare = async (one: PostgresConnection): Promise<void> => {
      const checked = this.use((second) => check(one, second), answerWithinMs)
      // Where the server has no second one free there is nothing to compare, and one may do for what is asked.
      await checked.catch((error: unknown) => {
        if (!isFull(error)) throw error
      })
    }
    await this.use(compare, answerWithinMs)
  }

  /** Lets what is under way finish. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await Promise.allSettled(this.#underWay)
    await endedWithin(this.#sessions.end(), this.#options.answerWithinMs)
  }

  #bounded<T>(work: (connection: PostgresConnection) => Promise<T>, answerWithinMs: number): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const call: Call = { givenUp: false, ended: false }
      const giveUp = (): void => {
        if (call.ended) return
        call.givenUp = true
        const { whyNone } = this.#sessions
        if (!call.session && whyNone !== undefined) reject(unavailable(whyNone))
        else reject(unavailable('The records database did not answer in time.', { unanswered: true }))
        call.session?.abandon()
      }
      // Where this process was busy for so long, the answer has come and was not read yet: that is done before it is late.
      const timer = setTimeout(() => setImmediate(giveUp), answerWithinMs)
      this.#attempt(work, call)
        .finally(() => {
          call.ended = true
          clearTimeout(timer)
        })
        .then(resolve, (error: unknown) => reject(failureOf(error)))
    })
  }

  async #attempt<T>(work: (connection: PostgresConnection) => Promise<T>, call: Call): Promise<T> {
    const session = await this.#sessions.connect()
    call.session = session
    if (call.givenUp) {
      session.release(false)
      throw unavailable('The records database had no connection free in time.')
    }
    try {
      await session.ready()
      const result = await work(new PostgresConnection(session, this.#options.onStatement))
      session.release(false)
      return result
    } catch (error) {
      session.release(!isRefusal(error) && !(error instanceof ThroughlineError))
      throw error
    }
  }
}

/** The server takes no more connections, or no more of this role. */
function isFull(error: unknown): boolean {
  return error instanceof ThroughlineError && error.details.postgres === '53300'
}

async function processOf(connection: PostgresConnection): Promise<number | undefined> {
  try {
    return (await connection.get<{ pid: number }>('SELECT pg_backend_pid() AS pid'))?.pid
  } catch (error) {
    // What was prepared is gone, or was prepared by somebody else.
    throw /^(26000|42P05)$/.test(codeOf(error) ?? '') ? poolerBetween() : error
  }
}

function poolerBetween(): ThroughlineError {
  return new ThroughlineError('OPTIONS_INVALID', {
    message: `A pooler stands before Postgres that gives each transaction another connection (PgBouncer's transaction mode); settings, prepared statements and locks are kept with a connection. Name the server itself, or a pooler in session mode.`,
  })
}

/** A borrowed connection. */
export class PostgresConnection {
  readonly #session: PostgresSession
  readonly #onStatement: ((sql: string) => void) | undefined

  constructor(session: PostgresSession, onStatement: ((sql: string) => void) | undefined) {
    this.#session = session
    this.#onStatement = onStatement
  }

  async all<Row extends object>(sql: string, ...values: readonly unknown[]): Promise<Row[]> {
    this.#onStatement?.(sql)
    return this.#session.all<Row>(sql, values)
  }

  /** The first row, or `undefined`. */
  async get<Row extends object>(sql: string, ...values: readonly unknown[]): Promise<Row | undefined> {
    return (await this.all<Row>(sql, ...values))[0]
  }

  /** Takes rows one by one until `onRow` answers true. */
  each<Row extends object>(sql: string, values: readonly unknown[], onRow: (row: Row) => boolean): Promise<void> {
    this.#onStatement?.(sql)
    return this.#session.each(sql, values, onRow)
  }

  /** Several statements without values. */
  async run(sql: string): Promise<void> {
    this.#onStatement?.(sql)
    await this.#session.run(sql)
  }

  /** Commits what `work` did unless it throws. */
  transaction<T>(work: () => Promise<T>): Promise<T> {
    this.#onStatement?.('BEGIN')
    return this.#session.transaction(async () => {
      const result = await work()
      this.#onStatement?.('COMMIT')
      return result
    })
  }
}
