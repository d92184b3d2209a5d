import type { Dialect } from '../dialect.ts'

/**
 * ms that a row is kept beyond its end: whoever decides may have read the time a little earlier, and on the caller's clock
 * processes differ.
 */
export const KEPT_MS = 60_000

/**
 * Two tables for all policies of all tenants. Where nothing is used there is no row, and a row that `expires_at` (ms
 * since the epoch) has passed says no more than none would.
 *
 * | kind   | used                            | scale          | other                      |
 * |--------|---------------------------------|----------------|----------------------------|
 * | rate   | its debt                        | weight         | how much of it falls a ms  |
 * | window | units in the window that runs   | ms of a window | units in the one before it |
 *
 * All of it as it stood at `changed_at` (ms since the epoch), which never goes back.
 *
 * @param stored how rows are stored: no index has a column that a decision changes, so that a page with some room to
 *   spare can keep a row's versions together
 */
export function limitTables({ text, integer }: Pick<Dialect, 'text' | 'integer'>, stored: string): readonly string[] {
  return [
    `CREATE TABLE IF NOT EXISTS throughline_limits (
  tenant_id ${text} NOT NULL,
  key ${text} NOT NULL,
  kind ${text} NOT NULL,
  used ${integer} NOT NULL,
  scale ${integer} NOT NULL,
  other ${integer} NOT NULL,
  changed_at ${integer} NOT NULL,
  expires_at ${integer} NOT NULL,
  PRIMARY KEY (tenant_id, key)
) ${stored}`,
    // What concurrency holds.
    `CREATE TABLE IF NOT EXISTS throughline_limit_leases (
  tenant_id ${text} NOT NULL,
  key ${text} NOT NULL,
  lease ${text} NOT NULL,
  units ${integer} NOT NULL,
  ends_at ${integer} NOT NULL,
  PRIMARY KEY (tenant_id, key, lease)
) ${stored}`,
  ]
}
