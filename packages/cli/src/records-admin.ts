import type {
  ExportedRow,
  Feature,
  RecordsTable,
  SqliteStatus,
  TimelineEventsQuery,
  ViewedEvent,
} from '@throughline/storage-knex'

type Answer<T> = T | Promise<T>

/** How records are doing, wherever they are. */
export type RecordsStatus = Omit<SqliteStatus, 'walBytes'> & {
  /** On SQLite: size of the write-ahead log beside the file. */
  readonly walBytes?: number
}

/** What commands ask of records on any database. */
export interface RecordsAdmin {
  migrate(features?: readonly Feature[]): Answer<readonly string[]>
  /** On Postgres: gives roles what they need of the schema. */
  grant?(roles: { readonly app: string; readonly platform: string }): Promise<void>
  status(): Answer<RecordsStatus>
  timeline(query: TimelineEventsQuery): Answer<readonly ViewedEvent[]>
  export(tenant?: string): Iterable<ExportedRow> | AsyncIterable<ExportedRow>
  tables(): Answer<readonly RecordsTable[]>
  /** Answers whether nothing else is left where they were. */
  drop(): Answer<boolean>
  close(): Answer<void>
}
