import type { JournalEvent } from '../storage/journal-record.ts'
import type { CommitResult, DocumentWrite, QuotaMove } from '../storage/records.ts'
import type { QuotasView } from './quotas-view.ts'

/** What usage reads of an open tenant context, and leaves on its record. */
export interface UsageScope {
  readonly tenant: { readonly id: string }
  readonly snapshot: { readonly usage: QuotasView }
  note(event: JournalEvent): void
  recordUsage(entry: {
    readonly meter: string
    readonly quantity: number
    readonly key?: string
    readonly quotaPeriod?: string
  }): void
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
