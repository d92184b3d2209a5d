import type { Feature, MigrationState, SqliteAdmin } from '@throughline/storage-knex'
import type { Command } from 'commander'
import { Option } from 'commander'
import type { RecordsOptions } from '../records-file.ts'
import { addRecordsOptions, withRecords } from '../records-file.ts'
import type { Terminal } from '../terminal.ts'

const FEATURES: readonly Feature[] = [
  'records',
  'usage',
  'tenants',
  'members',
  'config',
  'limit_overrides',
  'flag_overrides',
  'flags',
  'definitions',
]

const EXAMPLES = `
What a file has already is brought up to date; a new file gets everything. An app that takes an engine into use under
\`migrate: 'check'\` names the tables that it needs: they are listed in the error that it starts with.

Examples:
  $ throughline migrate --file app.db.throughline.db
  $ throughline migrate --file app.db.throughline.db --feature usage flags`

/** `throughline migrate`: brings the schema to this release's. */
export function addMigrate(program: Command, terminal: Terminal): void {
  addRecordsOptions(program.command('migrate'))
    .description('bring the schema to the one of this release')
    .addOption(new Option('--feature <names...>', 'tables to add besides those that the file has').choices(FEATURES))
    .addHelpText('after', EXAMPLES)
    .action((options: RecordsOptions & { readonly feature?: readonly Feature[] }) =>
      withRecords(options, { readonly: false, terminal }, (admin, filename) => {
        const applied = migrate(admin, options.feature)
        terminal.write(
          applied.length > 0
            ? `Applied to ${filename}: ${applied.join(', ')}.\n`
            : `${filename} is up to date; nothing was applied.\n`,
        )
        const unused = featuresOf(admin.status().migrations, (state) => state.appliedAt === undefined)
        if (unused.length > 0) terminal.write(`It has no tables for ${unused.join(', ')}: add them with --feature.\n`)
      }),
    )
}

function migrate(admin: SqliteAdmin, named: readonly Feature[] | undefined): readonly string[] {
  if (named === undefined) return admin.migrate()
  const present = featuresOf(admin.status().migrations, (state) => state.appliedAt !== undefined)
  return admin.migrate([...new Set<Feature>(['records', ...present, ...named])])
}

function featuresOf(states: readonly MigrationState[], which: (state: MigrationState) => boolean): readonly Feature[] {
  return [...new Set(states.filter(which).map((state) => state.feature))]
}
