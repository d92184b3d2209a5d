import { existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { SqliteAdmin } from '@throughline/storage-knex'
import { openSqliteAdmin } from '@throughline/storage-knex'
import type { Command } from 'commander'
import { UsageError } from './failure.ts'
import type { Terminal } from './terminal.ts'

/** How a command names the records. */
export interface RecordsOptions {
  readonly file?: string
  readonly url?: string
}

/** Adds the options that name the records. */
export function addRecordsOptions(command: Command): Command {
  return command
    .option('--file <path>', 'the SQLite file of the records, by default "<the app\'s file>.throughline.db"')
    .option('--url <url>', 'the records as a URL: sqlite:<path> or postgres://user@host/database')
}

/**
 * Opens the records for the time of `use`.
 *
 * @param options.readonly nothing is created or changed; without it a file that is missing is made
 * @throws UsageError when no file is named, or it is not there
 */
export async function withRecords<R>(
  named: RecordsOptions,
  options: { readonly readonly: boolean; readonly terminal: Terminal },
  use: (admin: SqliteAdmin, filename: string) => R | Promise<R>,
): Promise<R> {
  const filename = filenameOf(named)
  if (options.readonly) mustExist(filename)
  if (existsSync(filename) && !statSync(filename).isFile()) throw new UsageError(`"${filename}" is not a file.`)
  if (!existsSync(dirname(filename))) throw new UsageError(`There is no folder "${dirname(filename)}"; make it first.`)
  const admin = await openSqliteAdmin({ filename, readonly: options.readonly, now: options.terminal.now })
  try {
    return await use(admin, filename)
  } finally {
    admin.close()
  }
}

/**
 * The file that is named, which must be there.
 *
 * @throws UsageError when no file is named, or it is not there
 */
export function existingFile(named: RecordsOptions): string {
  const filename = filenameOf(named)
  mustExist(filename)
  return filename
}

function mustExist(filename: string): void {
  if (!existsSync(filename)) throw new UsageError(`There is no file "${filename}".${near(filename)}`)
}

function filenameOf({ file, url }: RecordsOptions): string {
  if (file !== undefined && url !== undefined) throw new UsageError('Give either --file or --url, not both.')
  const path = file ?? pathOf(url)
  if (path === undefined || path === '') throw new UsageError('Name the records: --file <path> or --url <url>.')
  if (path === ':memory:') throw new UsageError('Records in memory are those of one process; name a file.')
  return path
}

function pathOf(url: string | undefined): string | undefined {
  if (url === undefined) return undefined
  const [, scheme, rest] = /^([a-z][a-z0-9+.-]*):(.*)$/i.exec(url) ?? []
  if (scheme === undefined || rest === undefined) {
    throw new UsageError(`The URL can not be read; write sqlite:<path>, or use --file.`)
  }
  if (scheme.toLowerCase() !== 'sqlite') {
    throw new UsageError(
      `Records on "${scheme}" are not supported; write sqlite:<path>, or postgres://user@host/database.`,
    )
  }
  // `sqlite:///var/x.db` has an empty host before its path, as `file:///` does.
  return rest.startsWith('//') ? rest.slice(2) : rest
}

/** The app's own file was named while the records stand beside it. */
function near(filename: string): string {
  const beside = `${filename}.throughline.db`
  return existsSync(beside) ? ` Did you mean "${beside}"?` : ' Check the path; `throughline migrate` makes a new file.'
}
