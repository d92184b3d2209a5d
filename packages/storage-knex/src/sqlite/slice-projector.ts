import type { JournalRow, ProjectRequest, ProjectResult, ReadJournal, WriterState } from '@throughline/core/storage'
import { foldJournal, newId, readJournal, usageKeyId } from '@throughline/core/storage'
import { HAS_APP_KEY } from '../migrations/migrations.ts'
import type { Connection } from './connection.ts'
import { checkKey } from './journal-key.ts'
import type { StoredHead } from './write-projection.ts'
import { headsAfter, writeProjection } from './write-projection.ts'

/** A slice holds the write lock this long; appends wait behind it. */
const TARGET_MS = 4
const FIRST_BYTES = 64 * 1_024
const LEAST_BYTES = 16 * 1_024
const MOST_BYTES = 8 * 1_024 * 1_024
/** Nobody takes a lease for longer: one that ends later was taken before the clock was set back, and binds nobody. */
const LONGEST_LEASE_MS = 60_000

/** Trail heads that are remembered; beyond it all are looked up again. */
const MAX_KNOWN = 10_000

interface Lease {
  readonly holder: string
  readonly token: number
  readonly expiresAt: number
  readonly position: number
}

const IDLE = { lease: true, rows: 0, records: 0, more: false } as const
const HELD_BY_ANOTHER = { lease: false, rows: 0, records: 0, more: false } as const

/** Projects the journal in slices, each one transaction, sized by how long the last ones took. */
export class SliceProjector {
  readonly #connection: Connection
  readonly #secret: string
  #bytes = FIRST_BYTES
  /** Heads as the last slice left them: they hold as long as no other connection has written since. */
  readonly #known = new Map<string, StoredHead>()
  #dataVersion: number | undefined

  constructor(connection: Connection, secret: string) {
    this.#connection = connection
    this.#secret = secret
  }

