import type { Json } from '../vocabulary.ts'

/**
 * The records port: one transactional backend for tenants, members, config, overrides, flag definitions, the journal
 * and everything that is projected from it.
 *
 * A storage does the reading and writing; what is written is decided by pure functions of this package
 * ({@link sealBatch}, {@link readJournal}, {@link foldJournal}), so that every storage says the same.
 */
export interface RecordsStore {
  /** Shown in errors and in `health()`: `memory`, `knex:sqlite`. */
  readonly name: string
  /**
   * A local folder of these records alone, for batches that can't be appended. Absent: such batches are refused, unless
   * the app names a folder (`journal.spill.directory`).
   */
  readonly spillDirectory?: string
  /** Opens (and, as `migrate` says, migrates) the storage. Called once, before any other method. */
  open(options: RecordsOpen): Promise<void>
  /** Releases everything; calls still under way are finished first. */
  close(): Promise<void>

  /**
   * Appends one batch as ONE journal row, durable when it resolves. A batch that rejects may or may not be stored (its
   * commit may have been lost on the way back): the caller repeats it with the same `writer` and `seq`.
   */
  append(batch: JournalBatch): Promise<void>
  /**
   * Appends one batch through a transaction of the app's own, on the same database: it is there if and only if that
   * transaction is committed, however long that takes. Its writer has no other batch. Absent where no app can have such
   * a transaction.
   *
   * @throws ThroughlineError `WITHIN_UNSUPPORTED` for what is no such transaction
   */
  appendWithin?(transaction: unknown, batch: JournalBatch): Promise<void>
  /** Applies a state change and its journal record in one transaction, or nothing of it. */
  commit(change: Change): Promise<CommitResult>

  /** Projects at most `maxRows` journal rows of one lane in one transaction that also removes them. */
  project(request: ProjectRequest): Promise<ProjectResult>
  /** How much of the journal is not yet projected. */
  backlog(): Promise<Backlog>

  /** Documents of one tenant (or of the platform), all of the given kinds, in one read. */
  read(query: DocumentQuery): Promise<DocumentSet>
  /** Keyset pages over one kind across tenants, ordered by tenant and key: for the platform's side. */
  list(query: ListQuery): Promise<readonly StoredDocument[]>
  /** Versions of the given scopes, or of all that changed at or after `since` (ms). */
  versions(query: { scopes: readonly string[] } | { since: number }): Promise<readonly ScopeVersion[]>
  /**
   * Calls `listener` when another process may have committed a change, until the function it answers is called. Only a
   * hint: notices may be lost or come for nothing, versions are compared every second all the same.
   */
  notices?(listener: () => void): () => void

  /**
   * One page of a trail, newest first: exactly one SELECT. What is not yet projected is not in it. A page may stop short of
   * its limit, so that it is found in bounded time; it then says where the next one goes on.
   */
  timeline(query: TimelineQuery): Promise<TimelinePage>
  /** Sums of the hourly roll-ups of one tenant in [from, to). What is not yet projected is not in it. */
  usage(query: UsageQuery): Promise<readonly UsageTotal[]>
}

/** Mutable state, one table each; only those that a configured engine needs exist. */
export type DocumentKind =
  | 'tenants'
  | 'members'
  | 'config'
  | 'limit_overrides'
  | 'flag_overrides'
  | 'flags'
  | 'definitions'

export interface RecordsOpen {
  readonly kinds: readonly DocumentKind[]
  /** Usage ledger, roll-ups and quota counters. */
  readonly usage: boolean
  readonly migrate: 'auto' | 'check'
  /** `process`: an append survives `kill -9`. `disk`: loss of power too. */
  readonly durability: 'process' | 'disk'
  /** Key of the journal's HMAC; without one the storage keeps a random key of its own beside the data. */
  readonly secret?: string
  now(): number
}

export interface JournalBatch {
  /** Unique for each start of a process. */
  readonly writer: string
  /** Dense, from 1. */
  readonly seq: number
  readonly lane: number
  /**
   * When it was made, ms; a repeated batch keeps it, so that a storage may place rows by it. Absent in batches that an
   * earlier release left in a spill file.
   */
  readonly at?: number
  /** A JSON array, one record a line (see {@link encodeBatch}). */
  readonly body: string
}

export interface DocumentWrite {
  readonly kind: DocumentKind
  /** A tenant's id, or `$platform`. */
  readonly tenant: string
  /** Within the tenant; `''` where there is only one. */
  readonly key: string
  /** The new value; `null` removes the document. */
  readonly value: Json | null
  /** Write only over this version; 0: only if there is none. Absent: over whatever is there. */
  readonly expect?: number
}

