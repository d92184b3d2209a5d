import { MOST } from '../bounded-quantity.ts'
import { EMPTY } from './journal-slots.ts'

/** What the database does itself; replaced by a release that changes it. */

/**
 * SQL of an advisory lock's number: who projects usage of a lane shares it, who starts a counter from the ledger has it
 * alone.
 *
 * @param lane SQL of the lane's number
 */
export function seedLock(lane: string): string {
  return `hashtextextended('throughline ' || current_schema() || ' seed ' || ${lane}, 0)`
}

/** The state that a change which is not committed leaves its block with. */
const REFUSED = 'TL001'

/**
 * JSON text as JSON, whatever it holds: `[]` where it is none. What a column can not keep stands in it as it stands in
 * columns, so that a tenant has one name in both; half a surrogate pair becomes U+FFFD.
 *
 * Its patterns are quoted so that they say the same whatever `standard_conforming_strings` is where it is called.
 *
 * Not PARALLEL SAFE: what catches errors can't run in a statement that several workers share.
 */
export const READ_JSON = `CREATE OR REPLACE FUNCTION throughline_json(body text) RETURNS json
LANGUAGE plpgsql IMMUTABLE PARALLEL UNSAFE AS $fn$
BEGIN
  IF body ~* $re$\\\\u(0000|001a|d[89a-f])$re$ THEN
    RETURN regexp_replace(regexp_replace(regexp_replace(body,
      $re$(?<!\\\\)((?:\\\\\\\\)*)\\\\u001a$re$, $re$\\1\\\\u001a\\\\u001a$re$, 'gi'),
      $re$(?<!\\\\)((?:\\\\\\\\)*)\\\\u0000$re$, $re$\\1\\\\u001a0$re$, 'g'),
      $re$(?<!\\\\)((?:\\\\\\\\)*)\\\\ud[89a-f][0-9a-f]{2}$re$, $re$\\1\\\\ufffd$re$, 'gi')::json;
  END IF;
  RETURN body::json;
EXCEPTION WHEN OTHERS THEN
  RETURN '[]'::json;
END
$fn$`

/**
 * Applies changes one after the other, each wholly or not at all, and appends their journal rows, which were sealed for
 * the case that all are committed: so it stops after the first that is not. Answers `results`; or `newest`, when the
 * stream does not end where the rows follow on; or `key`, when the journal has another key.
 */
const COMMIT = `CREATE OR REPLACE FUNCTION throughline_commit(
  stream text, known_seq bigint, known_mac text, print text, lane_number bigint, slot_number bigint, at bigint, changes jsonb
) RETURNS jsonb LANGUAGE plpgsql AS $fn$
#variable_conflict use_column
DECLARE
  v_seq bigint;
  v_mac text;
  v_least bigint;
  v_print text;
  v_change jsonb;
  v_result jsonb;
  v_results jsonb := '[]';
BEGIN
  SELECT w.mac INTO v_print FROM throughline_writers AS w WHERE w.writer = '$key';
  IF v_print IS DISTINCT FROM print THEN RETURN '{"key": true}'; END IF;
  -- One whose answer was lost may still be under way, and its rows may be for another partition: no key would meet.
  PERFORM pg_advisory_xact_lock(hashtextextended('throughline ' || current_schema() || ' ' || stream, 0));
  -- All of the stream only where it ends elsewhere: what was lately removed of it is still to be stepped over.
  FOREACH v_least IN ARRAY ARRAY[known_seq, 0] LOOP
    SELECT n.seq, n.mac INTO v_seq, v_mac FROM (
      (SELECT j.seq, j.mac FROM throughline_journal AS j WHERE j.writer = stream AND j.seq >= v_least ORDER BY j.seq DESC LIMIT 1)
      UNION ALL
      (SELECT w.seq, w.mac FROM throughline_writers AS w WHERE w.writer = stream)
    ) AS n ORDER BY n.seq DESC LIMIT 1;
    EXIT WHEN v_seq = known_seq;
  END LOOP;
  v_seq := coalesce(v_seq, 0);
  v_mac := coalesce(v_mac, '');
  IF v_seq <> known_seq OR v_mac <> known_mac THEN
    RETURN jsonb_build_object('newest', jsonb_build_object('seq', v_seq, 'mac', v_mac));
  END IF;
  -- Counters that start from the ledger, while nobody projects this lane: what it counts next finds them.
  IF changes @? '$[*].quotas[*].seed' THEN
    PERFORM pg_advisory_xact_lock(${seedLock('lane_number')});
  END IF;
  -- All counters at first, in one order: two that move several of them must not wait for each other.
  IF jsonb_array_length(jsonb_path_query_array(changes, '$[*].quotas[*]')) > 1 THEN
    PERFORM FROM throughline_quotas AS q WHERE (q.tenant_id, q.meter, q.period) IN (
      SELECT m.move ->> 'tenant', m.move ->> 'meter', m.move ->> 'period'
      FROM jsonb_path_query(changes, '$[*].quotas[*]') AS m(move)
    ) ORDER BY q.tenant_id, q.meter, q.period FOR UPDATE;
  END IF;
  FOR v_change IN SELECT c.value FROM jsonb_array_elements(changes) WITH ORDINALITY AS c ORDER BY c.ordinality LOOP
    BEGIN
      v_result := throughline_apply(v_change, at);
      IF v_result ->> 'status' <> 'committed' THEN
        RAISE EXCEPTION USING ERRCODE = '${REFUSED}', MESSAGE = v_result::text;
      END IF;
      IF v_change ? 'seq' THEN
        INSERT INTO throughline_journal (slot, lane, writer, seq, prev, mac, appended_at, body) VALUES (
          slot_number, lane_number, stream, (v_change ->> 'seq')::bigint, v_change ->> 'prev', v_change ->> 'mac', at, v_change ->> 'body'
        );
      END IF;
      v_results := v_results || v_result;
    EXCEPTION WHEN SQLSTATE '${REFUSED}' THEN
      RETURN jsonb_build_object('results', v_results || SQLERRM::jsonb);
    END;
  END LOOP;
  RETURN jsonb_build_object('results', v_results);
END
$fn$`

