/** Which options the view has, in a setting of the transaction that replaces it. */
const OPTIONS = 'throughline.view_options'

/**
 * Makes a view, in place of one of its name: in a transaction. What it reads is replaced, and how it reads it is whoever's
 * who set that (`security_invoker`): by itself the server would forget it, and show more to some than they may see.
 */
export function replacedView(name: string, select: string): readonly string[] {
  return [
    `SELECT set_config('${OPTIONS}', coalesce((
  SELECT array_to_string(reloptions, ', ') FROM pg_class WHERE oid = to_regclass('${name}')
), ''), true)`,
    `CREATE OR REPLACE VIEW ${name} AS\n${select}`,
    `DO $do$
BEGIN
  IF current_setting('${OPTIONS}') <> '' THEN
    EXECUTE format('ALTER VIEW ${name} SET (%s)', current_setting('${OPTIONS}'));
  END IF;
END
$do$`,
  ]
}
