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
import { besideLinked } from '../linked-file.ts'
import { featuresOf } from '../migrations/migration.ts'
import { LogCheckpoints } from './log-checkpoints.ts'
import type { Operation, Role, ThreadOptions } from './protocol.ts'
import { startThread } from './start-thread.ts'
import type { Departure } from './thread-client.ts'
import { ThreadClient } from './thread-client.ts'

const MIGRATE_MS = 60_000
const START_MS = 60_000
/** The log grows until then: after it the writer copies it itself. */
const COPY_MS = 20_000
/** While another process migrates, the file is locked; each attempt waits for the lock as long as the thread may. */
const OPEN_ATTEMPTS = 25
const MAX_WAITING = 20_000

export interface SqliteRecordsOptions {
  /** The file that our tables live in, or `:memory:`. */
  readonly filename: string
  /** ms after which an operation without an answer rejects with `RECORDS_UNAVAILABLE`. */
  readonly answerWithinMs: number
  /** ms that the writer waits for another process's lock. */
  readonly busyTimeoutMs: number
  /** Bytes that may wait for the writer. */
  readonly maxWaitingBytes: number
  /** Every statement that a thread runs, for tests that count them. */
  readonly onStatement?: ((sql: string, thread: 'writer' | 'reader') => void) | undefined
  /** In place of a worker thread, for tests. */
  readonly start?: typeof startThread | undefined
}

/**
 * Records on SQLite: one thread owns the only connection that writes, another one reads, and where much is written a third one
 * copies it from the log to the file. The main thread never touches the file.
 */
export class SqliteRecords implements RecordsStore {
  readonly name = 'knex:sqlite'
  /** Beside the data: a folder that is shared would mix the records of two applications. */
  readonly spillDirectory?: string
  readonly #options: SqliteRecordsOptions
  #writer: ThreadClient | undefined
  #reader: ThreadClient | undefined
  #checkpointer: ThreadClient | undefined
  #checkpoints: LogCheckpoints | undefined

  constructor(options: SqliteRecordsOptions) {
    this.#options = options
    if (options.filename !== ':memory:') this.spillDirectory = besideLinked(options.filename, '.spill')
  }

  async open(options: RecordsOpen): Promise<void> {
    const { filename } = this.#options
    const writer = this.#client('writer', options)
    // A database in memory belongs to its one connection.
    const reader = filename === ':memory:' ? writer : this.#client('reader', options)
    try {
      // Both are running before the first call: a thread that still starts must not use up the time of an answer.
      await Promise.all([this.#migrate(writer, options), reader.callAlone(['ready'], START_MS)])
    } catch (error) {
      await Promise.all([reader.close(), writer.close()])
      throw error
    }
    this.#writer = writer
    this.#reader = reader
    if (reader !== writer) this.#copy(writer, this.#client('checkpointer', options))
  }

  async close(): Promise<void> {
    this.#checkpoints?.close()
    await this.#checkpointer?.close()
    await this.#reader?.close()
    await this.#writer?.close()
  }

  append({ writer, seq, lane, body }: JournalBatch): Promise<void> {
    return this.#write(['append', writer, seq, lane, body], 'soon', body.length)
  }

  commit(change: Change): Promise<CommitResult> {
    return this.#write(['commit', change], 'turn', change.body.length)
  }

  project(request: ProjectRequest): Promise<ProjectResult> {
    return this.#write(['project', request], 'soon')
  }

  backlog(): Promise<Backlog> {
    return this.#read(['backlog'])
  }

  read(query: DocumentQuery): Promise<DocumentSet> {
    return this.#read(['read', query])
  }

  list(query: ListQuery): Promise<readonly StoredDocument[]> {
    return this.#read(['list', query])
  }

  versions(query: Parameters<RecordsStore['versions']>[0]): Promise<readonly ScopeVersion[]> {
    return this.#read(['versions', query])
  }

  timeline(query: TimelineQuery): Promise<TimelinePage> {
    return this.#read(['timeline', query])
  }

  usage(query: UsageQuery): Promise<readonly UsageTotal[]> {
    return this.#read(['usage', query])
  }

  #write<T>(operation: Operation, departure: Departure, bytes = 0): Promise<T> {
    return this.#writer ? this.#writer.call(operation, departure, bytes) : Promise.reject(notOpen())
  }

  #read<T>(operation: Operation): Promise<T> {
    return this.#reader ? this.#reader.call(operation, 'turn') : Promise.reject(notOpen())
  }

  /** The thread is started when it first has something to do: what writes little never has one. */
  #copy(writer: ThreadClient, checkpointer: ThreadClient): void {
    this.#checkpointer = checkpointer
    this.#checkpoints = new LogCheckpoints({
      beside: () => checkpointer.callAlone(['checkpoint', false], COPY_MS),
      between: (waits) => writer.call(['checkpoint', waits], 'turn'),
    })
  }

  #client(role: Role, { durability, secret, now }: RecordsOpen): ThreadClient {
    const { filename, busyTimeoutMs, answerWithinMs, maxWaitingBytes, onStatement, start = startThread } = this.#options
    // A checkpoint is no statement on tables.
    const told = role === 'checkpointer' ? undefined : onStatement && ((sql: string) => onStatement(sql, role))
    const thread: ThreadOptions = {
      role,
      filename,
      durability,
      secret,
      busyTimeoutMs,
      trace: told !== undefined,
    }
    return new ThreadClient({
      start: () => start(thread),
      answerWithinMs,
      maxWaitingBytes,
      maxWaiting: MAX_WAITING,
      now,
      onStatement: told,
      onUncopied: (frames) => this.#checkpoints?.seen(frames),
    })
  }

  async #migrate(writer: ThreadClient, options: RecordsOpen): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await writer.callAlone(['migrate', options.migrate, featuresOf(options)], MIGRATE_MS)
        return
      } catch (error) {
        const locked = error instanceof ThroughlineError && String(error.details['sqlite']).startsWith('SQLITE_BUSY')
        if (!locked || attempt === OPEN_ATTEMPTS) throw error
      }
    }
  }
}

function notOpen(): ThroughlineError {
  return new ThroughlineError('CLOSED', { message: 'The storage is not open.' })
}