/** Writes the documents, moves the counters and raises the versions of one change, until something forbids it. */
const APPLY = `CREATE OR REPLACE FUNCTION throughline_apply(change jsonb, at bigint) RETURNS jsonb LANGUAGE plpgsql AS $fn$
#variable_conflict use_column
DECLARE
  v_item record;
  v_version bigint;
  v_used bigint;
  v_all_used jsonb := '[]';
  v_versions jsonb := '[]';
BEGIN
  FOR v_item IN
    SELECT i.ordinality - 1 AS nth, i.value AS it FROM jsonb_array_elements(change -> 'writes') WITH ORDINALITY AS i
    ORDER BY i.ordinality
  LOOP
    v_version := throughline_write(v_item.it, at);
    IF v_version IS NOT NULL THEN
      RETURN jsonb_build_object('status', 'conflict', 'write', v_item.nth, 'version', v_version);
    END IF;
  END LOOP;
  FOR v_item IN
    SELECT i.ordinality - 1 AS nth, q.* FROM jsonb_array_elements(change -> 'quotas') WITH ORDINALITY AS i
    CROSS JOIN LATERAL jsonb_to_record(i.value) AS q(
      tenant text, meter text, period text, delta bigint, most bigint, seed jsonb)
    ORDER BY i.ordinality
  LOOP
    LOOP
      UPDATE throughline_quotas AS q SET used = greatest(0, q.used + v_item.delta)
      WHERE q.tenant_id = v_item.tenant AND q.meter = v_item.meter AND q.period = v_item.period
        AND (v_item.most IS NULL OR q.used + v_item.delta <= v_item.most)
      RETURNING q.used INTO v_used;
      EXIT WHEN FOUND;
      SELECT q.used INTO v_used FROM throughline_quotas AS q
      WHERE q.tenant_id = v_item.tenant AND q.meter = v_item.meter AND q.period = v_item.period;
      IF FOUND THEN
        CONTINUE WHEN v_item.most IS NULL OR v_used + v_item.delta <= v_item.most;
        RETURN jsonb_build_object('status', 'refused', 'quota', v_item.nth, 'used', v_used);
      END IF;
      IF v_item.seed IS NULL THEN RETURN jsonb_build_object('status', 'uncounted', 'quota', v_item.nth); END IF;
      SELECT least(coalesce(sum(u.quantity), 0), ${MOST}) INTO v_used FROM throughline_usage_rollups AS u
      WHERE u.tenant_id = v_item.tenant AND u.meter = v_item.meter
        AND u.hour >= (v_item.seed ->> 'from')::bigint AND u.hour < (v_item.seed ->> 'to')::bigint;
      IF v_item.most IS NOT NULL AND v_used + v_item.delta > v_item.most THEN
        RETURN jsonb_build_object('status', 'refused', 'quota', v_item.nth, 'used', v_used);
      END IF;
      INSERT INTO throughline_quotas (tenant_id, meter, period, used)
      VALUES (v_item.tenant, v_item.meter, v_item.period, greatest(0, v_used + v_item.delta))
      ON CONFLICT DO NOTHING RETURNING used INTO v_used;
      EXIT WHEN FOUND;
    END LOOP;
    v_all_used := v_all_used || to_jsonb(v_used);
  END LOOP;
  FOR v_item IN
    SELECT i.value ->> 'tenant' AS scope FROM jsonb_array_elements(change -> 'writes') WITH ORDINALITY AS i
    GROUP BY 1 ORDER BY min(i.ordinality)
  LOOP
    INSERT INTO throughline_versions AS v (scope, version, changed_at) VALUES (v_item.scope, 1, at)
    ON CONFLICT (scope) DO UPDATE SET version = v.version + 1, changed_at = excluded.changed_at
    RETURNING v.version INTO v_version;
    v_versions := v_versions || jsonb_build_object('scope', v_item.scope, 'version', v_version);
  END LOOP;
  IF v_versions <> '[]' THEN PERFORM pg_notify('throughline', current_schema()); END IF;
  RETURN jsonb_build_object('status', 'committed', 'versions', v_versions, 'used', v_all_used);
END
$fn$`

