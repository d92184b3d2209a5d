import type { Catalog, MeterDefinition, Quota } from '../../src/catalog/definitions.ts'
import { encodeBatch, type JournalEvent, type RecordsStore } from '../../src/storage/index.ts'
import { memoryStorage } from '../../src/storage/memory.ts'
import { usageMetadata } from '../../src/storage/usage-event.ts'
import {
  type Calendar,
  createUsage,
  type QuotasView,
  quotasView,
  type UsageEngine,
  type UsageOptions,
  type UsageScope,
} from '../../src/usage/index.ts'

const ACTOR = { type: 'user', id: 'u1' }

/** Usage on the storage in memory: contexts that append, commits, and a projector that works when it is asked. */
export class Ledger {
  readonly records: RecordsStore = memoryStorage().records
  readonly meters: Readonly<Record<string, MeterDefinition>> = {
    reports: { aggregate: 'count' },
    bytes: { aggregate: 'sum' },
  }
  now = Date.parse('2026-11-15T10:30:00Z')
  commits = 0
  /** Set to make every commit fail. */
  down = false
  behind = false
  #seq = 0
  #ids = 0

  async open(): Promise<this> {
    await this.records.open({
      kinds: [],
      usage: true,
      migrate: 'auto',
      durability: 'process',
      now: () => this.now,
    })
    return this
  }

  engine(scope: UsageScope, options: Partial<UsageOptions> = {}): UsageEngine<Catalog> {
    return createUsage<Catalog>({
      scope: () => scope,
      meters: this.meters,
      commit: (of, change) => this.commit(of.tenant.id, change),
      drain: () => this.drain(),
      totals: (query) => this.records.usage(query),
      now: () => this.now,
      ...options,
    })
  }

  scope(quotas: Readonly<Record<string, Quota>> = {}, tenant = 'acme', calendar?: Calendar): LedgerScope {
    return new LedgerScope(this, tenant, quotasView(quotas, calendar))
  }

  async append(tenant: string, events: readonly JournalEvent[]): Promise<void> {
    this.#seq += 1
    await this.records.append({ writer: 'w', seq: this.#seq, lane: 0, body: this.#body(tenant, events) })
  }

  async commit(tenant: string, change: Parameters<UsageOptions['commit']>[1]): ReturnType<UsageOptions['commit']> {
    this.commits += 1
    if (this.down) throw new Error('no connection')
    const { writes, quotas, event } = change
    return this.records.commit({ writer: 'w', lane: 0, writes, quotas, body: this.#body(tenant, [event]) })
  }

  async drain(): Promise<{ behind: boolean }> {
    if (this.behind) return { behind: true }
    while ((await this.records.project({ lane: 0, holder: 'p', leaseMs: 1_000, maxRows: 100 })).more);
    return { behind: false }
  }

  #body(tenant: string, events: readonly JournalEvent[]): string {
    this.#ids += 1
    return encodeBatch([JSON.stringify({ id: `r${this.#ids}`, tenant, at: this.now, actor: ACTOR, events })])
  }
}

export class LedgerScope implements UsageScope {
  readonly tenant: { readonly id: string }
  snapshot: UsageScope['snapshot']
  readonly noted: JournalEvent[] = []
  seenAt: number
  /** What a checkpoint finds; an error is its refusal. */
  found: QuotasView | Error | undefined
  readonly owner = {
    now: () => this.#ledger.now,
    reload: async () => {
      if (this.found instanceof Error) throw this.found
      if (this.found) this.snapshot = { usage: this.found }
      this.seenAt = this.#ledger.now
    },
  }
  readonly #ledger: Ledger
  #events: JournalEvent[] = []

  constructor(ledger: Ledger, tenant: string, usage: QuotasView) {
    this.#ledger = ledger
    this.tenant = { id: tenant }
    this.snapshot = { usage }
    this.seenAt = ledger.now
  }

  note(event: JournalEvent): void {
    this.noted.push(event)
  }

  recordUsage(usage: Parameters<UsageScope['recordUsage']>[0]): void {
    this.#events.push({
      action: 'usage.recorded',
      targets: [{ type: 'meter', id: usage.meter }],
      metadata: usageMetadata(usage, this.#ledger.now),
    })
  }

  async settlePart(): Promise<void> {
    const events = this.#events
    this.#events = []
    if (events.length > 0) await this.#ledger.append(this.tenant.id, events)
  }
}
