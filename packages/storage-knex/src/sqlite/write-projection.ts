import type { CounterMove, Projection, ReadJournal, TrailHead } from '@throughline/core/storage'
import { boundedQuantity, MOST } from '../bounded-quantity.ts'
import { countedMoment } from '../counted-moment.ts'
import type { Connection } from './connection.ts'

export interface StoredHead extends TrailHead {
  /** ms: the latest event of the whole trail. */
  readonly latest: number
}

interface SliceState {
  /** As {@link headsAfter} the slice. */
  readonly heads: ReadonlyMap<string, StoredHead>
  /** Whether there are tables of usage. */
  readonly usage: boolean
  readonly now: number
}

/** Writes what a slice folds into, inside the slice's transaction. */
export function writeProjection(connection: Connection, projection: Projection, state: SliceState): void {
  writeTrail(connection, projection, state)
  for (const { tenant, action, seq, index, at, actor, record } of projection.notable) {
    connection.run(
      'INSERT INTO throughline_notable (tenant_id, action, seq, event_index, at, actor_id, record) VALUES (?, ?, ?, ?, ?, ?, ?)',
      tenant,
      action,
      seq,
      index,
      at,
      actor,
      record,
    )
  }
  for (const { tenant, at, of, count } of projection.repeats) {
    connection.run(
      `INSERT INTO throughline_repeats (tenant_id, at, record_id, count) VALUES (?, ?, ?, ?)
ON CONFLICT (tenant_id, at, record_id) DO UPDATE SET count = count + excluded.count`,
      tenant,
      at,
      of,
      count,
    )
  }
  for (const [writer, { seq, mac }] of projection.writers) {
    connection.run(
      `INSERT INTO throughline_writers (writer, seq, mac, updated_at) VALUES (?, ?, ?, ?)
ON CONFLICT (writer) DO UPDATE SET seq = excluded.seq, mac = excluded.mac, updated_at = excluded.updated_at`,
      writer,
      seq,
      mac,
      state.now,
    )
  }
  if (state.usage) writeUsage(connection, projection)
}

function writeTrail(connection: Connection, projection: Projection, { heads }: SliceState): void {
  for (const [tenant, { seq, hash, latest }] of heads) {
    connection.run(
      `INSERT INTO throughline_heads (tenant_id, seq, hash, latest_at) VALUES (?, ?, ?, ?)
ON CONFLICT (tenant_id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, latest_at = excluded.latest_at`,
      tenant,
      seq,
      hash,
      latest,
    )
  }
  for (const { tenant, firstSeq, count, from, to, body, prev, hash } of projection.segments) {
    connection.run(
      `INSERT INTO throughline_trail (tenant_id, first_seq, count, from_at, to_at, latest_at, prev_hash, hash, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      tenant,
      firstSeq,
      count,
      from,
      to,
      heads.get(tenant)?.latest ?? to,
      prev,
      hash,
      body,
    )
  }
}

/** Where the trails end once a slice is written. */
export function headsAfter(
  projection: Projection,
  read: ReadJournal,
  before: ReadonlyMap<string, StoredHead>,
): Map<string, StoredHead> {
  const heads = new Map<string, StoredHead>()
  for (const [tenant, { seq, hash }] of projection.heads) {
    heads.set(tenant, { seq, hash, latest: Math.max(before.get(tenant)?.latest ?? 0, latestEvent(read, tenant)) })
  }
  return heads
}

/** Grows with every segment, so that a reader knows when nothing older can be as young as it asks for. */
function latestEvent(read: ReadJournal, tenant: string): number {
  let latest = 0
  for (const { record } of read.entries.get(tenant) ?? []) {
    if (record.at > latest) latest = record.at
    for (const { after } of record.events)
      if (after !== undefined && record.at + after > latest) latest = record.at + after
  }
  return latest
}

const MOVE = `UPDATE throughline_quotas SET used = min(max(0, used + ?), ${MOST}) WHERE tenant_id = ? AND meter = ?`

/** The counters that exist: one by its name, or all whose period holds a moment (see `periodHolds`). */
function moveCounters(connection: Connection, move: CounterMove): void {
  const { tenant, meter } = move
  const delta = boundedQuantity(move.delta)
  if ('period' in move) {
    connection.run(`${MOVE} AND period = ?`, delta, tenant, meter, move.period)
    return
  }
  const { at, after, before } = countedMoment(move.at)
  connection.run(
    `${MOVE} AND period > ? AND period < ? AND (period = substr(?, 1, length(period)) OR substr(period, 26) > ?)
AND period IS NOT ?`,
    delta,
    tenant,
    meter,
    after,
    before,
    at,
    at,
    move.counted ?? null,
  )
}

function writeUsage(connection: Connection, { ledger, rollups, counterMoves }: Projection): void {
  for (const { tenant, meter, key, hour, quantity, count } of ledger) {
    connection.run(
      'INSERT INTO throughline_usage_ledger (tenant_id, meter, key, hour, quantity, count) VALUES (?, ?, ?, ?, ?, ?)',
      tenant,
      meter,
      key,
      hour,
      boundedQuantity(quantity),
      count,
    )
  }
  for (const { tenant, meter, hour, quantity, count } of rollups) {
    connection.run(
      `INSERT INTO throughline_usage_rollups (tenant_id, meter, hour, quantity, count) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (tenant_id, meter, hour) DO UPDATE
SET quantity = min(quantity + excluded.quantity, ${MOST}), count = count + excluded.count`,
      tenant,
      meter,
      hour,
      boundedQuantity(quantity),
      count,
    )
  }
  for (const move of counterMoves) moveCounters(connection, move)
}
