import { MOST_DEBT } from '@throughline/core/storage'

/**
 * The arithmetic of limits in Postgres. It comes to the same as core's `limit-arithmetic.ts`, operation by operation:
 * `double precision` is what a number is in JavaScript, and remainders are taken of `bigint`.
 *
 * A policy's numbers are called the same for all kinds: `most` (capacity or limit), `scale` (weight, or ms of the window
 * or of the lease), `fall` (of a rate: how much of the debt falls a ms) and `cost`. A state is three numbers: of a rate
 * the time it stands for, and its debt; of a window that time, the units in the one that runs, and those in the one
 * before; of concurrency the units that others hold, and the ms until the first and the last of their leases end.
 *
 * A release that changes a routine gives it another name, since the release before it still calls this one.
 */
export const LIMIT_ROUTINES: readonly string[] = [begin(), state(), held(), hold(), decide()]

/**
 * Whoever decides has the tenants alone until the transaction ends, by an advisory lock for each, always in the same
 * order. Only then the time is read, so that it goes on from one decision to the next. No decision waits for a disk: a
 * loss of power may take the last ones.
 */
function begin(): string {
  return `CREATE FUNCTION throughline_limit_begin(tenants text[]) RETURNS bigint LANGUAGE plpgsql AS $fn$
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'Limits are decided under READ COMMITTED: what others have committed must be seen.';
  END IF;
  PERFORM set_config('synchronous_commit', 'off', true);
  PERFORM pg_advisory_xact_lock(ordered.hash) FROM (
    SELECT DISTINCT hashtextextended(t, 'throughline_limits'::regclass::oid::bigint) AS hash
    FROM unnest(tenants) AS t ORDER BY 1
  ) AS ordered;
  RETURN floor(extract(epoch FROM clock_timestamp()) * 1000);
END
$fn$`
}

/** The state of a rate or a window at a time, after the numbers of its row, NULL where there is none. */
function state(): string {
  return `CREATE FUNCTION throughline_limit_state(
  kind text, used double precision, was_scale double precision, other double precision, at_ms double precision,
  scale double precision, fall double precision, now_ms bigint
) RETURNS double precision[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $fn$
DECLARE
  v_time double precision := greatest(now_ms, at_ms);
  v_start double precision;
  v_left double precision;
BEGIN
  IF used IS NULL THEN RETURN ARRAY[now_ms, 0, 0]; END IF;
  -- Of a clock that went back: it stands still.
  IF kind = 'rate' THEN
    IF was_scale = scale THEN
      RETURN ARRAY[v_time, greatest(used - greatest(other, fall) * (v_time - at_ms), 0), 0];
    END IF;
    -- The policy has changed: as many units count on, and fall as fast as either policy lets them.
    v_left := greatest(used - other * (v_time - at_ms), 0);
    used := ${inWeight('used')} - fall * (v_time - at_ms);
    RETURN ARRAY[v_time, greatest(least(used, ${inWeight('v_left')}), 0), 0];
  END IF;

  v_start := v_time - v_time::bigint % was_scale::bigint;
  IF v_start > at_ms THEN
    other := CASE WHEN v_start - at_ms <= was_scale THEN used ELSE 0 END;
    used := 0;
  END IF;
  IF was_scale = scale THEN RETURN ARRAY[v_time, used, other]; END IF;
  -- The policy has changed: what counts now counts on, in the window that runs.
  used := ceil((used * was_scale + other * (was_scale - (v_time - v_start))) / was_scale);
  RETURN ARRAY[v_time, least(used, floor(${MOST_DEBT} / scale)), 0];
END
$fn$`
}

function inWeight(debt: string): string {
  return `least(ceil(${debt} / was_scale * scale), ${MOST_DEBT})`
}

