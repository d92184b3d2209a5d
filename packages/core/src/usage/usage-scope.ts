import type { JournalEvent } from '../storage/journal-record.ts'
import type { MaybePromise } from '../storage/limits.ts'
import type { CommitResult, DocumentWrite, QuotaMove } from '../storage/records.ts'
import type { QuotasView } from './quotas-view.ts'

/** Usage of one meter, as it goes on record. */
export interface NewUsage {
  readonly meter: string
  readonly quantity: number
  readonly key?: string
  /** Set when the units are counted by a hard quota of this period. */
  readonly quotaPeriod?: string
  /** ms: when the latest of the tenant's periods began; absent where they are UTC's. */
  readonly periodFrom?: number
}

/** Usage that joins a transaction of the app's own. */
export interface JoinedUsage {
  recordUsage(entry: NewUsage): void
  /** Units that are set aside until it is known whether there is to be a transaction. */
  hold(units: { keep(): MaybePromise<void>; release(): MaybePromise<void> }): void
}

/** What usage reads of an open tenant context, and leaves on its record. */
export interface UsageScope {
  readonly tenant: { readonly id: string }
  readonly snapshot: { readonly usage: QuotasView }
  /** ms: when the snapshot was last known to be current. */
  readonly seenAt: number
  readonly owner: {
    now(): number
    /** A checkpoint: the tenant as it is. Refused if it is suspended, or the actor no member any more. */
    reload(scope: UsageScope): Promise<void>
  }
  /** Takes the usage instead while the app fills a transaction of its own. */
  readonly joined?: JoinedUsage | undefined
  note(event: JournalEvent): void
  recordUsage(entry: NewUsage): void
  /** Makes what the record holds so far durable. */
  settlePart(): Promise<void>
}

/** A move of quota counters and the event it leaves, in one transaction. */
export interface QuotaChange {
  readonly writes: readonly DocumentWrite[]
  readonly quotas: readonly QuotaMove[]
  readonly event: Omit<JournalEvent, 'notable'>
}

/** Commits a change of the scope's tenant. */
export type CommitQuota = (scope: UsageScope, change: QuotaChange) => Promise<CommitResult>
