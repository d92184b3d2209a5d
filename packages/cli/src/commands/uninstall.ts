import { existsSync, readdirSync, rmSync } from 'node:fs'
import type { RecordsTable } from '@throughline/storage-knex'
import type { Command } from 'commander'
import { UsageError } from '../failure.ts'
import { plainTable } from '../plain-table.ts'
import { withProgress } from '../progress.ts'
import type { RecordsAdmin } from '../records-admin.ts'
import { addPlaceOptions, type PlaceOptions, withAdmin } from '../records-place.ts'
import { type Remains, remainsOf } from '../remains.ts'
import type { Terminal } from '../terminal.ts'

const EXAMPLES = `
Stop the app first, and \`throughline export --all\` what you want to keep: what is dropped is gone. A file or a schema that
held nothing else is removed, a file with its key. Without --yes it only says what it would do, and exits with 2. On
Postgres run it as the role that owns the tables; each machine of the app keeps what it could not append in the folder
.throughline of its working directory: only the one of this directory is looked at.

Examples:
  $ throughline uninstall --file app.db.throughline.db
  $ throughline uninstall --file app.db.throughline.db --yes
  $ throughline uninstall --url postgres://owner@localhost/app --yes`

interface UninstallOptions extends PlaceOptions {
  readonly yes?: true
  readonly force?: true
}

/** `throughline uninstall`: takes everything of Throughline out of a file or a database. */
export function addUninstall(program: Command, terminal: Terminal): void {
  addPlaceOptions(program.command('uninstall'))
    .description('drop all tables of Throughline, with everything that is on record')
    .option('--yes', 'do it')
    .option('--force', 'even where records wait that nobody has seen: they are lost')
    .addHelpText('after', EXAMPLES)
    .action(async (options: UninstallOptions) => {
      const remains = await withAdmin(options, { readonly: true, terminal }, async (admin, name) => {
        const remains = remainsOf(options)
        const tables = await withProgress(
          terminal,
          () => 'still counting the rows',
          async () => admin.tables(),
        )
        if (tables.length === 0) throw new UsageError(`There is nothing of Throughline in ${remains.place}.`)
        terminal.write(contents(name, tables))
        if (!options.force) refuseWaiting((await admin.status()).backlog?.rows ?? 0, spilledIn(remains))
        if (!options.yes) throw new UsageError('Nothing was dropped; say --yes to do it.')
        return remains
      })
      const isEmpty = await withAdmin(options, { readonly: false, terminal }, (admin) => dropIn(admin, remains))
      if (isEmpty) for (const path of remains.files) rmSync(path, { force: true })
      if (remains.spill !== undefined) rmSync(remains.spill, { recursive: true, force: true })
      terminal.write(isEmpty ? remains.removed : remains.kept)
    })
}

function contents(name: string, tables: readonly RecordsTable[]): string {
  const rows = tables.map(({ type, name, rows: count }) => [type, name, count === undefined ? '' : String(count)])
  return `To be dropped from ${name}:\n${plainTable(['', 'name', 'rows'], rows)}`
}

/** What was acknowledged and is in no trail yet would be in no export either. */
function refuseWaiting(rows: number, spilled: number): void {
  if (rows > 0) {
    throw new UsageError(
      `${rows} ${rows === 1 ? 'row waits' : 'rows wait'} to be projected; run \`throughline worker --once\` first, or say --force to lose them.`,
    )
  }
  if (spilled > 0) {
    throw new UsageError(
      'Records were spilled beside the app and wait to be replayed; start the app once, or say --force to lose them.',
    )
  }
}

async function dropIn(admin: RecordsAdmin, { place }: Remains): Promise<boolean> {
  try {
    return await admin.drop()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (code.startsWith('SQLITE_BUSY')) {
      throw new UsageError(`${place} is open in another process; stop the app and its workers first.`)
    }
    if (code === 'CONFLICT') {
      throw new UsageError(`A process uses ${place}; stop the app and its workers first.`)
    }
    throw error
  }
}

function spilledIn({ spill }: Remains): number {
  return spill !== undefined && existsSync(spill) ? readdirSync(spill).length : 0
}
