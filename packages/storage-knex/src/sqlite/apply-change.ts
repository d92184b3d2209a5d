import type { Change, CommitResult, DocumentWrite, QuotaMove, ScopeVersion } from '@throughline/core/storage'
import { changeStream } from '@throughline/core/storage'
import { MOST } from '../bounded-quantity.ts'
import { documentTable } from '../migrations/migrations.ts'
import type { Connection } from './connection.ts'
import type { JournalTable } from './journal-table.ts'

/**
 * Applies a change and its journal record inside a transaction of the caller, who undoes it unless the answer is
 * `committed`. The journal row comes last, so a change that is undone never took a number.
 */
export function applyChange(connection: Connection, journal: JournalTable, change: Change, now: number): CommitResult {
  for (const [index, write] of change.writes.entries()) {
    const version = versionOf(connection, write)
    if (write.expect !== undefined && write.expect !== version) return { status: 'conflict', write: index, version }
    put(connection, write, version + 1, now)
  }
  const used: number[] = []
  for (const [index, move] of change.quotas.entries()) {
    const before = usedOf(connection, move) ?? seedOf(connection, move)
    if (before === undefined) return { status: 'uncounted', quota: index }
    const after = before + move.delta
    if (move.limit !== undefined && after > move.limit) return { status: 'refused', quota: index, used: before }
    used.push(count(connection, move, Math.max(0, after)))
  }
  const versions: ScopeVersion[] = []
  for (const scope of new Set(change.writes.map((write) => write.tenant))) {
    versions.push({ scope, version: nextVersion(connection, scope, now) })
  }
  if (change.body !== '[]') journal.appendNext(changeStream(change), change.lane, change.body, now)
  return { status: 'committed', versions, used }
}

function versionOf(connection: Connection, { kind, tenant, key }: DocumentWrite): number {
  const sql = `SELECT version FROM ${documentTable(kind)} WHERE tenant_id = ? AND key = ?`
  return connection.get<{ version: number }>(sql, tenant, key)?.version ?? 0
}

function put(connection: Connection, write: DocumentWrite, version: number, now: number): void {
  const { kind, tenant, key, value } = write
  if (value === null) {
    connection.run(`DELETE FROM ${documentTable(kind)} WHERE tenant_id = ? AND key = ?`, tenant, key)
    return
  }
  connection.run(
    `INSERT INTO ${documentTable(kind)} (tenant_id, key, value, version, updated_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (tenant_id, key) DO UPDATE SET value = excluded.value, version = excluded.version, updated_at = excluded.updated_at`,
    tenant,
    key,
    JSON.stringify(value),
    version,
    now,
  )
}

function usedOf(connection: Connection, { tenant, meter, period }: QuotaMove): number | undefined {
  return connection.get<{ used: number }>(
    'SELECT used FROM throughline_quotas WHERE tenant_id = ? AND meter = ? AND period = ?',
    tenant,
    meter,
    period,
  )?.used
}

/** This transaction is the only one that writes: no projection can be under way. */
function seedOf(connection: Connection, { tenant, meter, seed }: QuotaMove): number | undefined {
  if (!seed) return undefined
  return connection.get<{ used: number }>(
    `SELECT min(CAST(total(quantity) AS INTEGER), ${MOST}) AS used FROM throughline_usage_rollups
WHERE tenant_id = ? AND meter = ? AND hour >= ? AND hour < ?`,
    tenant,
    meter,
    seed.from,
    seed.to,
  )?.used
}

function count(connection: Connection, { tenant, meter, period }: QuotaMove, used: number): number {
  connection.run(
    `INSERT INTO throughline_quotas (tenant_id, meter, period, used) VALUES (?, ?, ?, ?)
ON CONFLICT (tenant_id, meter, period) DO UPDATE SET used = excluded.used`,
    tenant,
    meter,
    period,
    used,
  )
  return used
}

function nextVersion(connection: Connection, scope: string, now: number): number {
  const row = connection.get<{ version: number }>(
    `INSERT INTO throughline_versions (scope, version, changed_at) VALUES (?, 1, ?)
ON CONFLICT (scope) DO UPDATE SET version = version + 1, changed_at = excluded.changed_at
RETURNING version`,
    scope,
    now,
  )
  return row?.version ?? 1
}
