import { join } from 'node:path'
import type {
  Backlog,
  Change,
  CommitResult,
  DocumentQuery,
  DocumentSet,
  JournalBatch,
  ListQuery,
  ProjectRequest,
  ProjectResult,
  RecordsOpen,
  RecordsStore,
  ScopeVersion,
  StoredDocument,
  TimelinePage,
  TimelineQuery,
  UsageQuery,
  UsageTotal,
} from '@throughline/core/storage'
import { ThroughlineError } from '@throughline/core/storage'
import type { Knex } from 'knex'
import { AppTransactions } from './app-transaction.ts'
import { ChangeCommitter } from './change-committer.ts'
import { unavailable } from './failure.ts'
import { claimJournal, storedSecret } from './journal-key.ts'
import { JournalWriter } from './journal-writer.ts'
import { loadPostgresDriver, type PostgresDriver } from './load-driver.ts'
import { Notices } from './notices.ts'
import { openSchema } from './open-schema.ts'
import { type PostgresConnection, PostgresPool } from './pool.ts'
import { listDocuments, readBacklog, readDocuments, readTimeline, readUsage, readVersions } from './records-reader.ts'
import { printOfPlace, settingsOf } from './settings.ts'
import { SliceProjector } from './slice-projector.ts'

/** Migrating takes its time. */
const START_MS = 60_000
/** Connections of one process: few, since each call is short. */
const WRITERS = 6
const READERS = 4
const PROJECTORS = 2

export interface PostgresRecordsOptions {
  /** Says which database, and by which role the journal is written and everything is read. */
  readonly app: Knex
  /** By which role the journal is projected; the app's unless said. */
  readonly platform?: Knex | undefined
  /** By which role tables are made; the app's unless said. */
  readonly migrate?: Knex | undefined
  /** The schema of our tables. */
  readonly schema: string
  /** ms after which an operation without an answer rejects with `RECORDS_UNAVAILABLE`. */
  readonly answerWithinMs: number
  /** Bytes that may wait to be written. */
  readonly maxWaitingBytes: number
  /** Every statement that is run, for tests that count them. */
  readonly onStatement?: ((sql: string, thread: 'writer' | 'reader') => void) | undefined
}

/** What works on the open pools. */
interface Session {
  readonly driver: PostgresDriver
  readonly pools: readonly PostgresPool[]
  readonly reading: PostgresPool
  readonly writer: JournalWriter
  readonly committer: ChangeCommitter
  readonly transactions: AppTransactions
  readonly projector: SliceProjector
}

/**
 * Records on Postgres, on a few connections of our own made from the app's settings: nothing of it runs on the app's
 * pool, or waits for it.
 *
 * Every commit waits for the server's own log as the server is set to (`synchronous_commit`): what was acknowledged
 * survives the death of this process, and of the server unless it is set to `off`. With durability `disk` it is `on` for
 * our connections where the server says `off`.
 */
export class PostgresRecords implements RecordsStore {
  readonly name = 'knex:postgres'
  /** In the working directory: what could not be appended must be found again by the next process. */
  readonly spillDirectory?: string
  readonly #options: PostgresRecordsOptions
  readonly #notices = new Set<Notices>()
  #session: Session | undefined
  #now: () => number = () => 0
  #waitingBytes = 0

  constructor(options: PostgresRecordsOptions) {
    this.#options = options
    const print = printOfPlace(options.app, options.schema)
    if (print !== undefined) this.spillDirectory = join(process.cwd(), '.throughline', `${print}.spill`)
  }

