import { ThroughlineError } from '@throughline/core/storage'
import type { ClientConfig, Pool, PoolClient } from 'pg'
import { failureOf, isRefusal, unavailable } from './failure.ts'
import type { PostgresDriver } from './load-driver.ts'
import { Portal } from './portal.ts'
import { fromColumn, toParameter } from './text.ts'

/** Calls that may wait for a connection; beyond it they are refused at once. */
const MAX_WAITING = 20_000
const IDLE_MS = 30_000

export interface PostgresPoolOptions {
  readonly driver: PostgresDriver
  settings(): Promise<ClientConfig>
  /** Connections at the most. */
  readonly max: number
  /** ms after which a call without an answer is given up, and its connection with it. */
  readonly answerWithinMs: number
  /** Run once on each new connection. */
  readonly setup: string
  readonly onStatement?: ((sql: string) => void) | undefined
}

/** A few connections of our own, each call bounded in time; a connection that broke is left, and a new one made. */
export class PostgresPool {
  readonly #options: PostgresPoolOptions
  readonly #ready = new WeakSet<PoolClient>()
  readonly #underWay = new Set<Promise<unknown>>()
  #pool: Pool | undefined
  #closed = false

  constructor(options: PostgresPoolOptions) {
    this.#options = options
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

  /** Lets what is under way finish. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await Promise.allSettled(this.#underWay)
    if (this.#pool) await endedWithin(this.#pool.end(), this.#options.answerWithinMs)
  }

  #bounded<T>(work: (connection: PostgresConnection) => Promise<T>, answerWithinMs: number): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const call = { givenUp: false, giveUp: () => {} }
      const timer = setTimeout(() => {
        call.givenUp = true
        call.giveUp()
        reject(unavailable('The records database did not answer in time.', { unanswered: true }))
      }, answerWithinMs)
      this.#attempt(work, call)
        .finally(() => clearTimeout(timer))
        .then(resolve, (error: unknown) => reject(failureOf(error)))
    })
  }

  async #attempt<T>(
    work: (connection: PostgresConnection) => Promise<T>,
    call: { readonly givenUp: boolean; giveUp: () => void },
  ): Promise<T> {
    const { setup, onStatement } = this.#options
    const pool = await this.#open()
    const client = await pool.connect()
    let released = false
    const release = (broken: boolean): void => {
      if (!released) client.release(broken)
      released = true
    }
    // Its statement may still run: nobody else can use this connection.
    call.giveUp = () => release(true)
    if (call.givenUp) {
      release(false)
      throw unavailable('The records database had no connection free in time.')
    }
    try {
      if (!this.#ready.has(client)) {
        await client.query(setup)
        this.#ready.add(client)
      }
      const result = await work(new PostgresConnection(client, onStatement))
      release(false)
      return result
    } catch (error) {
      release(!isRefusal(error) && !(error instanceof ThroughlineError))
      throw error
    }
  }

  async #open(): Promise<Pool> {
    if (this.#pool) return this.#pool
    const { driver, settings, max, answerWithinMs } = this.#options
    const config = await settings()
    // Another call may have made it meanwhile.
    if (this.#pool) return this.#pool
    this.#pool = new driver.Pool({
      application_name: 'throughline',
      keepAlive: true,
      ...config,
      max,
      types: { getTypeParser },
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

/** A borrowed connection with prepared statements, one for each text: the texts are few and fixed. */
export class PostgresConnection {
  readonly #client: PoolClient
  readonly #onStatement: ((sql: string) => void) | undefined

  constructor(client: PoolClient, onStatement: ((sql: string) => void) | undefined) {
    this.#client = client
    this.#onStatement = onStatement
  }

  async all<Row extends object>(sql: string, ...values: readonly unknown[]): Promise<Row[]> {
    this.#onStatement?.(sql)
    const { rows } = await this.#client.query<Row>({ name: nameOf(sql), text: sql, values: values.map(toParameter) })
    return rows
  }

  /** The first row, or `undefined`. */
  async get<Row extends object>(sql: string, ...values: readonly unknown[]): Promise<Row | undefined> {
    return (await this.all<Row>(sql, ...values))[0]
  }

  /** Takes rows one by one until `onRow` answers true. */
  each<Row extends object>(sql: string, values: readonly unknown[], onRow: (row: Row) => boolean): Promise<void> {
    this.#onStatement?.(sql)
    const parse = (type: number, text: string): unknown => getTypeParser(type)(text)
    const portal = new Portal({ name: nameOf(sql), text: sql, values: values.map(toWire), parse, onRow })
    return this.#client.query(portal).done
  }

  /** Several statements without values. */
  async run(sql: string): Promise<void> {
    this.#onStatement?.(sql)
    await this.#client.query(sql)
  }

  /** Commits what `work` did unless it throws. */
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
}

/** Waits for a farewell no longer than for an answer: where the network is silent, none comes. */
export async function endedWithin(ended: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([ended.catch(ignore), late])
  clearTimeout(timer)
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

function ignore(): void {}

const BOOL = 16
const INT8 = 20
const INT4 = 23
const TEXT = 25

function getTypeParser(type: number): (text: string) => unknown {
  if (type === TEXT) return fromColumn
  if (type === INT8) return toInteger
  if (type === INT4) return Number
  return type === BOOL ? isTrue : asItIs
}

function toInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} is beyond the whole numbers that JavaScript keeps.`)
  return value
}

function isTrue(text: string): boolean {
  return text === 't'
}

function asItIs(text: string): string {
  return text
}
