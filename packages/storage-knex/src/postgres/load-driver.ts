import { createRequire } from 'node:module'
import { join } from 'node:path'
import { ThroughlineError } from '@throughline/core/storage'
import type { Knex } from 'knex'
import { PgDriver, type PgPackage } from './pg-driver.ts'
import { pgliteClientOf } from './pglite.ts'
import { PgliteDriver } from './pglite-driver.ts'
import type { PostgresDriver } from './session.ts'

export type { PostgresDriver } from './session.ts'

/**
 * What reaches the app's Postgres: the app's own knex where that is a PGlite, else the `pg` that is installed.
 *
 * @throws ThroughlineError `OPTIONS_INVALID` when there is no `pg`
 */
export async function loadPostgresDriver(app?: Knex): Promise<PostgresDriver> {
  const pglite = app && pgliteClientOf(app)
  return pglite ? new PgliteDriver(pglite) : new PgDriver(await loadPg())
}

/** Found from this package, else from the application. */
async function loadPg(): Promise<PgPackage> {
  try {
    return (await import('pg')).default
  } catch (error) {
    try {
      return createRequire(join(process.cwd(), 'package.json'))('pg')
    } catch {
      throw new ThroughlineError('OPTIONS_INVALID', {
        message: 'Records on Postgres need the package pg: `npm install pg`.',
        cause: error,
      })
    }
  }
}
