import type { DocumentKind } from '@throughline/core/storage'
import { ThroughlineError } from '@throughline/core/storage'
import type { Dialect } from '../dialect.ts'
import type { Migration } from './migration.ts'
import { timelineView } from './timeline-view.ts'

/** Every kind of document, each with a table of its own. */
export const DOCUMENT_KINDS: readonly DocumentKind[] = [
  'tenants',
  'members',
  'config',
  'limit_overrides',
  'flag_overrides',
  'flags',
  'definitions',
]

/** Where the migrations that were applied are listed; made before the first of them. */
export function migrationsTable({ text, integer }: Dialect): string {
  return `CREATE TABLE IF NOT EXISTS throughline_migrations (
  name ${text} NOT NULL PRIMARY KEY,
  feature ${text} NOT NULL,
  phase ${text} NOT NULL,
  applied_at ${integer} NOT NULL
)`
}

/** Ledger entries under a key of the app (`k:…`), as against `s:…`: the condition of their index, to be repeated. */
export const HAS_APP_KEY = "key < 's:'"

/** The table of one kind of document: a name that may stand in SQL, since it is one of ours. */
export function documentTable(kind: DocumentKind): string {
  if (!DOCUMENT_KINDS.includes(kind))
    throw new ThroughlineError('OPTIONS_INVALID', { message: 'There is no such kind of document.' })
  return `throughline_${kind}`
}

/**
 * Functions and views hold nothing: a release that changes the text of one adds a name, and all of them are replaced in
 * schemas that are there already. The release before it goes on with them, so they still take and answer what it
 * expects: one that can't gets another name.
 */
const DEFINITIONS: readonly string[] = ['006-definitions']

function definitionsIn(dialect: Dialect): readonly Migration[] {
  const statements = [...dialect.routines, ...timelineView(dialect)]
  return DEFINITIONS.map((name) => ({
    name,
    feature: 'records',
    phase: 'expand',
    statements: name === DEFINITIONS.at(-1) ? statements : [],
  }))
}

/** Every migration, in the order in which they are applied. */
export function allMigrations(dialect: Dialect): readonly Migration[] {
  return [
    {
      name: '001-journal',
      feature: 'records',
      phase: 'expand',
      statements: [...dialect.columnRoutines, ...journalTables(dialect)],
    },
    { name: '002-trail', feature: 'records', phase: 'expand', statements: trailTables(dialect) },
    { name: '003-usage', feature: 'usage', phase: 'expand', statements: usageTables(dialect) },
    ...DOCUMENT_KINDS.map(
      (kind): Migration => ({
        name: `004-${kind}`,
        feature: kind,
        phase: 'expand',
        statements: [documents(dialect, kind)],
      }),
    ),
    ...(dialect.limits.length > 0
      ? [{ name: '005-limits', feature: 'limits', phase: 'expand', statements: dialect.limits } as const]
      : []),
    ...definitionsIn(dialect),
  ]
}

/** Platform tables: they mix tenants, and only the writer and the projector read them. */
function journalTables(dialect: Dialect): string[] {
  const { text, integer, clustered } = dialect
  return [
    ...dialect.journal(`  lane ${integer} NOT NULL,
  writer ${text} NOT NULL,
  seq ${integer} NOT NULL,
  prev ${text} NOT NULL,
  mac ${text} NOT NULL,
  appended_at ${integer} NOT NULL,
  body ${text} NOT NULL`),
    `CREATE TABLE throughline_writers (
  writer ${text} NOT NULL PRIMARY KEY,
  seq ${integer} NOT NULL,
  mac ${text} NOT NULL,
  updated_at ${integer} NOT NULL
) ${clustered}`,
    `CREATE TABLE throughline_leases (
  lane ${integer} NOT NULL PRIMARY KEY,
  holder ${text} NOT NULL,
  token ${integer} NOT NULL,
  expires_at ${integer} NOT NULL,
  position ${integer} NOT NULL
)`,
    `CREATE TABLE throughline_versions (
  scope ${text} NOT NULL PRIMARY KEY,
  version ${integer} NOT NULL,
  changed_at ${integer} NOT NULL
) ${clustered}`,
    'CREATE INDEX throughline_versions_changed ON throughline_versions (changed_at)',
  ]
}