  async open(options: RecordsOpen): Promise<void> {
    const { app, platform = app, schema } = this.#options
    const driver = await loadPostgresDriver(app)
    const writing = this.#pool(driver, app, 'writer', WRITERS, options)
    const reading = this.#pool(driver, app, 'reader', READERS, options)
    const projecting = this.#pool(driver, platform, 'writer', PROJECTORS, options)
    const pools = [writing, reading, projecting]
    try {
      await writing.checkConnections(START_MS)
      await openSchema({ ...this.#options, platform }, options, (knex, work) => this.#once(driver, knex, options, work))
      const secret = await projecting.use(async (connection) => {
        const found = options.secret ?? (await storedSecret(connection))
        await claimJournal(connection, found, options.now())
        return found
      }, START_MS)
      this.#now = options.now
      this.#session = {
        driver,
        pools,
        reading,
        writer: new JournalWriter(writing, secret, options.now),
        committer: new ChangeCommitter(writing, secret, options.now),
        transactions: new AppTransactions(schema, secret, options.now),
        projector: new SliceProjector(projecting, secret, options.now),
      }
    } catch (error) {
      await Promise.all(pools.map((pool) => pool.close()))
      throw error instanceof ThroughlineError ? error : unavailable(`The schema "${schema}" could not be opened.`)
    }
  }

  async close(): Promise<void> {
    const notices = [...this.#notices]
    this.#notices.clear()
    await Promise.all([
      ...notices.map((one) => one.stop()),
      ...(this.#session?.pools ?? []).map((pool) => pool.close()),
    ])
  }

  async append(batch: JournalBatch): Promise<void> {
    await this.#write(batch.body.length, ({ writer }) => writer.append(batch))
  }

  async appendWithin(transaction: unknown, batch: JournalBatch): Promise<void> {
    await this.#opened().transactions.append(transaction, batch)
  }

  commit(change: Change): Promise<CommitResult> {
    return this.#write(change.body.length, ({ committer }) => committer.commit(change))
  }

  async project(request: ProjectRequest): Promise<ProjectResult> {
    return this.#opened().projector.project(request)
  }

  backlog(): Promise<Backlog> {
    return this.#read((connection) => readBacklog(connection, this.#now()))
  }

  read(query: DocumentQuery): Promise<DocumentSet> {
    return this.#read((connection) => readDocuments(connection, query))
  }

  list(query: ListQuery): Promise<readonly StoredDocument[]> {
    return this.#read((connection) => listDocuments(connection, query))
  }

  versions(query: Parameters<RecordsStore['versions']>[0]): Promise<readonly ScopeVersion[]> {
    return this.#read((connection) => readVersions(connection, query))
  }

  notices(listener: () => void): () => void {
    const { app, schema } = this.#options
    const { driver } = this.#opened()
    const notices = new Notices({ driver, schema, settings: () => settingsOf(app) }, listener)
    this.#notices.add(notices)
    return () => {
      this.#notices.delete(notices)
      void notices.stop()
    }
  }

  timeline(query: TimelineQuery): Promise<TimelinePage> {
    return this.#read((connection) => readTimeline(connection, query))
  }

  usage(query: UsageQuery): Promise<readonly UsageTotal[]> {
    return this.#read((connection) => readUsage(connection, query))
  }

  async #write<T>(bytes: number, work: (session: Session) => Promise<T>): Promise<T> {
    const session = this.#opened()
    if (this.#waitingBytes > 0 && this.#waitingBytes + bytes > this.#options.maxWaitingBytes) {
      throw unavailable('Too much waits for the records database already.')
    }
    this.#waitingBytes += bytes
    try {
      return await work(session)
    } finally {
      this.#waitingBytes -= bytes
    }
  }

  async #read<T>(work: (connection: PostgresConnection) => Promise<T>): Promise<T> {
    return this.#opened().reading.use(work)
  }

  #opened(): Session {
    if (!this.#session) throw new ThroughlineError('CLOSED', { message: 'The storage is not open.' })
    return this.#session
  }

  #pool(
    driver: PostgresDriver,
    knex: Knex,
    role: 'writer' | 'reader',
    max: number,
    { durability }: Pick<RecordsOpen, 'durability'>,
  ): PostgresPool {
    const { schema, answerWithinMs, onStatement } = this.#options
    return new PostgresPool({
      driver,
      settings: () => settingsOf(knex),
      max,
      answerWithinMs,
      setup: { schema, statementMs: answerWithinMs, durability, isServing: true },
      onStatement: onStatement && ((sql) => onStatement(sql, role)),
    })
  }

  /** Lends a connection that is closed again. */
  async #once<T>(
    driver: PostgresDriver,
    knex: Knex,
    options: RecordsOpen,
    work: (connection: PostgresConnection) => Promise<T>,
  ): Promise<T> {
    const pool = this.#pool(driver, knex, 'writer', 1, options)
    try {
      return await pool.use(work, START_MS)
    } finally {
      await pool.close()
    }
  }
}
