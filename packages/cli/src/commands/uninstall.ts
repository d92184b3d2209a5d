import { existsSync, readdirSync, rmSync } from 'node:fs'
import type { RecordsTable } from '@throughline/storage-knex'
import type { Command } from 'commander'
import { UsageError } from '../failure.ts'
import { plainTable } from '../plain-table.ts'
import type { RecordsOptions } from '../records-file.ts'
import { addRecordsOptions, existingFile, withRecords } from '../records-file.ts'
import type { Terminal } from '../terminal.ts'

const EXAMPLES = `
Stop the app first, and \`throughline export --all\` what you want to keep: what is dropped is gone. A file that held
nothing else is removed, with its key. Without --yes it only says what it would do, and exits with 2.

Examples:
  $ throughline uninstall --file app.db.throughline.db
  $ throughline uninstall --file app.db.throughline.db --yes`

interface UninstallOptions extends RecordsOptions {
  readonly yes?: true
  readonly force?: true
}

/** `throughline uninstall`: takes every table and view of Throughline out of a file. */
export function addUninstall(program: Command, terminal: Terminal): void {
  addRecordsOptions(program.command('uninstall'))
    .description('drop all tables of Throughline, with everything that is on record')
    .option('--yes', 'do it')
    .option('--force', 'even where records wait that nobody has seen: they are lost')
    .addHelpText('after', EXAMPLES)
    .action(async (options: UninstallOptions) => {
      const filename = existingFile(options)
      await withRecords(options, { readonly: true, terminal }, (admin) => {
        const tables = admin.tables()
        if (tables.length === 0) throw new UsageError(`There is nothing of Throughline in "${filename}".`)
        terminal.write(contents(filename, tables))
        if (!options.force) refuseWaiting(admin.status().backlog?.rows ?? 0, spilledIn(filename))
        if (!options.yes) throw new UsageError('Nothing was dropped; say --yes to do it.')
      })
      const isEmpty = await withRecords(options, { readonly: false, terminal }, (admin) => dropIn(admin, filename))
      if (isEmpty) for (const path of [filename, `${filename}.key`]) rmSync(path, { force: true })
      rmSync(spillOf(filename), { recursive: true, force: true })
      terminal.write(
        isEmpty ? `Removed ${filename} and its key.\n` : `Dropped; ${filename} holds other tables, and stays.\n`,
      )
    })
}

function contents(filename: string, tables: readonly RecordsTable[]): string {
  const rows = tables.map(({ type, name, rows: count }) => [type, name, count === undefined ? '' : String(count)])
  return `To be dropped from ${filename}:\n${plainTable(['', 'name', 'rows'], rows)}`
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
      'Records were spilled beside the file and wait to be replayed; start the app once, or say --force to lose them.',
    )
  }
}

function dropIn(admin: { drop(): boolean }, filename: string): boolean {
  try {
    return admin.drop()
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('SQLITE_BUSY')) {
      throw new UsageError(`"${filename}" is open in another process; stop the app and its workers first.`)
    }
    throw error
  }
}

function spillOf(filename: string): string {
  return `${filename}.spill`
}

function spilledIn(filename: string): number {
  return existsSync(spillOf(filename)) ? readdirSync(spillOf(filename)).length : 0
}
