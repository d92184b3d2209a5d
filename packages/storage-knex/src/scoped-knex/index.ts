import { isPlatformContext, tryCurrentTenant } from '@throughline/core'
import type { Knex } from 'knex'
import type { ScopedKnexOptions } from './options.ts'
import { type ScopedKnex, scopeKnex } from './scoped-knex.ts'

export type { ScopedKnexOptions, ScopedTableOptions } from './options.ts'
export type { ScopedKnex } from './scoped-knex.ts'

/**
 * The app's own knex, but always the current tenant's: every statement reads and writes that tenant's rows and no
 * others, whatever its form; what can not be held to that is refused. A statement belongs to the tenant in whose
 * context it was built, wherever it is awaited.
 *
 * @example
 * const db = scopedKnex(knex({ client: 'better-sqlite3', connection }), { tables: ['reports'], shared: ['countries'] })
 * app.get('/reports', async (req, res) => res.json(await db('reports').orderBy('id')))
 *
 * @throws ThroughlineError `OPTIONS_INVALID` with every mistake in `details.problems`
 */
export function scopedKnex(knex: Knex, options: ScopedKnexOptions): ScopedKnex {
  return scopeKnex(knex, { platform: isPlatformContext, ...options }, () => tryCurrentTenant()?.id)
}
