import type {
  Backlog,
  DocumentKind,
  DocumentQuery,
  DocumentSet,
  Json,
  ListQuery,
  RecordsStore,
  ScopeVersion,
  StoredDocument,
  TimelinePage,
  TimelineQuery,
  UsageQuery,
  UsageTotal,
} from '@throughline/core/storage'
import { isNotableQuery, TrailPage } from '@throughline/core/storage'
import { MOST } from '../bounded-quantity.ts'
import { postgres } from '../dialect.ts'
import { MOST_LOOKED_AT, postgresHeld, postgresHolds } from '../looked-at.ts'
import { documentTable } from '../migrations/migrations.ts'
import { sequenceBefore } from '../sequence-before.ts'
import type { PostgresConnection } from './pool.ts'
import { fromColumn } from './text.ts'

/** Events of one page at the most, whatever is asked for. */
const MAX_PAGE = 1_000
/** Actions that the index of notable events is asked for; a query by more of them reads segments. */
const MAX_ACTIONS = 20

interface DocumentRow {
  /** NULL: the row of the scope's version. */
  readonly kind: DocumentKind | null
  readonly tenant: string
  readonly key: string
  readonly value: string
  readonly version: number
}

interface SegmentRow {
  readonly firstSeq: number
  readonly latest: number
  readonly body: string
  /** It is the last that is looked at, and there are older ones. */
  readonly isBound: boolean
  /** JSON: record id → count. */
  readonly repeats: string
}

interface NotableRow {
  readonly seq: number
  readonly index: number
  readonly record: string
  readonly recordId: string
  readonly repeated: number | null
}

/** How much waits in the journal: all that is committed, in whatever order it became so. */
export async function readBacklog(connection: PostgresConnection, now: number): Promise<Backlog> {
  const lanes = await connection.all<{
    lane: number
    rows: number
    newest: number
    oldest: number
    appendedAt: number
  }>(
    `SELECT lane, count(*) AS rows, max(id) AS newest, min(id) AS oldest, min(appended_at) AS "appendedAt"
FROM throughline_journal GROUP BY lane ORDER BY lane`,
  )
  if (lanes.length === 0) return { rows: 0, newest: 0, oldest: 0, ageMs: 0, lanes: [] }
  return {
    rows: lanes.reduce((sum, { rows }) => sum + rows, 0),
    newest: Math.max(...lanes.map(({ newest }) => newest)),
    oldest: Math.min(...lanes.map(({ oldest }) => oldest)),
    ageMs: Math.max(0, now - Math.min(...lanes.map(({ appendedAt }) => appendedAt))),
    lanes: lanes.map(({ lane }) => lane),
  }
}

/** Documents and the scope's version, of one moment: one statement is one snapshot. */
export async function readDocuments(
  connection: PostgresConnection,
  { tenant, kinds, key }: DocumentQuery,
): Promise<DocumentSet> {
  let sql = `SELECT NULL::text AS kind, scope AS tenant, '' AS key, '' AS value, version FROM throughline_versions WHERE scope = $1`
  for (const kind of new Set(kinds)) {
    sql += `\nUNION ALL SELECT '${kind}', tenant_id, key, value, version FROM ${documentTable(kind)} WHERE tenant_id = $1`
    if (key !== undefined) sql += ' AND key = $2'
  }
  const values = key === undefined || kinds.length === 0 ? [tenant] : [tenant, key]
  let version = 0
  const documents: StoredDocument[] = []
  for (const row of await connection.all<DocumentRow>(sql, ...values)) {
    if (row.kind === null) version = row.version
    else documents.push(documentOf(row.kind, row))
  }
  return { documents, version }
}

export async function listDocuments(
  connection: PostgresConnection,
  { kind, tenant, after, limit }: ListQuery,
): Promise<readonly StoredDocument[]> {
  const values: unknown[] = [Math.max(0, limit)]
  const conditions: string[] = []
  const value = (it: unknown): string => `$${values.push(it)}`
  if (tenant !== undefined) conditions.push(`tenant_id = ${value(tenant)}`)
  if (after) conditions.push(`(tenant_id, key) > (${value(after.tenant)}, ${value(after.key)})`)
  const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''
  const rows = await connection.all<DocumentRow>(
    `SELECT tenant_id AS tenant, key, value, version FROM ${documentTable(kind)} ${where}
ORDER BY tenant_id, key LIMIT $1`,
    ...values,
  )
  return rows.map((row) => documentOf(kind, row))
}

export function readVersions(
  connection: PostgresConnection,
  query: Parameters<RecordsStore['versions']>[0],
): Promise<ScopeVersion[]> {
  return 'scopes' in query
    ? connection.all<ScopeVersion>(
        'SELECT scope, version FROM throughline_versions WHERE scope = ANY($1::text[])',
        query.scopes,
      )
    : connection.all<ScopeVersion>(
        'SELECT scope, version FROM throughline_versions WHERE changed_at >= $1',
        query.since,
      )
}

