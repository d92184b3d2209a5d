import type { Throughline, ThroughlineOptions } from '@throughline/core'
import { createThroughline } from '@throughline/core'
import { knexStorage } from '@throughline/storage-knex'
import { catalog } from './catalog.ts'
import type { AppDatabase } from './database.ts'
import { organizationsIn } from './organizations.ts'

/** Throughline, as this application uses it. */
export type AppThroughline = Throughline<typeof catalog>

/** What of Throughline's options depends on the application alone: its catalog, its organizations, its members. */
export function tenancy({ directory }: AppDatabase) {
  const { load, isMember } = organizationsIn(directory)
  return { catalog, tenants: { load, isMember } } satisfies ThroughlineOptions
}

/**
 * Opens Throughline on a file of its own.
 *
 * @param filename of Throughline's records
 */
export function openThroughline(database: AppDatabase, filename: string): AppThroughline {
  return createThroughline({ ...tenancy(database), storage: knexStorage({ filename }) })
}
