import { lockSchema, quoted } from './migrate.ts'
import { ownNames } from './own-names.ts'
import { ownRoutines, ownTables } from './own-tables.ts'
import type { PostgresConnection } from './pool.ts'
import type { Roles } from './roles.ts'

/** What the app's role may read of the journal where another role projects: all but the records, which mix tenants. */
const JOURNAL_COLUMNS = 'id, slot, lane, writer, seq, prev, mac, appended_at'
/** Written by the projector, read by the app. */
const PROJECTED = ['trail', 'heads', 'notable', 'repeats', 'usage_ledger', 'usage_rollups', 'writers', 'migrations']
/** Not the app's where another role projects. */
const OF_PROJECTOR = ['journal', 'leases', 'secret']
const PARTITION = /^throughline_journal_\d+$/

/** Everybody may call a function, unless the owner's default privileges say otherwise. */
export async function grantRoutines(connection: PostgresConnection, schema: string, role: string): Promise<void> {
  const routines = await ownRoutines(connection, schema)
  await connection.run(`GRANT EXECUTE ON FUNCTION ${routines.join(', ')} TO ${quoted(role)}`)
}

/** Gives the app's role and the projector's what they need of the schema, and nothing more; only what is missing changes. */
export async function grantRoles(
  connection: PostgresConnection,
  schema: string,
  { app, platform }: Roles,
): Promise<void> {
  await lockSchema(connection, schema)
  const owner = (await connection.get<{ name: string }>('SELECT current_user::text AS name'))?.name
  const place = quoted(schema)
  for (const role of new Set([app, platform])) {
    if (role === owner) continue
    await connection.run(`GRANT USAGE ON SCHEMA ${place} TO ${quoted(role)}`)
    await connection.run(`GRANT USAGE ON SEQUENCE throughline_journal_id TO ${quoted(role)}`)
    await grantRoutines(connection, schema, role)
  }
  const tables = await connection.all<{ name: string }>(
    'SELECT tablename AS name FROM pg_tables WHERE schemaname = $1::text AND tablename = ANY($2::text[])',
    schema,
    ownNames('TABLE'),
  )
  if (platform !== owner) {
    // By name: the schema may be one in which the app has tables too.
    const ours = (await ownTables(connection, schema)).map(({ name }) => `${place}.${quoted(name)}`)
    const parts = tables.filter(({ name }) => PARTITION.test(name)).map(({ name }) => `${place}.${quoted(name)}`)
    const all = [...ours, ...parts].join(', ')
    await connection.run(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${all} TO ${quoted(platform)}`)
    // Whoever projects also gives back the place that it took.
    await connection.run(`GRANT TRUNCATE ON ${parts.join(', ')} TO ${quoted(platform)}`)
  }
  if (app === owner || app === platform) return
  for (const { name } of tables) {
    const short = name.replace('throughline_', '')
    if (OF_PROJECTOR.includes(short) || PARTITION.test(name)) continue
    const rights = PROJECTED.includes(short) ? 'SELECT' : 'SELECT, INSERT, UPDATE, DELETE'
    await connection.run(`GRANT ${rights} ON ${quoted(name)} TO ${quoted(app)}`)
  }
  await connection.run(`GRANT INSERT, SELECT (${JOURNAL_COLUMNS}) ON throughline_journal TO ${quoted(app)}`)
}