  /** One slice of one lane, in a transaction of its own. */
  project(request: ProjectRequest, now: number): ProjectResult {
    const lease = this.#lease(request.lane)
    if (lease && isForeign(lease, request, now)) return HELD_BY_ANOTHER
    if (lease && isSettled(lease, request, now) && !this.#isWaiting(request.lane)) return IDLE

    const started = workMs()
    this.#connection.run('BEGIN IMMEDIATE')
    try {
      const { result, bytes } = this.#slice(request, now)
      this.#connection.run('COMMIT')
      if (result.rows > 0) this.#adapt(bytes, workMs() - started)
      return result
    } catch (error) {
      this.#known.clear()
      this.#connection.rollback()
      throw error
    }
  }

  #slice(request: ProjectRequest, now: number): { result: ProjectResult; bytes: number } {
    const lease = this.#lease(request.lane)
    if (lease && isForeign(lease, request, now)) return { result: HELD_BY_ANOTHER, bytes: 0 }
    const { rows, more, bytes } = this.#take(request)
    this.#hold(request, lease, rows.at(-1)?.id ?? lease?.position ?? 0, now)
    const first = rows[0]
    const last = rows.at(-1)
    if (!first || !last) return { result: { ...IDLE, more }, bytes }

    checkKey(this.#connection, this.#secret)
    const read = readJournal(rows, this.#writers(rows), { secret: this.#secret, now: () => now, newId })
    const heads = this.#heads(read.tenants)
    const projection = foldJournal(read, { heads, counted: this.#counted(read) })
    const after = headsAfter(projection, read, heads)
    writeProjection(this.#connection, projection, { heads: after, usage: this.#hasUsage(), now })
    this.#remember(after)
    this.#connection.run(
      'DELETE FROM throughline_journal WHERE lane = ? AND id BETWEEN ? AND ?',
      request.lane,
      first.id,
      last.id,
    )
    return { result: { lease: true, rows: rows.length, records: projection.records, more }, bytes }
  }

  #take({ lane, maxRows }: ProjectRequest): { rows: JournalRow[]; more: boolean; bytes: number } {
    const rows: JournalRow[] = []
    let bytes = 0
    let more = false
    const waiting = this.#connection.each<JournalRow>(
      'SELECT id, writer, seq, prev, mac, body FROM throughline_journal WHERE lane = ? ORDER BY id LIMIT ?',
      lane,
      maxRows + 1,
    )
    for (const row of waiting) {
      if (rows.length >= maxRows || (rows.length > 0 && bytes + row.body.length > this.#bytes)) {
        more = true
        break
      }
      rows.push(row)
      bytes += row.body.length
    }
    return { rows, more, bytes }
  }

  #adapt(bytes: number, tookMs: number): void {
    const factor = Math.min(1.5, Math.max(0.5, TARGET_MS / tookMs))
    if (factor > 1 && bytes < this.#bytes / 2) return
    this.#bytes = Math.min(MOST_BYTES, Math.max(LEAST_BYTES, this.#bytes * factor))
  }

  #lease(lane: number): Lease | undefined {
    return this.#connection.get<Lease>(
      'SELECT holder, token, expires_at AS expiresAt, position FROM throughline_leases WHERE lane = ?',
      lane,
    )
  }

  #hold({ lane, holder, leaseMs }: ProjectRequest, lease: Lease | undefined, position: number, now: number): void {
    const token = lease ? lease.token + (lease.holder === holder ? 0 : 1) : 1
    this.#connection.run(
      `INSERT INTO throughline_leases (lane, holder, token, expires_at, position) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (lane) DO UPDATE SET holder = excluded.holder, token = excluded.token,
  expires_at = excluded.expires_at, position = excluded.position`,
      lane,
      holder,
      token,
      now + leaseMs,
      position,
    )
  }

  #isWaiting(lane: number): boolean {
    return this.#connection.get('SELECT 1 FROM throughline_journal WHERE lane = ? LIMIT 1', lane) !== undefined
  }

  #writers(rows: readonly JournalRow[]): Map<string, WriterState> {
    const states = new Map<string, WriterState>()
    for (const writer of new Set(rows.map((row) => row.writer))) {
      const state = this.#connection.get<WriterState>(
        'SELECT seq, mac FROM throughline_writers WHERE writer = ?',
        writer,
      )
      if (state) states.set(writer, state)
    }
    return states
  }

  #heads(tenants: readonly string[]): Map<string, StoredHead> {
    const version = this.#connection.get<{ data_version: number }>('PRAGMA data_version')?.data_version
    if (version !== this.#dataVersion) this.#known.clear()
    this.#dataVersion = version
    const heads = new Map<string, StoredHead>()
    for (const tenant of tenants) {
      const known = this.#known.get(tenant)
      if (known) {
        heads.set(tenant, known)
        continue
      }
      const head = this.#connection.get<StoredHead>(
        'SELECT seq, hash, latest_at AS latest FROM throughline_heads WHERE tenant_id = ?',
        tenant,
      )
      if (head) heads.set(tenant, head)
    }
    return heads
  }

  #remember(heads: ReadonlyMap<string, StoredHead>): void {
    if (this.#known.size + heads.size > MAX_KNOWN) this.#known.clear()
    for (const [tenant, head] of heads) this.#known.set(tenant, head)
  }

  #counted({ usageKeys }: ReadJournal): Set<string> {
    const counted = new Set<string>()
    if (usageKeys.length === 0 || !this.#hasUsage()) return counted
    for (const usage of usageKeys) {
      const found = this.#connection.get(
        `SELECT 1 FROM throughline_usage_ledger WHERE tenant_id = ? AND meter = ? AND key = ? AND ${HAS_APP_KEY}`,
        usage.tenant,
        usage.meter,
        usage.key,
      )
      if (found !== undefined) counted.add(usageKeyId(usage))
    }
    return counted
  }

  /** By what is there, not by this process's options: what another process counts must not be lost here. */
  #hasUsage(): boolean {
    return (
      this.#connection.get("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'throughline_usage_ledger'") !==
      undefined
    )
  }
}

/**
 * ms that this thread has worked (Node 23.9 on; before it, the time of day): a thread that waits for a processor must not
 * take that for work, or slices shrink, each record costs more, and it waits longer.
 */
function workMs(): number {
  const usage = process.threadCpuUsage?.()
  return usage ? (usage.user + usage.system) / 1_000 : performance.now()
}

function isForeign(lease: Lease, { holder }: ProjectRequest, now: number): boolean {
  return lease.holder !== holder && lease.expiresAt > now && lease.expiresAt <= now + LONGEST_LEASE_MS
}

function isSettled(lease: Lease, { holder, leaseMs }: ProjectRequest, now: number): boolean {
  return lease.holder === holder && leaseMs > 0 && lease.expiresAt - now > leaseMs / 2
}
