import type { Dialect } from '../dialect.ts'

/**
 * `throughline_timeline`: one row per audit event, for whoever asks without our code. Records that are not yet
 * projected are in it, with `seq` NULL; a batch that was appended twice is in it once.
 */
export function timelineView(dialect: Dialect): readonly string[] {
  return dialect.view('throughline_timeline', timelineOf(dialect, 'throughline_trail'))
}

/**
 * The view's SELECT, of a part of the trail: conditions on the view itself are met only after every segment was parsed.
 *
 * @param trail SQL of a table of segments; stands in it once, before which it takes no parameters
 */
export function timelineOf(dialect: Dialect, trail: string): string {
  return `WITH pending AS (
  SELECT r.value AS record
  FROM throughline_journal AS j
  LEFT JOIN throughline_writers AS w ON w.writer = j.writer
  CROSS JOIN ${dialect.items(dialect.arrayOrEmpty('j.body'), 'r')}
  WHERE j.seq > coalesce(w.seq, 0)
),
repeated AS (
  SELECT ${dialect.member('record', 'tenant')} AS tenant_id, ${dialect.member('record', 'repeat.of')} AS record_id,
    sum(${dialect.number('record', 'repeat.count')}) AS count
  FROM pending WHERE ${dialect.part('record', 'repeat')} IS NOT NULL
  GROUP BY 1, 2
),
record AS (
  SELECT t.tenant_id, t.first_seq + r.key AS seq, r.value AS record
  FROM ${trail} AS t CROSS JOIN ${dialect.items(dialect.parsed('t.body'), 'r')}
  UNION ALL
  SELECT ${dialect.member('record', 'tenant')}, NULL, record
  FROM pending WHERE ${dialect.part('record', 'repeat')} IS NULL
)
SELECT
  record.tenant_id,
  record.seq,
  e.key AS event_index,
  ${dialect.isoTime(`${dialect.number('record.record', 'at')} + coalesce(${dialect.number('e.value', 'after')}, 0)`)} AS occurred_at,
  ${dialect.member('e.value', 'action')} AS action,
  coalesce(${dialect.member('e.value', 'outcome')}, 'success') AS outcome,
  ${dialect.member('record.record', 'actor.type')} AS actor_type,
  ${dialect.member('record.record', 'actor.id')} AS actor_id,
  ${dialect.member('record.record', 'actor.name')} AS actor_name,
  ${dialect.member('record.record', 'trace')} AS trace_id,
  ${dialect.member('record.record', 'request.method')} AS method,
  ${dialect.member('record.record', 'request.route')} AS route,
  ${dialect.member('record.record', 'request.path')} AS path,
  ${dialect.number('record.record', 'request.status')} AS status,
  ${dialect.number('record.record', 'request.ms')} AS duration_ms,
  ${dialect.member('record.record', 'request.ip')} AS ip,
  ${dialect.orElse(dialect.part('e.value', 'targets'), "'[]'")} AS targets,
  CASE WHEN ${dialect.member('record.record', 'reason')} IS NULL THEN ${dialect.orElse(dialect.part('e.value', 'metadata'), "'{}'")}
    ELSE ${dialect.withMember(dialect.orElse(dialect.part('e.value', 'metadata'), "'{}'"), 'reason', dialect.member('record.record', 'reason'))}
  END AS metadata,
  coalesce(${dialect.number('e.value', 'count')}, 1) * (1 + coalesce(repeated.count, 0) + coalesce((
    SELECT s.count FROM throughline_repeats AS s
    WHERE s.tenant_id = record.tenant_id AND s.at = ${dialect.number('record.record', 'at')}
      AND s.record_id = ${dialect.member('record.record', 'id')}
  ), 0)) AS count,
  ${dialect.member('record.record', 'id')} AS record_id
FROM record
CROSS JOIN ${dialect.items(dialect.part('record.record', 'events'), 'e')}
LEFT JOIN repeated
  ON repeated.tenant_id = record.tenant_id AND repeated.record_id = ${dialect.member('record.record', 'id')}`
}
