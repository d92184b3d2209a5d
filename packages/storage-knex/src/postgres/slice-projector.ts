import type { JournalRow, ProjectRequest, ProjectResult, ReadJournal, WriterState } from '@throughline/core/storage'
import { foldJournal, newId, readJournal, usageKeyId } from '@throughline/core/storage'
import { HAS_APP_KEY } from '../migrations/migrations.ts'
import { headsAfter, type StoredHead } from '../sqlite/write-projection.ts'
import { isRepeatable } from './failure.ts'
import { JournalCleaner } from './journal-cleaner.ts'
import { otherKey, printOf } from './journal-key.ts'
import type { PostgresConnection, PostgresPool } from './pool.ts'
import { seedLock } from './routines.ts'
import { writeProjection } from './write-projection.ts'

/** ms of this thread that folding a slice takes: requests wait behind it. */
const TARGET_MS = 2
const FIRST_BYTES = 64 * 1_024
const LEAST_BYTES = 16 * 1_024
const MOST_BYTES = 8 * 1_024 * 1_024
/** No more rows are looked at than can be in a slice. */
const LEAST_ROW_BYTES = 256
/** Nobody takes a lease for longer: one that ends later was taken before the clock was set back, and binds nobody. */
const LONGEST_LEASE_MS = 60_000
const ATTEMPTS = 4

const IDLE = { lease: true, rows: 0, records: 0, more: false } as const
const HELD_BY_ANOTHER = { lease: false, rows: 0, records: 0, more: false } as const

/** Takes the lease and keeps its row locked to the end of the transaction: a holder that lost it meanwhile writes nothing. */
const HOLD = `INSERT INTO throughline_leases AS l (lane, holder, token, expires_at, position) VALUES ($1, $2, 1, $3, 0)
ON CONFLICT (lane) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at,
  token = l.token + CASE WHEN l.holder = excluded.holder THEN 0 ELSE 1 END
WHERE l.holder = excluded.holder OR l.expires_at <= $4 OR l.expires_at > $5
RETURNING lane`

/** What waits, by its own rows and never by a position: ids become visible in another order than they were given. */
const TAKE = `SELECT r.id, r.slot, r.writer, r.seq, r.prev, r.mac, r.body, w.seq AS "stateSeq", w.mac AS "stateMac", r.waiting
FROM (
  SELECT j.*, sum(octet_length(j.body)) OVER (ORDER BY j.id) - octet_length(j.body) AS before, count(*) OVER () AS waiting
  FROM (SELECT * FROM throughline_journal WHERE lane = $1 ORDER BY id LIMIT $2) AS j
) AS r LEFT JOIN throughline_writers AS w ON w.writer = r.writer
WHERE r.before < $3 ORDER BY r.id`

interface TakenRow extends JournalRow {
  readonly slot: number
  readonly stateSeq: number | null
  readonly stateMac: string | null
  readonly waiting: number
}

/** Projects the journal in slices, each one transaction, sized by how long this thread folds them. */
export class SliceProjector {
  readonly #pool: PostgresPool
  readonly #secret: string
  readonly #print: string
  readonly #now: () => number
  readonly #cleaner = new JournalCleaner()
  #bytes = FIRST_BYTES

  constructor(pool: PostgresPool, secret: string, now: () => number) {
    this.#pool = pool
    this.#secret = secret
    this.#print = printOf(secret)
    this.#now = now
  }

