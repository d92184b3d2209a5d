import { createRequire } from 'node:module'
import { join } from 'node:path'
import { ThroughlineError } from '@throughline/core/storage'
import type { Client, Pool } from 'pg'

/** What is used of the package `pg`. */
export interface PostgresDriver {
  readonly Client: typeof Client
  readonly Pool: typeof Pool
}

/**
 * The `pg` that is installed: found from this package, else from the application.
 *
 * @throws ThroughlineError `OPTIONS_INVALID` when there is none
 */
export async function loadPostgresDriver(): Promise<PostgresDriver> {
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
