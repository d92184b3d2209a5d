/** ms of batches that share a partition. */
export const SLOT_MS = 5_000
/** Partitions that take turns: the present one, the one before, and one that can be emptied. */
const SLOTS = 3
/** Rows that an app's own transaction appends: it may stay open for long, and holds up no partition but this one. */
export const APP_SLOT: number = SLOTS
const ALL_SLOTS: readonly number[] = Array.from({ length: SLOTS + 1 }, (_, slot) => slot)

/** The partition of a batch: by when it was made and nothing else, so that a repeated one meets the first. */
export function slotOf(at = 0): number {
  return at > 0 ? Math.floor(at / SLOT_MS) % SLOTS : 0
}

/** Partitions that nobody is likely to append to now. It is only a guess: who empties one looks at it under a lock. */
export function quietSlots(now: number): readonly number[] {
  const present = [slotOf(now - SLOT_MS), slotOf(now)]
  return ALL_SLOTS.filter((slot) => !present.includes(slot))
}

/**
 * The journal as partitions that can be emptied at once. Rows of it live for moments, and a deleted row takes its place
 * for as long as any transaction in the database might still see it; TRUNCATE gives the place back all the same.
 *
 * @param columns of the journal, but for its position
 */
export function partitionedJournal(columns: string): readonly string[] {
  return [
    'CREATE SEQUENCE throughline_journal_id',
    `CREATE TABLE throughline_journal (
  id bigint NOT NULL DEFAULT nextval('throughline_journal_id'),
  slot bigint NOT NULL,
${columns},
  PRIMARY KEY (writer, seq, slot)
) PARTITION BY LIST (slot)`,
    'ALTER SEQUENCE throughline_journal_id OWNED BY throughline_journal.id',
    'CREATE INDEX throughline_journal_lane ON throughline_journal (lane, id)',
    ...ALL_SLOTS.map(
      (slot) => `CREATE TABLE throughline_journal_${slot} PARTITION OF throughline_journal FOR VALUES IN (${slot})`,
    ),
    SECRET,
  ]
}

/** The key of journals whose app names none: in the database, where all of its processes find the same. */
const SECRET = `CREATE TABLE throughline_secret (
  one boolean NOT NULL PRIMARY KEY DEFAULT true CHECK (one),
  secret text NOT NULL
)`

/**
 * Empties a partition that takes this many bytes and has no row: `emptied`; `small`; or `busy`, when it has rows, or
 * somebody has it in hand. It never waits, since whoever comes after it would wait with it.
 */
export const EMPTY = `CREATE OR REPLACE FUNCTION throughline_empty(slot bigint, threshold bigint) RETURNS text LANGUAGE plpgsql AS $fn$
DECLARE
  v_table text := 'throughline_journal_' || slot;
  v_found boolean;
BEGIN
  IF pg_total_relation_size(v_table::regclass) < threshold THEN RETURN 'small'; END IF;
  EXECUTE format('SELECT EXISTS (SELECT FROM %I)', v_table) INTO v_found;
  IF v_found THEN RETURN 'busy'; END IF;
  EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE NOWAIT', v_table);
  -- What was committed meanwhile is seen now, and nobody can append until this is over.
  EXECUTE format('SELECT EXISTS (SELECT FROM %I)', v_table) INTO v_found;
  IF v_found THEN RETURN 'busy'; END IF;
  EXECUTE format('TRUNCATE %I', v_table);
  RETURN 'emptied';
EXCEPTION WHEN lock_not_available THEN
  RETURN 'busy';
END
$fn$`
