import type { RecordsOpen } from '@throughline/core/storage'
import type { Knex } from 'knex'
import { featuresOf } from '../migrations/migration.ts'
import { checkSchema } from './check-schema.ts'
import { codeOf } from './failure.ts'
import { grantRoles } from './grants.ts'
import { applyMigrations, checkMigrations } from './migrate.ts'
import type { PostgresConnection } from './pool.ts'

const FORBIDDEN = '42501'
const AS_OWNER = 'This role may not make them: run `npx throughline migrate` as the one that owns the schema.'

export interface SchemaOwners {
  readonly schema: string
  readonly app: Knex
  readonly platform: Knex
  readonly migrate?: Knex | undefined
}

/** Lends a connection of a role for a moment. */
type Once = <T>(knex: Knex, work: (connection: PostgresConnection) => Promise<T>) => Promise<T>

/**
 * Migrates the schema as its owner and grants the roles that use it what they need; or looks, as the app's role.
 *
 * @throws ThroughlineError `STORAGE_SCHEMA_OUTDATED`, `OPTIONS_INVALID`, `RECORDS_UNAVAILABLE`
 */
export async function openSchema(owners: SchemaOwners, options: RecordsOpen, once: Once): Promise<void> {
  const { schema, app, platform, migrate = app } = owners
  const features = featuresOf(options)
  if (options.migrate === 'check') {
    await once(app, async (connection) => {
      await checkSchema(connection, schema)
      await checkMigrations(connection, features)
    })
    return
  }
  await once(migrate, async (connection) => {
    await checkSchema(connection, schema)
    await applyMigrations(connection, schema, features, options.now()).catch(async (cause: unknown) => {
      if (codeOf(cause) === FORBIDDEN) await checkMigrations(connection, features, { remedy: AS_OWNER, cause })
      throw cause
    })
  })
  if (migrate === app) return
  const roles = { app: await once(app, roleOf), platform: await once(platform, roleOf) }
  await once(migrate, (connection) => connection.transaction(() => grantRoles(connection, schema, roles)))
}

async function roleOf(connection: PostgresConnection): Promise<string> {
  return (await connection.get<{ name: string }>('SELECT current_user::text AS name'))?.name ?? ''
}
