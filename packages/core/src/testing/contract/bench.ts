import type { JournalEvent, JournalRecord } from '../../storage/journal-record.ts'
import { encodeBatch } from '../../storage/journal-record.ts'
import type {
  Change,
  CommitResult,
  DocumentKind,
  RecordsStore,
  TimelineEvent,
  TimelineQuery,
} from '../../storage/records.ts'
import type { Storage } from '../../storage/storage.ts'

/** A storage to be tested, not yet opened. */
export interface StorageUnderTest {
  readonly storage: Storage
  /** Closes and removes everything. */
  destroy(): Promise<void>
  /** Changes the body of the newest waiting journal row behind the storage's back; absent where nobody could. */
  forge?(): Promise<void>
}

export interface ContractCase {
  readonly name: string
  run(): Promise<void>
}

/** The time at which every case starts, ms. */
export const START: number = Date.UTC(2026, 10, 5, 12, 30)
export const HOUR = 3_600_000

const KINDS: readonly DocumentKind[] = [
  'tenants',
  'members',
  'config',
  'limit_overrides',
  'flag_overrides',
  'flags',
  'definitions',
]

/** An open storage with a clock that the case turns, and short words for what cases do. */
export class Bench {
  readonly #subject: StorageUnderTest
  readonly #seqs = new Map<string, number>()
  #records = 0
  now: number = START

  constructor(subject: StorageUnderTest) {
    this.#subject = subject
  }

  get records(): RecordsStore {
    return this.#subject.storage.records
  }

  get storage(): Storage {
    return this.#subject.storage
  }

  async open(): Promise<void> {
    await this.records.open({
      kinds: KINDS,
      usage: true,
      migrate: 'auto',
      durability: 'process',
      now: () => this.now,
    })
  }

  record(tenant: string, events: readonly JournalEvent[], rest: Partial<JournalRecord> = {}): JournalRecord {
    this.#records += 1
    return {
      id: `r${this.#records}`,
      tenant,
      at: this.now,
      actor: { type: 'user', id: 'ann' },
      events,
      ...rest,
    }
  }

  /** Appends records as the next batch of a writer; answers the batch, to be repeated. */
  async append(
    records: readonly JournalRecord[],
    { writer = 'w', lane = 0 }: { writer?: string; lane?: number } = {},
  ): Promise<Parameters<RecordsStore['append']>[0]> {
    const seq = (this.#seqs.get(writer) ?? 0) + 1
    this.#seqs.set(writer, seq)
    const body = encodeBatch(records.map((record) => JSON.stringify(record)))
    const batch = { writer, seq, lane, at: this.now, body }
    await this.records.append(batch)
    return batch
  }

  /** Leaves a hole in a writer's sequence. */
  skip(writer: string): void {
    this.#seqs.set(writer, (this.#seqs.get(writer) ?? 0) + 1)
  }

  commit(change: Partial<Change>): Promise<CommitResult> {
    return this.records.commit({ writer: 'w', lane: 0, writes: [], quotas: [], body: '[]', ...change })
  }

  async drain(lane = 0, holder = 'projector'): Promise<void> {
    for (let more = true; more; ) {
      const result = await this.records.project({ lane, holder, leaseMs: 10_000, maxRows: 100 })
      more = result.more && result.lease
    }
  }

  /** All of a tenant's events, page by page, newest first. */
  async timeline(tenant: string, query: Partial<TimelineQuery> = {}): Promise<readonly TimelineEvent[]> {
    const events: TimelineEvent[] = []
    let before = query.before
    for (;;) {
      const page = await this.records.timeline({ tenant, limit: 100, ...query, ...(before && { before }) })
      events.push(...page.events)
      if (!page.next) return events
      before = page.next
    }
  }

  get forge(): (() => Promise<void>) | undefined {
    return this.#subject.forge?.bind(this.#subject)
  }

  destroy(): Promise<void> {
    return this.#subject.destroy()
  }
}

/** Cases that each run on a storage of their own. */
export type Cases = Readonly<Record<string, (bench: Bench) => Promise<void>>>
