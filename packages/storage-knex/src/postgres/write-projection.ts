import type { CounterMove, Projection } from '@throughline/core/storage'
import { boundedQuantity, MOST } from '../bounded-quantity.ts'
import { countedMoment } from '../counted-moment.ts'
import type { StoredHead } from '../sqlite/write-projection.ts'
import type { PostgresConnection } from './pool.ts'

interface SliceState {
  readonly heads: ReadonlyMap<string, StoredHead>
  /** Whether there are tables of usage. */
  readonly usage: boolean
  readonly now: number
}

/** Writes what a slice folds into, inside the slice's transaction: a statement for each table, whatever the rows. */
export async function writeProjection(
  connection: PostgresConnection,
  projection: Projection,
  state: SliceState,
): Promise<void> {
  const { segments, notable, repeats, writers } = projection
  await insert(
    connection,
    `INSERT INTO throughline_heads (tenant_id, seq, hash, latest_at)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[])
ON CONFLICT (tenant_id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, latest_at = excluded.latest_at`,
    [...state.heads].map(([tenant, { seq, hash, latest }]) => [tenant, seq, hash, latest]),
  )
  await insert(
    connection,
    `INSERT INTO throughline_trail (tenant_id, first_seq, count, from_at, to_at, latest_at, prev_hash, hash, body)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[],
  $8::text[], $9::text[])`,
    segments.map(({ tenant, firstSeq, count, from, to, prev, hash, body }) => {
      return [tenant, firstSeq, count, from, to, state.heads.get(tenant)?.latest ?? to, prev, hash, body]
    }),
  )
  await insert(
    connection,
    `INSERT INTO throughline_notable (tenant_id, action, seq, event_index, at, actor_id, record)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[])`,
    notable.map(({ tenant, action, seq, index, at, actor, record }) => [tenant, action, seq, index, at, actor, record]),
  )
  await insert(
    connection,
    `INSERT INTO throughline_repeats AS r (tenant_id, at, record_id, count)
SELECT tenant_id, at, record_id, sum(count) FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[])
  AS new (tenant_id, at, record_id, count) GROUP BY 1, 2, 3
ON CONFLICT (tenant_id, at, record_id) DO UPDATE SET count = r.count + excluded.count`,
    repeats.map(({ tenant, at, of, count }) => [tenant, at, of, count]),
  )
  await insert(
    connection,
    `INSERT INTO throughline_writers (writer, seq, mac, updated_at)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[])
ON CONFLICT (writer) DO UPDATE SET seq = excluded.seq, mac = excluded.mac, updated_at = excluded.updated_at`,
    [...writers].map(([writer, { seq, mac }]) => [writer, seq, mac, state.now]),
  )
  if (state.usage) await writeUsage(connection, projection)
}

async function writeUsage(
  connection: PostgresConnection,
  { ledger, rollups, counterMoves }: Projection,
): Promise<void> {
  await insert(
    connection,
    `INSERT INTO throughline_usage_ledger (tenant_id, meter, key, hour, quantity, count)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[])`,
    ledger.map(({ tenant, meter, key, hour, quantity, count }) => [
      tenant,
      meter,
      key,
      hour,
      boundedQuantity(quantity),
      count,
    ]),
  )
  await insert(
    connection,
    `INSERT INTO throughline_usage_rollups AS r (tenant_id, meter, hour, quantity, count)
SELECT tenant_id, meter, hour, least(sum(quantity), ${MOST}), sum(count)
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[]) AS new (tenant_id, meter, hour, quantity, count)
GROUP BY 1, 2, 3
ON CONFLICT (tenant_id, meter, hour) DO UPDATE
SET quantity = least(r.quantity::numeric + excluded.quantity, ${MOST}), count = r.count + excluded.count`,
    rollups.map(({ tenant, meter, hour, quantity, count }) => [tenant, meter, hour, boundedQuantity(quantity), count]),
  )
  // Counters are locked in one order: two that move several of them must not wait for each other.
  await insert(
    connection,
    `WITH new AS MATERIALIZED (
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[])
  AS new (tenant_id, meter, period, delta, after, before, at, counted)
), move AS (
  SELECT tenant_id, meter, period, sum(delta) AS delta FROM (
    SELECT tenant_id, meter, period, delta FROM new WHERE at IS NULL
    UNION ALL
    SELECT q.tenant_id, q.meter, q.period, new.delta FROM new JOIN throughline_quotas AS q USING (tenant_id, meter)
    WHERE q.period > new.after AND q.period < new.before AND q.period IS DISTINCT FROM new.counted
    AND (q.period = left(new.at, length(q.period)) OR substr(q.period, 26) > new.at)
  ) AS one GROUP BY 1, 2, 3
), locked AS MATERIALIZED (
  SELECT q.tenant_id, q.meter, q.period FROM throughline_quotas AS q JOIN move USING (tenant_id, meter, period)
  ORDER BY 1, 2, 3 FOR UPDATE OF q
)
UPDATE throughline_quotas AS q SET used = least(greatest(0, q.used + move.delta), ${MOST})
FROM locked JOIN move USING (tenant_id, meter, period)
WHERE q.tenant_id = locked.tenant_id AND q.meter = locked.meter AND q.period = locked.period`,
    counterMoves.map(counterRow),
  )
}

/** A counter by its name, or all whose period holds a moment (see `periodHolds`). */
function counterRow(move: CounterMove): readonly unknown[] {
  const { tenant, meter, delta } = move
  if ('period' in move) return [tenant, meter, move.period, boundedQuantity(delta), null, null, null, null]
  const { at, after, before } = countedMoment(move.at)
  return [tenant, meter, null, boundedQuantity(delta), after, before, at, move.counted ?? null]
}

/** Runs a statement that takes one array a column, unless there are no rows. */
async function insert(
  connection: PostgresConnection,
  sql: string,
  rows: readonly (readonly unknown[])[],
): Promise<void> {
  const [first] = rows
  if (!first) return
  await connection.all(sql, ...first.map((_, column) => rows.map((row) => row[column])))
}
