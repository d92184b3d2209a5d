import type { JournalEvent } from './storage/journal-record.ts'
import type {
  CommitResult,
  DocumentQuery,
  DocumentSet,
  DocumentWrite,
  ListQuery,
  StoredDocument,
} from './storage/records.ts'

export interface OverrideOptions {
  /** From then on it does not count any more: a Date, ms since the epoch, or ISO 8601. */
  readonly until?: Date | number | string
}

/** What the platform's parts need: every change is the operator's, with a reason, on the trail it concerns. */
export interface PlatformPort {
  /**
   * Commits on the trail of a tenant (or the operator's own), and notes the act on the operator's.
   *
   * @throws ThroughlineError `PLATFORM_REASON_REQUIRED` outside `platform.run`
   */
  commit(
    trail: string,
    change: { readonly writes: readonly DocumentWrite[]; readonly event: Omit<JournalEvent, 'notable'> },
  ): Promise<CommitResult>
  /**
   * The same, for a tenant that has to exist: what is set for a misspelt id would hold for nobody.
   *
   * @throws ThroughlineError `PLATFORM_REASON_REQUIRED`, `TENANT_NOT_FOUND`
   */
  commitFor(tenantId: string, change: Parameters<PlatformPort['commit']>[1]): Promise<CommitResult>
  /** @throws ThroughlineError `PLATFORM_REASON_REQUIRED` outside `platform.run` */
  read(query: DocumentQuery): Promise<DocumentSet>
  /** @throws ThroughlineError `PLATFORM_REASON_REQUIRED` outside `platform.run` */
  list(query: ListQuery): Promise<readonly StoredDocument[]>
  now(): number
}
