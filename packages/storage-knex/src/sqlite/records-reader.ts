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
import { sqlite } from '../dialect.ts'
import { MOST_LOOKED_AT, sqliteHolds } from '../looked-at.ts'
import { documentTable } from '../migrations/migrations.ts'
import { sequenceBefore } from '../sequence-before.ts'
import type { Connection } from './connection.ts'

/** Events of one page at the most, whatever is asked for. */
const MAX_PAGE = 1_000
/** One arm of the statement for each action; a query by more of them reads segments. */
const MAX_ARMS = 20

interface DocumentRow {
  readonly kind: DocumentKind
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
  readonly isBound: number
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

/** Everything that is asked of the records, each by one statement. */
export class RecordsReader {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  backlog(now: number): Backlog {
    const lanes = this.#connection.all<Omit<Backlog, 'ageMs' | 'lanes'> & { lane: number; appendedAt: number }>(
      `SELECT lane, count(*) AS rows, max(id) AS newest, min(id) AS oldest,
  (SELECT f.appended_at FROM throughline_journal AS f ORDER BY f.id LIMIT 1) AS appendedAt
FROM throughline_journal GROUP BY lane ORDER BY lane`,
    )
    const [first] = lanes
    if (!first) return { rows: 0, newest: 0, oldest: 0, ageMs: 0, lanes: [] }
    return {
      rows: lanes.reduce((sum, { rows }) => sum + rows, 0),
      newest: Math.max(...lanes.map(({ newest }) => newest)),
      oldest: Math.min(...lanes.map(({ oldest }) => oldest)),
      ageMs: Math.max(0, now - first.appendedAt),
      lanes: lanes.map(({ lane }) => lane),
    }
  }

