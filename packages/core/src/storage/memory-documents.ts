import type { Json } from '../vocabulary.ts'
import { periodHolds } from './quota-period.ts'
import type {
  Change,
  CommitResult,
  DocumentKind,
  DocumentQuery,
  DocumentSet,
  DocumentWrite,
  ListQuery,
  QuotaMove,
  RecordsStore,
  ScopeVersion,
  StoredDocument,
  UsageQuery,
  UsageTotal,
} from './records.ts'
import type { CounterMove } from './usage-fold.ts'

interface Entry extends Omit<StoredDocument, 'value'> {
  /** JSON: what is stored can't be changed through what was handed in or out. */
  readonly json: string
}

type RecordsUsage = (query: UsageQuery) => readonly UsageTotal[]

interface Scope {
  readonly version: number
  readonly changedAt: number
}

/** What a change would write, decided before any of it is. */
interface Staged {
  readonly entries: ReadonlyMap<string, { readonly write: DocumentWrite; readonly entry: Entry | undefined }>
  readonly quotas: ReadonlyMap<string, { readonly move: QuotaMove; readonly used: number }>
  readonly used: readonly number[]
}

/** Documents, scope versions and quota counters of the storage in memory. */
export class MemoryDocuments {
  /** By kind and tenant, then by key. */
  readonly #entries = new Map<string, Map<string, Entry>>()
  readonly #scopes = new Map<string, Scope>()
  /** By tenant and meter, then by period. */
  readonly #quotas = new Map<string, Map<string, number>>()

  readonly #usage: RecordsUsage

  /** @param usage what the roll-ups have */
  constructor(usage: RecordsUsage) {
    this.#usage = usage
  }

  /** All of a change, or nothing and the reason. */
  commit({ writes, quotas }: Pick<Change, 'writes' | 'quotas'>, now: number): CommitResult {
    const staged = this.#stage(writes, quotas)
    if ('status' in staged) return staged
    for (const { write, entry } of staged.entries.values()) this.#put(write, entry)
    for (const { move, used } of staged.quotas.values()) this.#count(move, used)
    const versions: ScopeVersion[] = []
    for (const scope of new Set(writes.map((write) => write.tenant))) {
      const version = (this.#scopes.get(scope)?.version ?? 0) + 1
      this.#scopes.set(scope, { version, changedAt: now })
      versions.push({ scope, version })
    }
    return { status: 'committed', versions, used: staged.used }
  }

  /** Counters that exist follow the ledger; none falls below 0. */
  moveCounters(move: CounterMove): void {
    const counters = this.#quotas.get(meterId(move))
    for (const [period, used] of counters ?? []) {
      const moved = 'period' in move ? period === move.period : period !== move.counted && periodHolds(period, move.at)
      if (moved) counters?.set(period, Math.max(0, used + move.delta))
    }
  }

  read({ tenant, kinds, key }: DocumentQuery): DocumentSet {
    const documents: StoredDocument[] = []
    for (const kind of new Set(kinds)) {
      const entries = this.#entries.get(groupId(kind, tenant))
      if (!entries) continue
      const found = key === undefined ? [...entries.values()].sort(order) : [entries.get(key)]
      for (const entry of found) if (entry) documents.push(documentOf(entry))
    }
    return { documents, version: this.#scopes.get(tenant)?.version ?? 0 }
  }

  list({ kind, tenant, after, limit }: ListQuery): readonly StoredDocument[] {
    const found: Entry[] = []
    for (const entries of this.#entries.values()) {
      for (const entry of entries.values()) {
        if (entry.kind !== kind) break
        if (tenant !== undefined && entry.tenant !== tenant) break
        if (after === undefined || order(entry, after) > 0) found.push(entry)
      }
    }
    return found.sort(order).slice(0, Math.max(0, limit)).map(documentOf)
  }

  versions(query: Parameters<RecordsStore['versions']>[0]): readonly ScopeVersion[] {
    const found: ScopeVersion[] = []
    if ('scopes' in query) {
      for (const scope of new Set(query.scopes)) {
        const known = this.#scopes.get(scope)
        if (known) found.push({ scope, version: known.version })
      }
    } else {
      for (const [scope, { version, changedAt }] of this.#scopes) {
        if (changedAt >= query.since) found.push({ scope, version })
      }
    }
    return found
  }

  #stage(writes: readonly DocumentWrite[], moves: readonly QuotaMove[]): Staged | CommitResult {
    const entries = new Map<string, { write: DocumentWrite; entry: Entry | undefined }>()
    const quotas = new Map<string, { move: QuotaMove; used: number }>()
    const used: number[] = []
    for (const [index, write] of writes.entries()) {
      const { kind, tenant, key, value, expect } = write
      const group = groupId(kind, tenant)
      const id = JSON.stringify([group, key])
      const staged = entries.get(id)
      const version = (staged ? staged.entry : this.#entries.get(group)?.get(key))?.version ?? 0
      if (expect !== undefined && expect !== version) return { status: 'conflict', write: index, version }
      const entry =
        value === null ? undefined : { kind, tenant, key, json: JSON.stringify(value), version: version + 1 }
      entries.set(id, { write, entry })
    }
    for (const [index, move] of moves.entries()) {
      const id = JSON.stringify([move.tenant, move.meter, move.period])
      const before = quotas.get(id)?.used ?? this.#quotas.get(meterId(move))?.get(move.period) ?? this.#seedOf(move)
      if (before === undefined) return { status: 'uncounted', quota: index }
      const after = before + move.delta
      if (move.limit !== undefined && after > move.limit) return { status: 'refused', quota: index, used: before }
      quotas.set(id, { move, used: Math.max(0, after) })
      used.push(Math.max(0, after))
    }
    return { entries, quotas, used }
  }

  #seedOf({ tenant, meter, seed }: QuotaMove): number | undefined {
    return seed && (this.#usage({ tenant, meter, ...seed })[0]?.quantity ?? 0)
  }

  #count(move: QuotaMove, used: number): void {
    const id = meterId(move)
    const counters = this.#quotas.get(id) ?? new Map<string, number>()
    this.#quotas.set(id, counters.set(move.period, used))
  }

  #put({ kind, tenant, key }: DocumentWrite, entry: Entry | undefined): void {
    const group = groupId(kind, tenant)
    const entries = this.#entries.get(group) ?? new Map<string, Entry>()
    if (entry) entries.set(key, entry)
    else entries.delete(key)
    if (entries.size > 0) this.#entries.set(group, entries)
    else this.#entries.delete(group)
  }
}

function groupId(kind: DocumentKind, tenant: string): string {
  return JSON.stringify([kind, tenant])
}

function meterId({ tenant, meter }: Pick<QuotaMove, 'tenant' | 'meter'>): string {
  return JSON.stringify([tenant, meter])
}

function documentOf({ json, ...entry }: Entry): StoredDocument {
  const value: Json = JSON.parse(json)
  return { ...entry, value }
}

/** By tenant, then key, as SQLite's BINARY collation: by the bytes of UTF-8. */
function order(a: Pick<Entry, 'tenant' | 'key'>, b: Pick<Entry, 'tenant' | 'key'>): number {
  return (
    Buffer.compare(Buffer.from(a.tenant), Buffer.from(b.tenant)) ||
    Buffer.compare(Buffer.from(a.key), Buffer.from(b.key))
  )
}
