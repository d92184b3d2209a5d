/**
 * SQL of a number: no record of the trail up to this sequence number has an event as young as the moment. `latest_at`
 * grows with the trail, so that it is found by halves: however long the history, some twenty rows are looked at.
 *
 * @param at SQL of the moment, ms; stands in it once, before the tenant
 * @param tenant SQL of the tenant's id; stands in it once
 */
export function sequenceBefore(at: string, tenant: string): string {
  return `(
  WITH RECURSIVE search (tenant_id, at, past, step) AS (
    SELECT tenant_id, CAST(${at} AS bigint), CAST(0 AS bigint), seq FROM throughline_heads WHERE tenant_id = ${tenant}
    UNION ALL
    SELECT s.tenant_id, s.at, CASE WHEN (
        SELECT t.latest_at FROM throughline_trail AS t
        WHERE t.tenant_id = s.tenant_id AND t.first_seq <= s.past + s.step ORDER BY t.first_seq DESC LIMIT 1
      ) < s.at THEN s.past + s.step ELSE s.past END,
      CASE s.step WHEN 1 THEN 0 ELSE (s.step + 1) / 2 END
    FROM search AS s WHERE s.step > 0
  )
  SELECT coalesce(max(past), 0) FROM search
)`
}
