import type {
  Change,
  CommitResult,
  DocumentWrite,
  JournalRow,
  NotableEvent,
  Projection,
  QuotaMove,
  ScopeVersion,
  Segment,
  StoredDocument,
  TrailHead,
  UsageQuery,
  UsageRollup,
  UsageTotal,
  WriterState,
} from '@throughline/core/storage'
import { periodHolds, usageKeyId } from '@throughline/core/storage'

/** A journal row as this storage keeps it. */
export interface WaitingRow extends JournalRow {
  readonly lane: number
  /** ms since the epoch. */
  readonly at: number
}

/** A change that was decided: what to put where, in absolute values, so that replaying it decides nothing again. */
export interface Decided {
  readonly documents: readonly (
    | StoredDocument
    | (Pick<StoredDocument, 'kind' | 'tenant' | 'key'> & { readonly gone: true })
  )[]
  readonly scopes: readonly (ScopeVersion & { readonly changedAt: number })[]
  readonly quotas: readonly (readonly [id: string, used: number])[]
  /** Counter values in the order of the moves. */
  readonly used: readonly number[]
}

/** Everything that a line of the log can say. */
export type LogEntry =
  | { readonly row: WaitingRow }
  | { readonly change: Decided; readonly row?: WaitingRow }
  | { readonly projected: SavedProjection; readonly lane: number; readonly upTo: number }

/** A projection whose maps are lists, as JSON has them. */
type SavedProjection = Omit<Projection, 'heads' | 'writers'> & {
  readonly heads: readonly (readonly [string, TrailHead])[]
  readonly writers: readonly (readonly [string, WriterState])[]
}

/** What the lines of the log add up to. */
export class State {
  lastId = 0
  journal: WaitingRow[] = []
  /** Each writer's newest batch, projected or not. */
  readonly appended = new Map<string, WriterState>()
  readonly projected = new Map<string, WriterState>()
  readonly documents = new Map<string, StoredDocument>()
  readonly scopes = new Map<string, ScopeVersion & { readonly changedAt: number }>()
  readonly quotas = new Map<string, number>()
  readonly heads = new Map<string, TrailHead>()
  readonly segments = new Map<string, Segment[]>()
  readonly notable = new Map<string, NotableEvent[]>()
  /** By tenant, then by record. */
  readonly repeats = new Map<string, Map<string, number>>()
  readonly counted = new Set<string>()
  readonly rollups = new Map<string, UsageRollup>()

  apply(entry: LogEntry): void {
    if ('change' in entry) this.#change(entry.change)
    if ('projected' in entry) this.#project(entry.projected, entry.lane, entry.upTo)
    else if (entry.row) {
      const { row } = entry
      this.journal.push(row)
      this.appended.set(row.writer, { seq: row.seq, mac: row.mac })
      this.lastId = row.id
    }
  }

  /** Decides a change without carrying it out: all of it, or the reason why not. */
  decide({ writes, quotas }: Pick<Change, 'writes' | 'quotas'>, now: number): Decided | CommitResult {
    const documents = new Map<string, Decided['documents'][number]>()
    for (const [index, write] of writes.entries()) {
      const id = documentId(write)
      const before = documents.get(id) ?? this.documents.get(id)
      const version = before && 'version' in before ? before.version : 0
      if (write.expect !== undefined && write.expect !== version) return { status: 'conflict', write: index, version }
      const { kind, tenant, key, value } = write
      documents.set(
        id,
        value === null ? { kind, tenant, key, gone: true } : { kind, tenant, key, value, version: version + 1 },
      )
    }
    const counters = new Map<string, number>()
    const used: number[] = []
    for (const [index, move] of quotas.entries()) {
      const seed = move.seed && (this.usage({ ...move, ...move.seed })[0]?.quantity ?? 0)
      const before = counters.get(quotaId(move)) ?? this.quotas.get(quotaId(move)) ?? seed
      if (before === undefined) return { status: 'uncounted', quota: index }
      const after = before + move.delta
      if (move.limit !== undefined && after > move.limit) return { status: 'refused', quota: index, used: before }
      counters.set(quotaId(move), Math.max(0, after))
      used.push(Math.max(0, after))
    }
    const scopes = [...new Set(writes.map(({ tenant }) => tenant))].map((scope) => ({
      scope,
      version: (this.scopes.get(scope)?.version ?? 0) + 1,
      changedAt: now,
    }))
    return { documents: [...documents.values()], scopes, quotas: [...counters], used }
  }

  usage({ tenant, meter, from, to }: UsageQuery): readonly UsageTotal[] {
    const totals = new Map<string, UsageTotal>()
    for (const rollup of this.rollups.values()) {
      if (rollup.tenant !== tenant || rollup.hour < from || rollup.hour >= to) continue
      if (meter !== undefined && rollup.meter !== meter) continue
      const { quantity = 0, count = 0 } = totals.get(rollup.meter) ?? {}
      const sum = { quantity: quantity + rollup.quantity, count: count + rollup.count }
      totals.set(rollup.meter, { meter: rollup.meter, ...sum })
    }
    return [...totals.values()].sort((a, b) => (a.meter < b.meter ? -1 : 1))
  }

  #change({ documents, scopes, quotas }: Decided): void {
    for (const document of documents) {
      if ('gone' in document) this.documents.delete(documentId(document))
      else this.documents.set(documentId(document), document)
    }
    for (const scope of scopes) this.scopes.set(scope.scope, scope)
    for (const [id, used] of quotas) this.quotas.set(id, used)
  }

  #project(projection: SavedProjection, lane: number, upTo: number): void {
    this.journal = this.journal.filter((row) => row.lane !== lane || row.id > upTo)
    for (const [writer, state] of projection.writers) this.projected.set(writer, state)
    for (const [tenant, head] of projection.heads) this.heads.set(tenant, head)
    for (const segment of projection.segments) listOf(this.segments, segment.tenant).push(segment)
    for (const event of projection.notable) listOf(this.notable, event.tenant).push(event)
    for (const { tenant, of, count } of projection.repeats) {
      const counts = this.repeats.get(tenant) ?? new Map<string, number>()
      this.repeats.set(tenant, counts.set(of, (counts.get(of) ?? 0) + count))
    }
    for (const entry of projection.ledger) this.counted.add(usageKeyId(entry))
    for (const rollup of projection.rollups) {
      const id = usageKeyId({ ...rollup, key: String(rollup.hour) })
      const { quantity = 0, count = 0 } = this.rollups.get(id) ?? {}
      this.rollups.set(id, { ...rollup, quantity: quantity + rollup.quantity, count: count + rollup.count })
    }
    for (const move of projection.counterMoves) {
      for (const [id, used] of this.quotas) {
        const [tenant, meter, period] = JSON.parse(id)
        if (tenant !== move.tenant || meter !== move.meter) continue
        const moved =
          'period' in move ? period === move.period : period !== move.counted && periodHolds(period, move.at)
        if (moved) this.quotas.set(id, Math.max(0, used + move.delta))
      }
    }
  }
}

export function documentId({ kind, tenant, key }: Pick<DocumentWrite, 'kind' | 'tenant' | 'key'>): string {
  return JSON.stringify([kind, tenant, key])
}

function quotaId({ tenant, meter, period }: Pick<QuotaMove, 'tenant' | 'meter' | 'period'>): string {
  return JSON.stringify([tenant, meter, period])
}

function listOf<T>(lists: Map<string, T[]>, key: string): T[] {
  const list = lists.get(key) ?? []
  lists.set(key, list)
  return list
}
