import { realpathSync } from 'node:fs'
import { knexStorage } from '@throughline/storage-knex'
import knex from 'knex'
import { existingFile } from './records-file.ts'
import { type PlaceOptions, postgresPlace } from './records-place.ts'

/** What there is of records beside their tables, and what is said of the place when these are gone. */
export interface Remains {
  /** How the place is called in a sentence. */
  readonly place: string
  /** Of no use when nothing is left in the place. */
  readonly files: readonly string[]
  /** Where what could not be appended waits to be replayed. */
  readonly spill: string | undefined
  readonly removed: string
  readonly kept: string
}

/** @throws UsageError when no records are named, or the file is not there */
export function remainsOf(options: PlaceOptions): Remains {
  const place = postgresPlace(options)
  if (place === undefined) {
    const filename = existingFile(options)
    const file = realpathSync.native(filename)
    return {
      place: `"${filename}"`,
      files: [filename, file, `${file}.key`],
      spill: `${file}.spill`,
      removed: `Removed ${filename} and its key.\n`,
      kept: `Dropped; ${filename} holds other tables, and stays.\n`,
    }
  }
  const { url, schema, name } = place
  // It only says where the database is: no connection is made by it.
  const { records } = knexStorage({ app: knex({ client: 'pg', connection: url }), schema })
  return {
    place: name,
    files: [],
    spill: records.spillDirectory,
    removed: `Removed the schema "${schema}".\n`,
    kept: `Dropped; the schema "${schema}" stays.\n`,
  }
}
