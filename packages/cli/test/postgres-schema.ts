import { randomBytes } from 'node:crypto'
import { openPostgresAdmin, type PostgresAdmin } from '@throughline/storage-knex'
import knex, { type Knex } from 'knex'

/** A schema's name that is a test's own, and how the command line is told of it. */
export interface PostgresSchema {
  readonly schema: string
  readonly named: readonly string[]
  readonly database: Knex
  admin(): Promise<PostgresAdmin>
  /** Drops what is left of it. */
  drop(): Promise<void>
}

export function postgresSchema(url: string): PostgresSchema {
  const schema = `tl_cli_${process.pid}_${randomBytes(4).toString('hex')}`
  const database = knex({ client: 'pg', connection: url })
  return {
    schema,
    named: ['--url', url, '--schema', schema],
    database,
    admin: () => openPostgresAdmin({ url, schema, now: Date.now }),
    async drop() {
      await database.raw('DROP SCHEMA IF EXISTS ?? CASCADE', [schema])
      await database.destroy()
    },
  }
}