/** The state of concurrency: what others hold. */
function held(): string {
  return `CREATE FUNCTION throughline_limit_held(tenant text, name text, holder text, now_ms bigint)
RETURNS double precision[] LANGUAGE plpgsql AS $fn$
DECLARE
  v_held record;
BEGIN
  SELECT coalesce(sum(l.units), 0)::double precision AS units, min(l.ends_at) AS soonest, max(l.ends_at) AS latest
  INTO v_held FROM throughline_limit_leases AS l
  WHERE l.tenant_id = tenant AND l.key = name AND l.ends_at > now_ms AND l.lease IS DISTINCT FROM holder;
  RETURN ARRAY[v_held.units, v_held.soonest - now_ms, coalesce(v_held.latest - now_ms, 0)];
END
$fn$`
}

/** Holds units; answers the state after that. Nobody holds them who gave no lease. */
function hold(): string {
  return `CREATE FUNCTION throughline_limit_hold(
  tenant text, name text, holder text, taken double precision, ttl double precision, state double precision[], now_ms bigint
) RETURNS double precision[] LANGUAGE plpgsql AS $fn$
BEGIN
  taken := least(taken, ${Number.MAX_SAFE_INTEGER});
  IF holder IS NOT NULL THEN
    DELETE FROM throughline_limit_leases AS l
    WHERE l.tenant_id = tenant AND l.key = name AND (l.ends_at <= now_ms OR l.lease = holder);
    INSERT INTO throughline_limit_leases (tenant_id, key, lease, units, ends_at)
    VALUES (tenant, name, holder, taken, now_ms + ttl);
  END IF;
  RETURN ARRAY[state[1] + taken, least(state[2], ttl), greatest(state[3], ttl)];
END
$fn$`
}

/**
 * Requests, one after the other. The first arrays have an item for each request (`callers`: its time, or NULL for this
 * server's), the next ones for each operation, those of the first request first (`places`: where its key stands in the
 * last two), and the last two for each key. Answers a row for each operation: units granted, and its state, after the
 * decision where something was taken; of `renew`, 1 where the lease was held.
 *
 * However many requests have a key in common, its row is read and written once.
 */
