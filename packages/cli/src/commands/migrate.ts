import type { Feature, MigrationState } from '@throughline/storage-knex'
import type { Command } from 'commander'
import { Option } from 'commander'
import { UsageError } from '../failure.ts'
import { printable } from '../plain-table.ts'
import type { RecordsAdmin } from '../records-admin.ts'
import type { PlaceOptions } from '../records-place.ts'
import { addPlaceOptions, postgresPlace, withAdmin } from '../records-place.ts'
import type { Terminal } from '../terminal.ts'

const FEATURES: readonly Feature[] = [
  'records',
  'usage',
  'limits',
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
  $ throughline migrate --file app.db.throughline.db --feature usage flags
  $ throughline migrate --url postgres://owner@localhost/app --grant app`

interface MigrateOptions extends PlaceOptions {
  readonly feature?: readonly Feature[]
  readonly grant?: string
  readonly grantWorker?: string
}

/** `throughline migrate`: brings the schema to this release's. */
export function addMigrate(program: Command, terminal: Terminal): void {
  addPlaceOptions(program.command('migrate'))
    .description('bring the schema to the one of this release')
    .addOption(new Option('--feature <names...>', 'tables to add besides those that the file has').choices(FEATURES))
    .option('--grant <role>', "on Postgres: give the app's role what it needs of the schema")
    .option('--grant-worker <role>', 'on Postgres: with --grant, the role of a worker; the app then may not project')
    .addHelpText('after', EXAMPLES)
    .action((options: MigrateOptions) => {
      const { grant, grantWorker = grant } = options
      if (grantWorker !== undefined && (grant === undefined || postgresPlace(options) === undefined)) {
        throw new UsageError('--grant goes with --url postgres://…, and --grant-worker with --grant.')
      }
      return withAdmin(options, { readonly: false, terminal }, async (admin, name) => {
        const applied = await migrate(admin, options.feature)
        terminal.write(
          applied.length > 0
            ? `Applied to ${name}: ${applied.join(', ')}.\n`
            : `${name} is up to date; nothing was applied.\n`,
        )
        if (grant !== undefined && grantWorker !== undefined) {
          await admin.grant?.({ app: grant, platform: grantWorker })
          terminal.write(`Granted to ${[...new Set([grant, grantWorker])].map(printable).join(', ')}.\n`)
        }
        const unused = featuresOf((await admin.status()).migrations, (state) => state.appliedAt === undefined)
        if (unused.length > 0) terminal.write(`It has no tables for ${unused.join(', ')}: add them with --feature.\n`)
      })
    })
}

async function migrate(admin: RecordsAdmin, named: readonly Feature[] | undefined): Promise<readonly string[]> {
  if (named === undefined) return admin.migrate()
  const present = featuresOf((await admin.status()).migrations, (state) => state.appliedAt !== undefined)
  return admin.migrate([...new Set<Feature>(['records', ...present, ...named])])
}

function featuresOf(states: readonly MigrationState[], which: (state: MigrationState) => boolean): readonly Feature[] {
  return [...new Set(states.filter(which).map((state) => state.feature))]
}