/** A hard quota's counter of one (tenant, meter, period) moved by `delta`. */
export interface QuotaMove {
  readonly tenant: string
  readonly meter: string
  /**
   * The calendar day or month (UTC): `2026-11-01`, `2026-11`; or from when to when, in a tenant's own calendar:
   * `2026-11-15T05:00:00.000Z/2026-12-15T05:00:00.000Z`.
   */
  readonly period: string
  readonly delta: number
  /** Refuse when the counter would go above it. Absent: never refuse (a release, a give-back); it stops at 0. */
  readonly limit?: number
  /**
   * A counter that does not exist yet starts from what the roll-ups have of the hours in [from, to), ms: read where no
   * projection is under way whose usage would move it, had it been there. Absent: answer `uncounted` instead.
   */
  readonly seed?: { readonly from: number; readonly to: number }
}

export interface Change {
  /** The process's writer id; its changes are the stream `<writer>.c`, numbered inside the transaction. */
  readonly writer: string
  readonly lane: number
  readonly writes: readonly DocumentWrite[]
  readonly quotas: readonly QuotaMove[]
  /** As in {@link JournalBatch}; `'[]'` appends nothing. */
  readonly body: string
}

export type CommitResult =
  | {
      readonly status: 'committed'
      /** The new version of every scope that was written. */
      readonly versions: readonly ScopeVersion[]
      /** Counter values after the move, in the order of `quotas`. */
      readonly used: readonly number[]
    }
  | { readonly status: 'conflict'; readonly write: number; readonly version: number }
  | { readonly status: 'refused'; readonly quota: number; readonly used: number }
  | { readonly status: 'uncounted'; readonly quota: number }

export interface ScopeVersion {
  /** A tenant's id, or `$platform`. */
  readonly scope: string
  readonly version: number
}

export interface ProjectRequest {
  readonly lane: number
  /** The lease's holder; another holder's unexpired lease answers `lease: false`. */
  readonly holder: string
  /** From now; 0 gives the lease back. */
  readonly leaseMs: number
  /** 0 only takes, keeps or gives back the lease. */
  readonly maxRows: number
}

export interface ProjectResult {
  readonly lease: boolean
  readonly rows: number
  readonly records: number
  /** More rows were waiting. */
  readonly more: boolean
}

export interface Backlog {
  readonly rows: number
  /** Position of the newest row, 0 when the journal is empty. */
  readonly newest: number
  /** Position of the oldest row, 0 when the journal is empty. */
  readonly oldest: number
  /** Age of the oldest row in ms, 0 when the journal is empty. */
  readonly ageMs: number
  /** Lanes that have rows, ascending: also those of a process that ended and had more of them than others have. */
  readonly lanes: readonly number[]
}

export interface StoredDocument {
  readonly kind: DocumentKind
  readonly tenant: string
  readonly key: string
  readonly value: Json
  readonly version: number
}

export interface DocumentQuery {
  readonly tenant: string
  readonly kinds: readonly DocumentKind[]
  /** Only this key of each kind. */
  readonly key?: string
}

export interface DocumentSet {
  readonly documents: readonly StoredDocument[]
  /** The scope's version at the read; 0 if it never changed. */
  readonly version: number
}

export interface ListQuery {
  readonly kind: DocumentKind
  /** Only this tenant. */
  readonly tenant?: string
  /** Keys (not values) after this one. */
  readonly after?: { readonly tenant: string; readonly key: string }
  readonly limit: number
}

export interface TimelineQuery {
  readonly tenant: string
  /** ms since the epoch, inclusive. */
  readonly from?: number
  /** ms since the epoch, exclusive. */
  readonly to?: number
  readonly actions?: readonly string[]
  readonly actor?: string
  /** Events strictly older than this position. */
  readonly before?: { readonly seq: number; readonly index: number }
  readonly limit: number
}

export interface TimelinePage {
  readonly events: readonly TimelineEvent[]
  /** Pass as `before` for the next page; absent on the last one. */
  readonly next?: { readonly seq: number; readonly index: number }
}

/** One thing that happened, as it is asked for. */
export interface TimelineEvent {
  /** `<record>.<index>`. */
  readonly id: string
  /** Dense within the tenant, per record. */
  readonly seq: number
  /** Position within the record. */
  readonly index: number
  /** ISO 8601, UTC. */
  readonly occurredAt: string
  readonly action: string
  readonly outcome: 'success' | 'failure' | 'refused'
  readonly actor: { readonly type: string; readonly id: string; readonly name?: string }
  readonly targets: readonly { readonly type: string; readonly id: string; readonly name?: string }[]
  readonly context: { readonly traceId?: string; readonly request?: Readonly<Record<string, Json>> }
  readonly metadata: Readonly<Record<string, Json>>
  /** How many equal events this one stands for. */
  readonly count: number
}

export interface UsageQuery {
  readonly tenant: string
  readonly meter?: string
  /** ms since the epoch, inclusive, at a full hour or where a period of the tenant's begins. */
  readonly from: number
  /** ms since the epoch, exclusive, likewise. */
  readonly to: number
}

export interface UsageTotal {
  readonly meter: string
  readonly quantity: number
  readonly count: number
}
