import { openPostgresAdmin } from '@throughline/storage-knex'
import type { Command } from 'commander'
import { UsageError } from './failure.ts'
import type { RecordsAdmin } from './records-admin.ts'
import type { RecordsOptions } from './records-file.ts'
import { addRecordsOptions, withRecords } from './records-file.ts'
import type { Terminal } from './terminal.ts'

const DEFAULT_SCHEMA = 'throughline'
/** Postgres cuts longer names off. */
const MAX_SCHEMA_BYTES = 63
const RESERVED_SCHEMA = /^pg_|^\$user$/

/** How a command names records on any database. */
export interface PlaceOptions extends RecordsOptions {
  readonly schema?: string
}

/** Records on Postgres, and how they are called where people read it: without user and password. */
export interface PostgresPlace {
  readonly url: string
  readonly schema: string
  readonly name: string
}

/** Adds the options that name the records, on SQLite or Postgres. */
export function addPlaceOptions(command: Command): Command {
  return addRecordsOptions(command).option(
    '--schema <name>',
    `on Postgres: the schema of the records, "${DEFAULT_SCHEMA}" unless said`,
  )
}

/**
 * Opens the records for the time of `use`, wherever they are.
 *
 * @param options.readonly nothing is created or changed; without it what is missing is made
 * @throws UsageError when no records are named, or the file is not there
 */
export async function withAdmin<R>(
  named: PlaceOptions,
  options: { readonly readonly: boolean; readonly terminal: Terminal },
  use: (admin: RecordsAdmin, name: string) => R | Promise<R>,
): Promise<R> {
  const place = postgresPlace(named)
  if (place === undefined) return withRecords(named, options, use)
  const { url, schema, name } = place
  const admin = await openPostgresAdmin({ url, schema, readonly: options.readonly, now: options.terminal.now })
  try {
    return await use(admin, name)
  } finally {
    await admin.close()
  }
}

/** The place on Postgres that is named; `undefined` where it is a file. */
export function postgresPlace({ file, url, schema: given }: PlaceOptions): PostgresPlace | undefined {
  if (url === undefined || !/^postgres(ql)?:/i.test(url)) {
    if (given !== undefined) throw new UsageError('--schema goes with --url postgres://…; a file has none.')
    return undefined
  }
  const schema = given ?? DEFAULT_SCHEMA
  if (file !== undefined) throw new UsageError('Give either --file or --url, not both.')
  if (schema === '' || Buffer.byteLength(schema) > MAX_SCHEMA_BYTES || RESERVED_SCHEMA.test(schema)) {
    throw new UsageError(
      `--schema must be a name of 1 to ${MAX_SCHEMA_BYTES} bytes, and none of Postgres itself ("pg_…", "$user").`,
    )
  }
  if (!URL.canParse(url)) throw new UsageError('The URL can not be read; write postgres://user@host/database.')
  const { host, pathname } = new URL(url)
  return { url, schema, name: `postgres://${host}${pathname}, schema "${schema}"` }
}
