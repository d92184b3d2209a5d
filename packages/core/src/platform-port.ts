import type { Moment } from './moment.ts'
import type { JournalEvent } from './storage/journal-record.ts'
import type {
  CommitResult,
  DocumentQuery,
  DocumentSet,
  DocumentWrite,
  ListQuery,
  StoredDocument,
} from './storage/records.ts'
import type { Actor, Tenant } from './vocabulary.ts'

export interface OverrideOptions {
  /** Why this tenant has it; the reason of `platform.run` unless said. */
  readonly reason?: string | undefined
  /** From then on it does not count any more. */
  readonly until?: Moment | undefined
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
  /** Who acts, and why. @throws ThroughlineError `PLATFORM_REASON_REQUIRED` outside `platform.run` */
  acting(): { readonly actor: Actor; readonly reason: string }
  /** Puts what the operator looked at on the operator's trail. */
  note(event: Omit<JournalEvent, 'notable'>): void
  /** Every tenant; `undefined` where they can't be listed: the app keeps them, and gives no list. */
  tenants(): AsyncIterable<Tenant> | undefined
  /** Why the operator acts. @throws ThroughlineError `PLATFORM_REASON_REQUIRED` outside `platform.run` */
  reason(): string
  now(): number
}