/** Writes one document; answers NULL, or the version that is there where another one was expected. */
const WRITE = `CREATE OR REPLACE FUNCTION throughline_write(it jsonb, at bigint) RETURNS bigint LANGUAGE plpgsql AS $fn$
DECLARE
  v_table text := 'throughline_' || (it ->> 'kind');
  v_tenant text := it ->> 'tenant';
  v_key text := it ->> 'key';
  v_value text := it ->> 'value';
  v_expect bigint := (it ->> 'expect')::bigint;
  v_rows bigint;
  v_version bigint;
BEGIN
  IF v_value IS NULL THEN
    EXECUTE format('DELETE FROM %I WHERE tenant_id = $1 AND key = $2 AND ($3 IS NULL OR version = $3)', v_table)
    USING v_tenant, v_key, v_expect;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    IF v_rows = 1 OR v_expect IS NULL THEN RETURN NULL; END IF;
  ELSIF v_expect IS NULL THEN
    EXECUTE format('INSERT INTO %I AS d (tenant_id, key, value, version, updated_at) VALUES ($1, $2, $3, 1, $4)
      ON CONFLICT (tenant_id, key) DO UPDATE SET value = excluded.value, version = d.version + 1, updated_at = excluded.updated_at', v_table)
    USING v_tenant, v_key, v_value, at;
    RETURN NULL;
  ELSIF v_expect = 0 THEN
    EXECUTE format('INSERT INTO %I (tenant_id, key, value, version, updated_at) VALUES ($1, $2, $3, 1, $4)
      ON CONFLICT DO NOTHING', v_table)
    USING v_tenant, v_key, v_value, at;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    IF v_rows = 1 THEN RETURN NULL; END IF;
  ELSE
    EXECUTE format('UPDATE %I SET value = $3, version = version + 1, updated_at = $4
      WHERE tenant_id = $1 AND key = $2 AND version = $5', v_table)
    USING v_tenant, v_key, v_value, at, v_expect;
    GET DIAGNOSTICS v_rows = ROW_COUNT;
    IF v_rows = 1 THEN RETURN NULL; END IF;
  END IF;
  EXECUTE format('SELECT version FROM %I WHERE tenant_id = $1 AND key = $2', v_table)
  INTO v_version USING v_tenant, v_key;
  v_version := coalesce(v_version, 0);
  RETURN CASE WHEN v_expect = 0 AND v_value IS NULL AND v_version = 0 THEN NULL ELSE v_version END;
END
$fn$`

export const ROUTINES: readonly string[] = [READ_JSON, WRITE, APPLY, COMMIT, EMPTY]