  /** Documents and the scope's version, of one moment: one statement is one snapshot. */
  read({ tenant, kinds, key }: DocumentQuery): DocumentSet {
    const values: unknown[] = [tenant]
    let sql = `SELECT NULL AS kind, scope AS tenant, '' AS key, '' AS value, version FROM throughline_versions WHERE scope = ?`
    for (const kind of new Set(kinds)) {
      sql += `\nUNION ALL SELECT '${kind}', tenant_id, key, value, version FROM ${documentTable(kind)} WHERE tenant_id = ?`
      values.push(tenant)
      if (key !== undefined) {
        sql += ' AND key = ?'
        values.push(key)
      }
    }
    let version = 0
    const documents: StoredDocument[] = []
    for (const row of this.#connection.all<DocumentRow | (Omit<DocumentRow, 'kind'> & { kind: null })>(
      sql,
      ...values,
    )) {
      if (row.kind === null) version = row.version
      else documents.push(documentOf(row))
    }
    return { documents, version }
  }

  list({ kind, tenant, after, limit }: ListQuery): readonly StoredDocument[] {
    const conditions: string[] = []
    const values: unknown[] = [kind]
    if (tenant !== undefined) {
      conditions.push('tenant_id = ?')
      values.push(tenant)
    }
    if (after) {
      conditions.push('(tenant_id, key) > (?, ?)')
      values.push(after.tenant, after.key)
    }
    const where = conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''
    const rows = this.#connection.all<DocumentRow>(
      `SELECT ? AS kind, tenant_id AS tenant, key, value, version FROM ${documentTable(kind)} ${where}
ORDER BY tenant_id, key LIMIT ?`,
      ...values,
      Math.max(0, limit),
    )
    return rows.map(documentOf)
  }

  versions(query: Parameters<RecordsStore['versions']>[0]): readonly ScopeVersion[] {
    return 'scopes' in query
      ? this.#connection.all<ScopeVersion>(
          `SELECT scope, version FROM throughline_versions WHERE scope IN (SELECT value FROM ${sqlite.items('?', 'wanted')})`,
          JSON.stringify(query.scopes),
        )
      : this.#connection.all<ScopeVersion>(
          'SELECT scope, version FROM throughline_versions WHERE changed_at >= ?',
          query.since,
        )
  }

  timeline(query: TimelineQuery): TimelinePage {
    const bounded = { ...query, limit: Math.min(query.limit, MAX_PAGE) }
    return isNotableQuery(bounded) && (bounded.actions?.length ?? 0) <= MAX_ARMS
      ? this.#notablePage(bounded)
      : this.#trailPage(bounded)
  }

  usage({ tenant, meter, from, to }: UsageQuery): readonly UsageTotal[] {
    return this.#connection.all<UsageTotal>(
      `SELECT meter, min(CAST(total(quantity) AS INTEGER), ${MOST}) AS quantity, sum(count) AS count FROM throughline_usage_rollups
WHERE tenant_id = ? AND hour >= ? AND hour < ?${meter === undefined ? '' : ' AND meter = ?'} GROUP BY meter ORDER BY meter`,
      tenant,
      from,
      to,
      ...(meter === undefined ? [] : [meter]),
    )
  }

  #trailPage(query: TimelineQuery): TimelinePage {
    const { tenant, before, to, from } = query
    const page = new TrailPage(query)
    const holds = sqliteHolds(query)
    const segments = this.#connection.each<SegmentRow>(
      `WITH bound (seq) AS (
  SELECT first_seq FROM throughline_trail
  WHERE tenant_id = ? AND first_seq <= coalesce(?, (SELECT seq FROM throughline_heads WHERE tenant_id = ?)) - ${MOST_LOOKED_AT}
  ORDER BY first_seq DESC LIMIT 1
)
SELECT t.first_seq AS firstSeq, t.latest_at AS latest, t.body, t.first_seq IS (SELECT seq FROM bound) AS isBound, (
  SELECT ${sqlite.objectOf('r.record_id', 'r.count')} FROM throughline_repeats AS r
  WHERE r.tenant_id = t.tenant_id AND r.at BETWEEN t.from_at AND t.to_at
) AS repeats
FROM throughline_trail AS t
WHERE t.tenant_id = ? AND t.first_seq BETWEEN coalesce((SELECT seq FROM bound), 0) AND ?
  AND (t.first_seq IS (SELECT seq FROM bound) OR (t.from_at < ? AND ${holds.sql})) ORDER BY t.first_seq DESC`,
      ...[tenant, before?.seq ?? null, tenant],
      ...[tenant, before?.seq ?? Number.MAX_SAFE_INTEGER, to ?? Number.MAX_SAFE_INTEGER],
      ...holds.values,
    )
    for (const segment of segments) {
      if (from !== undefined && segment.latest < from) break
      if (page.addSegment(segment, countsOf(segment.repeats))) break
      if (segment.isBound) page.stop(segment.firstSeq)
    }
    return page.page()
  }

  /** One arm for each action, each read from the index in order and no further than the page needs. */
  #notablePage(query: TimelineQuery): TimelinePage {
    const { tenant, actions = [], actor, from, to, before, limit } = query
    const page = new TrailPage(query)
    const conditions = [
      'n.tenant_id = ?',
      'n.action = ?',
      'n.at >= ?',
      'n.at < ?',
      '(n.seq, n.event_index) < (?, ?)',
      ...(actor === undefined ? [] : ['n.actor_id = ?']),
      ...(from === undefined ? [] : [`n.seq > ${sequenceBefore('?', '?')}`]),
    ]
    const arm = `SELECT * FROM (SELECT n.tenant_id, n.seq, n.event_index, n.record FROM throughline_notable AS n
WHERE ${conditions.join(' AND ')} ORDER BY n.seq DESC, n.event_index DESC LIMIT ?)`
    const wanted = [...new Set(actions)]
    const values: unknown[] = wanted.flatMap((action) => [
      tenant,
      action,
      from ?? 0,
      to ?? Number.MAX_SAFE_INTEGER,
      before?.seq ?? Number.MAX_SAFE_INTEGER,
      before?.index ?? 0,
      ...(actor === undefined ? [] : [actor]),
      ...(from === undefined ? [] : [from, tenant]),
      limit + 1,
    ])
    if (wanted.length === 0) return page.page()
    const id = sqlite.member('a.record', 'id')
    const rows = this.#connection.each<NotableRow>(
      `SELECT a.seq, a.event_index AS "index", a.record, ${id} AS recordId, (
  SELECT r.count FROM throughline_repeats AS r
  WHERE r.tenant_id = a.tenant_id AND r.at = ${sqlite.member('a.record', 'at')} AND r.record_id = ${id}
) AS repeated
FROM (${wanted.map(() => arm).join('\nUNION ALL\n')}) AS a ORDER BY a.seq DESC, a.event_index DESC LIMIT ?`,
      ...values,
      limit + 1,
    )
    for (const { recordId, repeated, ...row } of rows) {
      if (page.addNotable(row, repeated === null ? NONE : new Map([[recordId, repeated]]))) break
    }
    return page.page()
  }
}

const NONE: ReadonlyMap<string, number> = new Map()

function countsOf(repeats: string): ReadonlyMap<string, number> {
  return repeats === '{}' ? NONE : new Map(Object.entries<number>(JSON.parse(repeats)))
}

function documentOf({ value, ...row }: DocumentRow): StoredDocument {
  const parsed: Json = JSON.parse(value)
  return { ...row, value: parsed }
}