  /** One slice of one lane, in a transaction of its own. */
  project(request: ProjectRequest): Promise<ProjectResult> {
    return this.#pool.use(async (connection) => {
      for (let attempt = 1; ; attempt++) {
        try {
          const result = await connection.transaction(() => this.#slice(connection, request, this.#now()))
          if (result.lease && request.maxRows > 0) await this.#cleaner.clean(connection, this.#now())
          return result
        } catch (error) {
          if (attempt === ATTEMPTS || !isRepeatable(error)) throw error
        }
      }
    })
  }

  async #slice(connection: PostgresConnection, request: ProjectRequest, now: number): Promise<ProjectResult> {
    const { lane, holder, leaseMs, maxRows } = request
    const held = await connection.get(HOLD, lane, holder, now + leaseMs, now, now + LONGEST_LEASE_MS)
    if (!held) return HELD_BY_ANOTHER
    if (maxRows === 0) return IDLE
    const most = Math.min(maxRows, Math.ceil(this.#bytes / LEAST_ROW_BYTES))
    const rows = await connection.all<TakenRow>(TAKE, lane, most + 1, this.#bytes)
    const waiting = rows[0]?.waiting ?? 0
    const taken = rows.slice(0, most)
    if (taken.length === 0) return IDLE

    const state = await this.#state(connection, lane)
    if (state.print !== this.#print) throw otherKey()
    const started = performance.now()
    const read = readJournal(taken, statesOf(taken), { secret: this.#secret, now: () => now, newId })
    const readMs = performance.now() - started
    const heads = await headsOf(connection, read.tenants)
    const counted = state.usage ? await countedOf(connection, read) : new Set<string>()
    const resumed = performance.now()
    const projection = foldJournal(read, { heads, counted })
    this.#adapt(taken, readMs + performance.now() - resumed)
    await writeProjection(connection, projection, {
      heads: headsAfter(projection, read, heads),
      usage: state.usage,
      now,
    })
    await remove(connection, lane, taken)
    return { lease: true, rows: taken.length, records: projection.records, more: waiting > taken.length }
  }

  /** By what is there, not by this process's options: what another process counts must not be lost here. */
  async #state(connection: PostgresConnection, lane: number): Promise<{ usage: boolean; print: string | null }> {
    const state = await connection.get<{ usage: boolean; print: string | null }>(
      `SELECT to_regclass('throughline_usage_ledger') IS NOT NULL AS usage,
  (SELECT mac FROM throughline_writers WHERE writer = '$key') AS print,
  pg_advisory_xact_lock_shared(${seedLock('$1::bigint')})::text AS shared`,
      lane,
    )
    return state ?? { usage: false, print: null }
  }

  #adapt(rows: readonly JournalRow[], tookMs: number): void {
    const bytes = rows.reduce((sum, { body }) => sum + body.length, 0)
    const factor = Math.min(1.5, Math.max(0.5, TARGET_MS / tookMs))
    if (factor > 1 && bytes < this.#bytes / 2) return
    this.#bytes = Math.min(MOST_BYTES, Math.max(LEAST_BYTES, Math.round(this.#bytes * factor)))
  }
}

function statesOf(rows: readonly TakenRow[]): Map<string, WriterState> {
  const states = new Map<string, WriterState>()
  for (const { writer, stateSeq, stateMac } of rows) {
    if (stateSeq !== null && stateMac !== null) states.set(writer, { seq: stateSeq, mac: stateMac })
  }
  return states
}

/** Each partition's rows by a statement of their own, which no other partition is asked for. */
async function remove(connection: PostgresConnection, lane: number, rows: readonly TakenRow[]): Promise<void> {
  for (const slot of new Set(rows.map((row) => row.slot))) {
    await connection.all(
      'DELETE FROM throughline_journal WHERE slot = $1 AND lane = $2 AND id = ANY($3::bigint[])',
      slot,
      lane,
      rows.filter((row) => row.slot === slot).map(({ id }) => id),
    )
  }
}

async function headsOf(connection: PostgresConnection, tenants: readonly string[]): Promise<Map<string, StoredHead>> {
  const rows = await connection.all<StoredHead & { tenant: string }>(
    `SELECT tenant_id AS tenant, seq, hash, latest_at AS latest FROM throughline_heads WHERE tenant_id = ANY($1::text[])`,
    tenants,
  )
  return new Map(rows.map(({ tenant, ...head }) => [tenant, head]))
}

async function countedOf(connection: PostgresConnection, { usageKeys }: ReadJournal): Promise<Set<string>> {
  if (usageKeys.length === 0) return new Set()
  const rows = await connection.all<Parameters<typeof usageKeyId>[0]>(
    `SELECT l.tenant_id AS tenant, l.meter, l.key FROM throughline_usage_ledger AS l
JOIN (SELECT DISTINCT * FROM unnest($1::text[], $2::text[], $3::text[])) AS wanted (tenant_id, meter, key)
  ON l.tenant_id = wanted.tenant_id AND l.meter = wanted.meter AND l.key = wanted.key
WHERE l.${HAS_APP_KEY}`,
    usageKeys.map(({ tenant }) => tenant),
    usageKeys.map(({ meter }) => meter),
    usageKeys.map(({ key }) => key),
  )
  return new Set(rows.map(usageKeyId))
}