export function readUsage(
  connection: PostgresConnection,
  { tenant, meter, from, to }: UsageQuery,
): Promise<UsageTotal[]> {
  return connection.all<UsageTotal>(
    `SELECT meter, least(sum(quantity), ${MOST})::bigint AS quantity, sum(count)::bigint AS count FROM throughline_usage_rollups
WHERE tenant_id = $1 AND hour >= $2 AND hour < $3${meter === undefined ? '' : ' AND meter = $4'} GROUP BY meter ORDER BY meter`,
    tenant,
    from,
    to,
    ...(meter === undefined ? [] : [meter]),
  )
}

/** One page, by one SELECT. */
export function readTimeline(connection: PostgresConnection, query: TimelineQuery): Promise<TimelinePage> {
  const bounded = { ...query, limit: Math.min(query.limit, MAX_PAGE) }
  return isNotableQuery(bounded) && (bounded.actions?.length ?? 0) <= MAX_ACTIONS
    ? readNotable(connection, bounded)
    : readTrail(connection, bounded)
}

async function readTrail(connection: PostgresConnection, query: TimelineQuery): Promise<TimelinePage> {
  const { tenant, before, to, from } = query
  const page = new TrailPage(query)
  await connection.each<SegmentRow>(
    `WITH bound (seq) AS MATERIALIZED (
  SELECT first_seq FROM throughline_trail
  WHERE tenant_id = $1 AND first_seq <= coalesce($2::bigint, (SELECT seq FROM throughline_heads WHERE tenant_id = $1)) - ${MOST_LOOKED_AT}
  ORDER BY first_seq DESC LIMIT 1
)
SELECT t.first_seq AS "firstSeq", t.latest_at AS latest, t.body,
  t.first_seq IS NOT DISTINCT FROM (SELECT seq FROM bound) AS "isBound", (
  SELECT ${postgres.objectOf('r.record_id', 'r.count')} FROM throughline_repeats AS r
  WHERE r.tenant_id = t.tenant_id AND r.at BETWEEN t.from_at AND t.to_at
)::text AS repeats
FROM throughline_trail AS t
WHERE t.tenant_id = $1 AND t.first_seq <= coalesce($2::bigint, ${Number.MAX_SAFE_INTEGER})
  AND t.first_seq >= coalesce((SELECT seq FROM bound), 0)
  AND (t.first_seq = (SELECT seq FROM bound) OR (t.from_at < $3 AND ${postgresHolds('$4', '$5')})) ORDER BY t.first_seq DESC`,
    [tenant, before?.seq ?? null, to ?? Number.MAX_SAFE_INTEGER, ...postgresHeld(query)],
    (segment) => {
      if (from !== undefined && segment.latest < from) return true
      if (page.addSegment(segment, countsOf(segment.repeats))) return true
      if (segment.isBound) page.stop(segment.firstSeq)
      return false
    },
  )
  return page.page()
}

/** For each action, no more of the index is read than the page needs. */
async function readNotable(connection: PostgresConnection, query: TimelineQuery): Promise<TimelinePage> {
  const { tenant, actions = [], actor, from, to, before, limit } = query
  const page = new TrailPage(query)
  if (actions.length === 0) return page.page()
  const id = postgres.member('a.json', 'id')
  const rows = await connection.all<NotableRow>(
    `SELECT a.seq, a.event_index AS index, a.record, ${id} AS "recordId", (
  SELECT r.count FROM throughline_repeats AS r
  WHERE r.tenant_id = a.tenant_id AND r.at = ${postgres.number('a.json', 'at')} AND r.record_id = ${id}
) AS repeated
FROM (
  SELECT n.*, ${postgres.parsed('n.record')} AS json FROM unnest($2::text[]) AS wanted (action)
  CROSS JOIN LATERAL (
    SELECT * FROM throughline_notable AS m
    WHERE m.tenant_id = $1 AND m.action = wanted.action AND m.at >= $3 AND m.at < $4${from === undefined ? '' : ` AND m.seq > ${sequenceBefore('$3', '$1')}`}
      AND (m.seq, m.event_index) < ($5, $6)${actor === undefined ? '' : ' AND m.actor_id = $8'}
    ORDER BY m.seq DESC, m.event_index DESC LIMIT $7
  ) AS n ORDER BY n.seq DESC, n.event_index DESC LIMIT $7
) AS a ORDER BY a.seq DESC, a.event_index DESC`,
    tenant,
    [...new Set(actions)],
    from ?? 0,
    to ?? Number.MAX_SAFE_INTEGER,
    before?.seq ?? Number.MAX_SAFE_INTEGER,
    before?.index ?? 0,
    limit + 1,
    ...(actor === undefined ? [] : [actor]),
  )
  for (const { recordId, repeated, ...row } of rows) {
    if (page.addNotable(row, repeated === null ? NONE : new Map([[recordId, repeated]]))) break
  }
  return page.page()
}

const NONE: ReadonlyMap<string, number> = new Map()

function countsOf(repeats: string): ReadonlyMap<string, number> {
  if (repeats === '{}') return NONE
  return new Map(Object.entries<number>(JSON.parse(repeats)).map(([id, count]) => [fromColumn(id), count]))
}

function documentOf(kind: DocumentKind, { tenant, key, value, version }: DocumentRow): StoredDocument {
  const parsed: Json = JSON.parse(value)
  return { kind, tenant, key, value: parsed, version }
}
