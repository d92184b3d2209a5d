import { randomBytes } from 'node:crypto'
import { newId } from '../clock.ts'
import { ThroughlineError } from '../errors.ts'
import { changeStream } from './change-stream.ts'
import { foldJournal } from './fold-journal.ts'
import type { JournalRow, WriterState } from './journal-seal.ts'
import { sealBatch } from './journal-seal.ts'
import { MemoryDocuments } from './memory-documents.ts'
import { memoryLimits } from './memory-limits.ts'
import { MemoryTrails } from './memory-trails.ts'
import { readJournal } from './read-journal.ts'
import type {
  Backlog,
  Change,
  CommitResult,
  DocumentQuery,
  DocumentSet,
  JournalBatch,
  ListQuery,
  ProjectRequest,
  ProjectResult,
  RecordsOpen,
  RecordsStore,
  ScopeVersion,
  StoredDocument,
  TimelinePage,
  TimelineQuery,
  UsageQuery,
  UsageTotal,
} from './records.ts'
import type { Storage } from './storage.ts'

/** Journal rows that may wait for the projector; a batch more is refused with `RECORDS_FULL`. */
const MAX_WAITING = 100_000

export interface MemoryStorageOptions {
  /** Records and usage keys kept for each tenant, 10,000 unless said; the oldest go first. */
  readonly maxRecordsPerTenant?: number
}

/**
 * Records and limits in this process's memory: the reference that every other storage agrees with, for tests and for
 * trying out. Nothing of it survives the process.
 *
 * @example
 * const throughline = createThroughline({ storage: memoryStorage() })
 */
export function memoryStorage(options: MemoryStorageOptions = {}): Storage {
  return { records: new MemoryRecords(options.maxRecordsPerTenant ?? 10_000), limits: memoryLimits() }
}

interface WaitingRow extends JournalRow {
  readonly lane: number
  readonly at: number
}

interface Lease {
  readonly holder: string
  readonly expiresAt: number
}

class MemoryRecords implements RecordsStore {
  readonly name = 'memory'
  readonly #documents: MemoryDocuments
  readonly #trails: MemoryTrails
  #journal: WaitingRow[] = []
  /** Each writer's newest batch, projected or not. */
  readonly #appended = new Map<string, WriterState>()
  readonly #projected = new Map<string, WriterState>()
  readonly #leases = new Map<number, Lease>()
  #secret = randomBytes(32).toString('base64url')
  #lastId = 0
  #now: () => number = () => 0

  constructor(maxRecordsPerTenant: number) {
    this.#trails = new MemoryTrails(maxRecordsPerTenant)
    this.#documents = new MemoryDocuments((query) => this.#trails.usage(query))
  }

  async open({ secret, now }: RecordsOpen): Promise<void> {
    this.#now = now
    if (secret !== undefined) this.#secret = secret
  }

  async close(): Promise<void> {}

  async append({ writer, seq, lane, body }: JournalBatch): Promise<void> {
    const newest = this.#appended.get(writer)
    if (newest && seq <= newest.seq) return
    this.#push(writer, seq, lane, body)
  }

  async commit(change: Change): Promise<CommitResult> {
    if (this.#journal.length >= MAX_WAITING) throw new ThroughlineError('RECORDS_FULL')
    const result = this.#documents.commit(change, this.#now())
    if (result.status === 'committed' && change.body !== '[]') {
      const stream = changeStream(change)
      this.#push(stream, (this.#appended.get(stream)?.seq ?? 0) + 1, change.lane, change.body)
    }
    return result
  }

  async project({ lane, holder, leaseMs, maxRows }: ProjectRequest): Promise<ProjectResult> {
    const now = this.#now()
    const lease = this.#leases.get(lane)
    if (lease && lease.holder !== holder && lease.expiresAt > now) {
      return { lease: false, rows: 0, records: 0, more: false }
    }
    this.#leases.set(lane, { holder, expiresAt: now + leaseMs })
    const waiting = this.#journal.filter((row) => row.lane === lane)
    const rows = waiting.slice(0, maxRows)
    if (rows.length === 0) return { lease: true, rows: 0, records: 0, more: waiting.length > 0 }

    const read = readJournal(rows, this.#projected, { secret: this.#secret, now: this.#now, newId })
    const projection = foldJournal(read, {
      heads: this.#trails.heads(read.tenants),
      counted: this.#trails.counted(read.usageKeys),
    })
    this.#trails.apply(projection)
    for (const move of projection.counterMoves) this.#documents.moveCounters(move)
    for (const [writer, state] of projection.writers) this.#projected.set(writer, state)
    const done = new Set<WaitingRow>(rows)
    this.#journal = this.#journal.filter((row) => !done.has(row))
    return { lease: true, rows: rows.length, records: projection.records, more: waiting.length > rows.length }
  }

  async backlog(): Promise<Backlog> {
    const oldest = this.#journal[0]
    return {
      rows: this.#journal.length,
      newest: this.#journal.at(-1)?.id ?? 0,
      oldest: oldest?.id ?? 0,
      ageMs: oldest ? Math.max(0, this.#now() - oldest.at) : 0,
      lanes: [...new Set(this.#journal.map(({ lane }) => lane))].sort((a, b) => a - b),
    }
  }

  async read(query: DocumentQuery): Promise<DocumentSet> {
    return this.#documents.read(query)
  }

  async list(query: ListQuery): Promise<readonly StoredDocument[]> {
    return this.#documents.list(query)
  }

  async versions(query: Parameters<RecordsStore['versions']>[0]): Promise<readonly ScopeVersion[]> {
    return this.#documents.versions(query)
  }

  async timeline(query: TimelineQuery): Promise<TimelinePage> {
    return this.#trails.timeline(query)
  }

  async usage(query: UsageQuery): Promise<readonly UsageTotal[]> {
    return this.#trails.usage(query)
  }

  #push(writer: string, seq: number, lane: number, body: string): void {
    if (this.#journal.length >= MAX_WAITING) throw new ThroughlineError('RECORDS_FULL')
    const prev = this.#appended.get(writer)?.mac ?? ''
    const mac = sealBatch(this.#secret, { writer, seq, prev, body })
    this.#lastId += 1
    this.#journal.push({ id: this.#lastId, writer, seq, lane, prev, mac, body, at: this.#now() })
    this.#appended.set(writer, { seq, mac })
  }
}