function trailTables(dialect: Dialect): string[] {
  const { text, integer, clustered } = dialect
  return [
    // Not clustered: segments are appended side by side, whole pages of them, and found by the small key's index.
    `CREATE TABLE throughline_trail (
  tenant_id ${text} NOT NULL,
  first_seq ${integer} NOT NULL,
  count ${integer} NOT NULL,
  from_at ${integer} NOT NULL,
  to_at ${integer} NOT NULL,
  latest_at ${integer} NOT NULL,
  prev_hash ${text} NOT NULL,
  hash ${text} NOT NULL,
  body ${text} NOT NULL,
  PRIMARY KEY (tenant_id, first_seq)
)`,
    `CREATE TABLE throughline_heads (
  tenant_id ${text} NOT NULL PRIMARY KEY,
  seq ${integer} NOT NULL,
  hash ${text} NOT NULL,
  latest_at ${integer} NOT NULL
) ${clustered}`,
    `CREATE TABLE throughline_notable (
  tenant_id ${text} NOT NULL,
  action ${text} NOT NULL,
  seq ${integer} NOT NULL,
  event_index ${integer} NOT NULL,
  at ${integer} NOT NULL,
  actor_id ${text} NOT NULL,
  record ${text} NOT NULL,
  PRIMARY KEY (tenant_id, action, seq, event_index)
) ${clustered}`,
    `CREATE TABLE throughline_repeats (
  tenant_id ${text} NOT NULL,
  at ${integer} NOT NULL,
  record_id ${text} NOT NULL,
  count ${integer} NOT NULL,
  PRIMARY KEY (tenant_id, at, record_id)
) ${clustered}`,
  ]
}

function usageTables({ text, integer, clustered }: Dialect): string[] {
  return [
    `CREATE TABLE throughline_usage_ledger (
  tenant_id ${text} NOT NULL,
  meter ${text} NOT NULL,
  key ${text} NOT NULL,
  hour ${integer} NOT NULL,
  quantity ${integer} NOT NULL,
  count ${integer} NOT NULL
)`,
    // Only the app's own keys are looked up. What has none is written side by side, not into a page of each tenant.
    `CREATE UNIQUE INDEX throughline_usage_ledger_key ON throughline_usage_ledger (tenant_id, meter, key)
WHERE ${HAS_APP_KEY}`,
    `CREATE TABLE throughline_usage_rollups (
  tenant_id ${text} NOT NULL,
  meter ${text} NOT NULL,
  hour ${integer} NOT NULL,
  quantity ${integer} NOT NULL,
  count ${integer} NOT NULL,
  PRIMARY KEY (tenant_id, meter, hour)
) ${clustered}`,
    `CREATE TABLE throughline_quotas (
  tenant_id ${text} NOT NULL,
  meter ${text} NOT NULL,
  period ${text} NOT NULL,
  used ${integer} NOT NULL,
  PRIMARY KEY (tenant_id, meter, period)
) ${clustered}`,
  ]
}

function documents(dialect: Dialect, kind: DocumentKind): string {
  const { text, integer, clustered } = dialect
  const computed =
    kind === 'tenants'
      ? `,\n  ${dialect.generated('plan', 'value', 'plan')},\n  ${dialect.generated('status', 'value', 'status')}`
      : ''
  return `CREATE TABLE ${documentTable(kind)} (
  tenant_id ${text} NOT NULL,
  key ${text} NOT NULL,
  value ${text} NOT NULL,
  version ${integer} NOT NULL,
  updated_at ${integer} NOT NULL${computed},
  PRIMARY KEY (tenant_id, key)
) ${clustered}`
}