function decide(): string {
  return `CREATE FUNCTION throughline_limit_decide(
  tenants text[], verbs text[], wanted double precision[], holders text[], callers bigint[], counts bigint[],
  places bigint[], kinds text[], mosts double precision[], scales double precision[], falls double precision[],
  costs double precision[], owners text[], names text[]
) RETURNS TABLE (granted bigint, x bigint, y bigint, z bigint) LANGUAGE plpgsql AS $fn$
DECLARE
  v_clock bigint := throughline_limit_begin(tenants);
  v_now bigint;
  v_used double precision[];
  v_scale double precision[];
  v_other double precision[];
  v_at double precision[];
  v_kind text[];
  v_first bigint;
  v_last bigint := 0;
  v_states double precision[];
  v_state double precision[];
  v_granted double precision;
  v_room double precision;
  v_units double precision;
  v_is_kept boolean;
  n bigint;
BEGIN
  SELECT array_agg(l.used::double precision ORDER BY k.n), array_agg(l.scale::double precision ORDER BY k.n),
    array_agg(l.other::double precision ORDER BY k.n), array_agg(l.changed_at::double precision ORDER BY k.n)
  INTO v_used, v_scale, v_other, v_at
  FROM unnest(owners, names) WITH ORDINALITY AS k (owner, name, n)
  -- The limit has each row looked up by itself, however many there are when this is planned.
  LEFT JOIN LATERAL (SELECT * FROM throughline_limits AS t WHERE t.tenant_id = k.owner AND t.key = k.name LIMIT 1) AS l ON true;

  FOR r IN 1 .. cardinality(tenants) LOOP
    v_first := v_last + 1;
    v_last := v_last + counts[r];
    v_now := coalesce(callers[r], v_clock);
    v_granted := wanted[r];
    v_states := '{}';

    FOR i IN v_first .. v_last LOOP
      n := places[i];
      IF kinds[i] = 'concurrency' THEN
        v_state := throughline_limit_held(tenants[r], names[n], holders[r], v_now);
        v_room := floor((mosts[i] - v_state[1]) / costs[i]);
      ELSE
        v_state := throughline_limit_state(
          kinds[i], v_used[n], v_scale[n], v_other[n], v_at[n], scales[i], falls[i], v_now);
        v_room := CASE kinds[i] WHEN 'rate' THEN mosts[i] - v_state[2]
          ELSE mosts[i] * scales[i] - (v_state[2] * scales[i]
            + v_state[3] * (scales[i] - v_state[1]::bigint % scales[i]::bigint)) END;
        v_room := floor(v_room / (scales[i] * costs[i]));
      END IF;
      v_states := v_states || v_state;
      IF verbs[r] NOT IN ('force', 'refund', 'renew') AND v_room < v_granted THEN
        v_granted := CASE WHEN verbs[r] = 'partial' THEN greatest(v_room, 0) ELSE 0 END;
      END IF;
    END LOOP;

    FOR i IN v_first .. v_last LOOP
      n := places[i];
      v_state := v_states[3 * (i - v_first) + 1 : 3 * (i - v_first) + 3];
      v_units := v_granted * costs[i];
      v_is_kept := false;
      IF verbs[r] = 'renew' THEN
        UPDATE throughline_limit_leases AS l SET ends_at = v_now + scales[i]
        WHERE l.tenant_id = tenants[r] AND l.key = names[n] AND l.lease = holders[r] AND l.ends_at > v_now;
        granted := FOUND::int;
      ELSIF verbs[r] = 'refund' THEN
        granted := 0;
        IF kinds[i] = 'concurrency' THEN
          DELETE FROM throughline_limit_leases AS l
          WHERE l.tenant_id = tenants[r] AND l.key = names[n] AND l.lease = holders[r];
        ELSE
          v_is_kept := v_state[2] + v_state[3] > 0;
          IF kinds[i] = 'rate' THEN
            v_state[2] := greatest(v_state[2] - v_units * scales[i], 0);
          ELSE
            v_state[3] := greatest(v_state[3] - greatest(v_units - v_state[2], 0), 0);
            v_state[2] := greatest(v_state[2] - v_units, 0);
          END IF;
        END IF;
      ELSE
        granted := v_granted;
        IF v_granted > 0 AND verbs[r] <> 'peek' THEN
          IF kinds[i] = 'concurrency' THEN
            v_state := throughline_limit_hold(tenants[r], names[n], holders[r], v_units, scales[i], v_state, v_now);
          ELSE
            v_is_kept := true;
            v_state[2] := CASE kinds[i] WHEN 'rate' THEN least(v_state[2] + v_units * scales[i], ${MOST_DEBT})
              ELSE least(v_state[2] + v_units, floor(${MOST_DEBT} / scales[i])) END;
          END IF;
        END IF;
      END IF;
      IF v_is_kept THEN
        v_kind[n] := kinds[i];
        v_used[n] := v_state[2];
        v_scale[n] := scales[i];
        v_other[n] := CASE kinds[i] WHEN 'rate' THEN falls[i] ELSE v_state[3] END;
        v_at[n] := v_state[1];
      END IF;
      x := least(v_state[1], ${Number.MAX_SAFE_INTEGER});
      y := v_state[2];
      z := v_state[3];
      RETURN NEXT;
    END LOOP;
  END LOOP;

  IF v_kind IS NULL THEN RETURN; END IF;
  INSERT INTO throughline_limits (tenant_id, key, kind, used, scale, other, changed_at, expires_at)
  SELECT owners[k], names[k], v_kind[k], v_used[k], v_scale[k], v_other[k], v_at[k], CASE v_kind[k]
    WHEN 'rate' THEN v_at[k] + ceil(v_used[k] / v_other[k])
    ELSE v_at[k] - v_at[k]::bigint % v_scale[k]::bigint + 2 * v_scale[k] END
  FROM generate_series(1, cardinality(names)) AS k WHERE v_kind[k] IS NOT NULL
  ON CONFLICT ON CONSTRAINT throughline_limits_pkey DO UPDATE SET used = EXCLUDED.used, scale = EXCLUDED.scale,
    other = EXCLUDED.other, changed_at = EXCLUDED.changed_at, expires_at = EXCLUDED.expires_at;
END
$fn$`
}
